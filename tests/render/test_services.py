"""What a worker, a ready image, a sidecar and a volume become on each target; every input is one that AWS takes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.validate import validate_parameters

from culm import render
from culm.project.load import load
from culm.project.project import MigrationCommand, Project
from culm.render import identity

AROUND = render.Surroundings(
    env="stg",
    region="us-east-1",
    account="000000000000",
    vault="culm-shop-000000000000-us-east-1",
    vpc="vpc-1",
    subnets=("subnet-1", "subnet-2"),
    port=8080,
    instances="2 x t2.micro",
    load_balancer="http://shop.elb.localhost:8080",
    databases={"main": ("10.0.0.5", 5432)},
)
AWS = replace(AROUND, provider="aws")
MANIFEST = """\
name: shop
databases: {main: }
buckets: [uploads]
volumes: {data: {efs: fs-0123456789}}
services:
  web:
    path: /shop/*
    strip: true
    host: shop.example.com
    headers: {X-Beta: "on"}
    drain: 20
    environment: {API: "{api.url}/v1", DB: "{main.host}:{main.port}", BRACES: "{{api.url}}"}
    secrets:
      KEY: {from: "arn:aws:secretsmanager:us-east-1:000000000000:secret:key-Ab1:json::", reason: vendor}
      PARAMETER: {from: /shop/x, reason: vendor}
    ports: [9090, 8125/udp]
    user: "1000"
    read-only: true
    init: true
    tmpfs: {/tmp: 64}
    ulimits: {nofile: 1024/4096}
    volumes: {data: /data}
    stop: 40
    health: {path: /up, command: curl localhost, interval: 10}
    sidecars:
      proxy: {image: envoy:1, ready: healthy, health: {command: [true]}, volumes: {data: "/data:ro"}, memory: 32}
      setup: {command: ./setup, essential: false, ready: success}
  worker:
    build: web
    path: none
    buckets: [uploads]
    environment: {STORE: "{uploads.bucket}"}
    command: work
    health: {command: [check]}
    grace: 400
  api: {image: "nginx:1.27", port: 80, path: /}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_text("FROM base\nEXPOSE 8000\n")
    (tmp_path / "culm.yml").write_text(MANIFEST)
    return load(tmp_path / "culm.yml")


def valid(service: str, operation: str, given: Any) -> None:
    model = boto3.client(service, region_name="us-east-1").meta.service_model.operation_model(operation)
    assert model.input_shape is not None
    validate_parameters(given, model.input_shape)


def rendered(project: Project, name: str, around: render.Surroundings = AROUND) -> Any:
    given = render.task_definition(project, project.services[name], "image@sha256:0", None, around)
    valid("ecs", "RegisterTaskDefinition", given)
    return given


def test_a_migration_in_the_services_image_has_its_command_user_and_volumes(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_text("FROM python\nEXPOSE 80\n")
    (tmp_path / "culm.yml").write_text(
        "name: shop\nservices:\n"
        "  web: {migrate: {command: ./migrate}, entrypoint: [/init], user: '7', volumes: {data: /data}}\n"
    )
    project = load(tmp_path / "culm.yml")
    web, image = project.services["web"], "127.0.0.1:5/shop/web@sha256:00"
    made = render.migration(project, web, image, AROUND)
    [container] = made["containerDefinitions"]
    members = ("image", "command", "entryPoint", "user")
    assert [container[name] for name in members] == [image, ["./migrate"], ["/init"], "7"]
    assert [volume["name"] for volume in made["volumes"]] == ["shop-data"]
    assert made["family"] == "shop-web-migrate"
    valid("ecs", "RegisterTaskDefinition", made)
    [own] = render.task_definition(project, web, image, image, AROUND)["containerDefinitions"]
    label = own["dockerLabels"][render.MIGRATION_LABEL]
    assert render.migration_image(label) == "sha256:00"
    other = replace(web, migration_command=MigrationCommand(command=("./migrate", "--all")))
    assert label != render.migration_label(other, image), "another command is another migration"
    assert render.repositories(project) == ["shop/web"]


def test_a_worker_has_no_port_and_is_behind_no_load_balancer(project: Project) -> None:
    [container] = rendered(project, "worker")["containerDefinitions"]
    assert "portMappings" not in container
    assert container["command"] == ["work"]
    assert container["healthCheck"] == {
        "command": ["CMD", "check"],
        "interval": 5,
        "timeout": 2,
        "retries": 3,
        "startPeriod": 300,
    }
    service = render.service(project, project.services["worker"], "arn", None)
    valid("ecs", "CreateService", service)
    assert service["loadBalancers"] == []
    assert "healthCheckGracePeriodSeconds" not in service
    assert render.by_specificity(project.services) == ["web", "api"]


def test_services_of_one_folder_have_one_repository_and_a_ready_image_has_none(project: Project) -> None:
    assert render.repositories(project) == ["shop/web"]
    assert render.repository(project, project.services["worker"]) == "shop/web"


def test_whoever_is_built_from_anothers_folder_reads_its_configuration_too(project: Project) -> None:
    [objects, listing, *_] = identity.policy(project, project.services["worker"], AROUND)["Statement"]
    assert objects["Resource"] == [f"arn:aws:s3:::{AROUND.vault}/stg/{name}/*" for name in ("worker", "web")]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["stg/worker/*", "stg/web/*"]}}


def test_the_execution_role_may_fetch_the_secrets_that_are_named_and_no_others(project: Project) -> None:
    statements = identity.execution_policy(project, AROUND)["Statement"]
    assert statements[-2:] == [
        {
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": "arn:aws:secretsmanager:us-east-1:000000000000:secret:key-Ab1",
        },
        {
            "Effect": "Allow",
            "Action": "ssm:GetParameters",
            "Resource": "arn:aws:ssm:us-east-1:000000000000:parameter/shop/x",
        },
    ]


def test_a_container_has_all_that_is_written(project: Project) -> None:
    definition = rendered(project, "web")
    web, proxy, setup = definition["containerDefinitions"]
    assert web["portMappings"] == [
        {"containerPort": 8000, "hostPort": 0, "protocol": "tcp"},
        {"containerPort": 9090, "hostPort": 0, "protocol": "tcp"},
        {"containerPort": 8125, "hostPort": 0, "protocol": "udp"},
    ]
    assert {pair["name"]: pair["value"] for pair in web["environment"]} == {
        "MYENV": "stg",
        "VAULT": "s3://culm-shop-000000000000-us-east-1",
        "API": "http://shop.elb.localhost:8080/v1",
        "DB": "10.0.0.5:5432",
        "BRACES": "{api.url}",
    }
    assert web["secrets"][1] == {"name": "PARAMETER", "valueFrom": "/shop/x"}
    assert (web["user"], web["readonlyRootFilesystem"], web["stopTimeout"]) == ("1000", True, 40)
    assert web["linuxParameters"] == {"initProcessEnabled": True, "tmpfs": [{"containerPath": "/tmp", "size": 64}]}
    assert web["ulimits"] == [{"name": "nofile", "softLimit": 1024, "hardLimit": 4096}]
    assert web["dependsOn"] == [
        {"containerName": "proxy", "condition": "HEALTHY"},
        {"containerName": "setup", "condition": "SUCCESS"},
    ]
    assert (proxy["image"], proxy["memory"], setup["image"], setup["essential"]) == (
        "envoy:1",
        32,
        "image@sha256:0",
        False,
    )
    assert web["mountPoints"] == [{"sourceVolume": "shop-data", "containerPath": "/data", "readOnly": False}]


def test_a_volume_is_a_folder_locally_and_a_file_system_on_aws(project: Project) -> None:
    assert rendered(project, "web")["volumes"] == [
        {
            "name": "shop-data",
            "dockerVolumeConfiguration": {"scope": "shared", "autoprovision": True, "driver": "local"},
        }
    ]
    assert rendered(project, "web", AWS)["volumes"] == [
        {
            "name": "shop-data",
            "efsVolumeConfiguration": {"fileSystemId": "fs-0123456789", "transitEncryption": "ENABLED"},
        }
    ]


def test_a_rule_asks_for_path_host_and_header_and_takes_the_beginning_away(project: Project) -> None:
    web = project.services["web"]
    rule = render.rule(web, "listener", "group", 10)
    valid("elbv2", "CreateRule", rule)
    assert rule["Conditions"] == [
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/shop/*", "/shop"]}},
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["shop.example.com"]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Beta", "Values": ["on"]}},
    ]
    [transform] = rule["Transforms"]
    assert transform["UrlRewriteConfig"]["Rewrites"] == [{"Regex": "^/shop/?(.*)$", "Replace": "/$1"}]
    assert render.routes(rule, web)
    assert not render.routes({**rule, "Transforms": []}, web)
    assert not render.routes({**rule, "Conditions": rule["Conditions"][:2]}, web)
    assert render.target_group_attributes(web, AROUND) == {"deregistration_delay.timeout_seconds": "20"}
    valid("elbv2", "ModifyTargetGroup", {"TargetGroupArn": "x", **render.health_check(web)})


def test_catch_alls_are_tried_last_and_hosts_first(project: Project) -> None:
    web, api = project.services["web"], project.services["api"]
    other = replace(api, name="other", paths=("/a/very/long/path/*",))
    assert render.by_specificity({"api": api, "other": other, "web": web}) == ["web", "other", "api"]


def test_a_bucket_is_its_users_to_read_and_write_and_nobody_elses(project: Project) -> None:
    name = "shop-uploads-000000000000-us-east-1"
    *_, objects, listing = identity.policy(project, project.services["worker"], AROUND)["Statement"]
    assert objects["Resource"] == f"arn:aws:s3:::{name}/*"
    assert listing == {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{name}"}
    assert name not in str(identity.policy(project, project.services["web"], AROUND))
    [container] = rendered(project, "worker")["containerDefinitions"]
    assert {"name": "STORE", "value": name} in container["environment"]


CALLS = """\
name: shop
services:
  web: {path: /*, calls: [api], environment: {API: "{api.url}/v1", OTHER: "{other.url}"}, memory: 128}
  api: {path: none, port: 9000, memory: 200, sidecars: {log: {image: "log:1", memory: 32}}}
  other: {}
"""


def calling(tmp_path: Path) -> Project:
    for name in ("web", "api", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM base\nEXPOSE 8080\n")
    (tmp_path / "culm.yml").write_text(CALLS)
    return load(tmp_path / "culm.yml")


def test_a_call_inside_goes_by_the_services_own_name_and_port_on_aws(tmp_path: Path) -> None:
    project = calling(tmp_path)
    wanted = render.task_definition(project, project.services["web"], "i@sha256:1", None, AWS)
    given = {pair["name"]: pair["value"] for pair in wanted["containerDefinitions"][0]["environment"]}
    assert (given["API"], given["OTHER"]) == ("http://api:9000/v1", "http://shop.elb.localhost:8080/other")
    service = render.service(project, project.services["api"], "arn", None, AWS.inner)
    valid("ecs", "CreateService", service)
    [endpoint] = service["serviceConnectConfiguration"]["services"]
    assert endpoint["clientAliases"] == [{"port": 9000, "dnsName": "api"}]
    caller = render.service(project, project.services["web"], "arn", "arn", AWS.inner)
    assert caller["serviceConnectConfiguration"] == {"enabled": True, "services": []}
    assert "serviceConnectConfiguration" not in render.service(project, project.services["other"], "arn", "arn")


def test_locally_it_goes_to_the_port_that_the_cluster_has_for_it(tmp_path: Path) -> None:
    project = calling(tmp_path)
    around = replace(AROUND, inner={"api": ("127.0.0.1", 8801)})
    wanted = render.task_definition(project, project.services["web"], "i@sha256:1", None, around)
    given = {pair["name"]: pair["value"] for pair in wanted["containerDefinitions"][0]["environment"]}
    assert given["API"] == "http://127.0.0.1:8801/v1"
    service = render.service(project, project.services["api"], "arn", None, around.inner)
    [endpoint] = service["serviceConnectConfiguration"]["services"]
    assert endpoint["clientAliases"] == [{"port": 8801, "dnsName": "api"}]


def test_the_proxy_has_its_memory_in_each_task_that_takes_part_and_no_other(tmp_path: Path) -> None:
    project = calling(tmp_path)
    sizes = {
        name: render.task_definition(project, one, "i@sha256:1", None, AWS).get("memory")
        for name, one in project.services.items()
    }
    assert sizes == {"web": "192", "api": "296", "other": None}
    api = render.task_definition(project, project.services["api"], "i@sha256:1", None, AWS)
    valid("ecs", "RegisterTaskDefinition", api)
    assert api["containerDefinitions"][0]["portMappings"] == [
        {"containerPort": 9000, "hostPort": 0, "protocol": "tcp", "name": "api", "appProtocol": "http"}
    ]


def test_on_aws_every_container_has_the_region_unless_it_says_another(project: Project) -> None:
    """ECS's agent on an instance sets none, and the SDKs want one; the local cluster's agent sets it."""
    around = replace(AROUND, provider="aws", region="eu-west-1")
    web, *beside = rendered(project, "web", around)["containerDefinitions"]
    for container in (web, *beside):
        assert [each["value"] for each in container["environment"] if each["name"] == "AWS_REGION"] == ["eu-west-1"]
    own = replace(project.services["web"].container, environment={"AWS_REGION": "us-west-2"})
    moved = replace(project, services={**project.services, "web": replace(project.services["web"], container=own)})
    [said] = [
        each
        for each in rendered(moved, "web", around)["containerDefinitions"][0]["environment"]
        if each["name"] == "AWS_REGION"
    ]
    assert said["value"] == "us-west-2"
    migration = render.migration(moved, moved.services["web"], "image@sha256:0", around)
    names = [each["name"] for each in migration["containerDefinitions"][0]["environment"]]
    assert names.count("AWS_REGION") == 1 and len(names) == len(set(names))
