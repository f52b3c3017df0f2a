"""Smaller tools that people have for ECS: each does its daily work on the local cluster."""

import base64
import json
import shutil
import time
from pathlib import Path

import pytest
from tests.acceptance.conftest import Cluster
from tests.acceptance.workshop import Workshop

DEPLOJO = (
    "cluster_name: deplojo\ntask_definitions: {web: {template: web.json}}\nservices: {web: {task_definition: web}}\n"
)


@pytest.fixture
def web(cluster: Cluster) -> str:
    cluster.ecs.create_cluster(clusterName="deplojo")
    revision = cluster.register("web")
    cluster.ecs.create_service(cluster="deplojo", serviceName="web", taskDefinition=revision, desiredCount=1)
    cluster.ecs.get_waiter("services_stable").wait(
        cluster="deplojo", services=["web"], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    return revision


def test_ecs_deplojo_deploys_and_ecsctl_lists(cluster: Cluster, workshop: Workshop, web: str, tmp_path: Path) -> None:
    described = cluster.ecs.describe_task_definition(taskDefinition=web)["taskDefinition"]
    [container] = described["containerDefinitions"]
    template = {"family": "web", "containerDefinitions": [container | {"image": cluster.images["2"]}]}
    (tmp_path / "web.json").write_text(json.dumps(template))
    (tmp_path / "deploy.yml").write_text(DEPLOJO)

    deplojo = workshop.python("ecs-deplojo==0.13.0") / "ecs-deplojo"
    said = cluster.run(deplojo, "--config", tmp_path / "deploy.yml", cwd=tmp_path)
    assert "Deployment finished: web (1/1)" in said.screen, said.screen

    ecsctl = workshop.python("ecsctl==20200907") / "ecsctl"
    assert "deplojo" in cluster.run(ecsctl, "get", "cluster").out
    assert "web" in cluster.run(ecsctl, "get", "service", "--cluster", "deplojo").out


def test_awslogs_lists_and_reads_what_a_task_wrote(cluster: Cluster, workshop: Workshop) -> None:
    cluster.logs.create_log_group(logGroupName="shop")
    cluster.logs.create_log_stream(logGroupName="shop", logStreamName="web/1")
    events = [{"timestamp": int(time.time() * 1000) + at, "message": f"order {at} paid"} for at in range(3)]
    cluster.logs.put_log_events(logGroupName="shop", logStreamName="web/1", logEvents=events)

    awslogs = workshop.python("awslogs==0.15.0", "setuptools<81") / "awslogs"
    endpoint = ("--aws-endpoint-url", cluster.aws["AWS_ENDPOINT_URL"])
    assert "shop" in cluster.run(awslogs, "groups", *endpoint).out.split()
    assert "web/1" in cluster.run(awslogs, "streams", "shop", *endpoint).out
    read = cluster.run(
        awslogs, "get", "shop", "ALL", "--no-color", "--start", "1h ago", "--filter-pattern", "paid", *endpoint
    )
    assert [line.split() for line in read.out.splitlines()] == [
        ["shop", "web/1", "order", str(at), "paid"] for at in range(3)
    ]


def test_skopeo_inspects_copies_and_lists_images(cluster: Cluster, tmp_path: Path) -> None:
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is not installed")
    cluster.ecr.create_repository(repositoryName="copied")
    [granted] = cluster.ecr.get_authorization_token()["authorizationData"]
    login = base64.b64decode(granted["authorizationToken"]).decode()
    source, target = cluster.images["1"], cluster.images["1"].replace("/app:", "/copied:")

    def skopeo(*words: str) -> str:
        return cluster.run("skopeo", "--insecure-policy", *words).out

    insecure = ("--src-tls-verify=false", "--dest-tls-verify=false", "--src-creds", login, "--dest-creds", login)
    skopeo("copy", *insecure, f"docker://{source}", f"docker://{target}")
    oci = ("--src-tls-verify=false", "--src-creds", login)
    skopeo("copy", *oci, f"docker://{target}", f"oci:{tmp_path / 'layout'}:1")
    assert json.loads((tmp_path / "layout" / "index.json").read_text())["manifests"]

    one = ("--tls-verify=false", "--creds", login)
    inspected = json.loads(skopeo("inspect", *one, f"docker://{target}"))
    [image] = cluster.ecr.describe_images(repositoryName="copied")["imageDetails"]
    assert inspected["Digest"] == image["imageDigest"]
    assert json.loads(skopeo("list-tags", *one, f"docker://{target.rpartition(':')[0]}"))["Tags"] == ["1"]
