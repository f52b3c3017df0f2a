"""Previews beside a shared environment: what is theirs stays theirs, and nothing of them stays behind."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import msgspec
import pg8000.native
import pytest
from botocore.exceptions import ClientError
from tests.scenarios.stand import CULM, Answer, Stand, eventually, read
from tests.traffic import free_port

DOCKERFILE = 'FROM python:3.12-slim\nWORKDIR /app\nCOPY serve.py .\nEXPOSE 8080\nCMD ["python3", "serve.py"]\n'
MIGRATION = 'FROM python:3.12-slim\nWORKDIR /app\nCOPY migrate.py .\nCMD ["python3", "migrate.py"]\n'
PROGRAM = """\
import http.server, json, os, urllib.request

VERSION, NAME = "first", "{name}"

class Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = {{"service": NAME, "version": VERSION, "env": os.environ["MYENV"]}}
        if self.path.endswith("/credentials"):
            with urllib.request.urlopen(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]) as answer:
                said = json.load(answer)
        if self.path.endswith("/metadata"):
            with urllib.request.urlopen(os.environ["ECS_CONTAINER_METADATA_URI_V4"] + "/task") as answer:
                said = json.load(answer)
        if self.path.endswith("/call"):
            passed = {{"culm-preview": self.headers["culm-preview"]}} if self.headers["culm-preview"] else {{}}
            request = urllib.request.Request(os.environ["OTHER_URL"] + "/", headers=passed)
            with urllib.request.urlopen(request, timeout=10) as answer:
                said = json.load(answer)
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        print(VERSION, "answers as", os.environ["MYENV"], flush=True)

http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("PORT", "8080"))), Service).serve_forever()
"""
MANIFEST = """\
name: duo
targets: {{local: {{port: {port}, instances: 1 x t2.micro}}}}
defaults: {{grace: 10, settle: 0, memory: 96}}
databases: {{main: {{engine: postgres}}}}
services:
  api:
    port: 8080
    health: /api/
    stop: 1s
    database: main
    environment: {{OTHER_URL: "{{web.url}}"}}
  web:
    port: 8080
    health: /web/
    stop: 1s
    environment: {{OTHER_URL: "{{api.url}}"}}
"""
VAULT = "culm-duo-000000000000-us-east-1"
SHARED = {"service": "api", "version": "first", "env": "local"}


@pytest.fixture(scope="module")
def duo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("duo"), port=free_port())
    for name in ("api", "web"):
        stand.write(f"{name}/serve.py", PROGRAM.format(name=name))
        stand.write(f"{name}/Dockerfile", DOCKERFILE)
    stand.write("api/migrate.py", 'print("migrated")\n')
    stand.write("api/Dockerfile.migrate", MIGRATION)
    stand.write("culm.yml", MANIFEST.format(port=stand.port))
    stand.culm("up", "--runtime", "process")
    stand.write("api/settings.toml", 'colour = "green"\n')
    stand.culm("vault", "put", "local/api/settings.toml", "api/settings.toml")
    stand.write("secret", "password = 'correct-horse-battery'\n")
    stand.culm("vault", "put", "local/api/keys.toml", "secret")
    (stand.project / "api" / "settings.toml").unlink()
    with sql(stand, "local") as shared:
        shared.run("CREATE TABLE colours (id serial PRIMARY KEY, name text); CREATE VIEW all_of AS TABLE colours")
        shared.run("CREATE TYPE mood AS ENUM ('good'); CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        shared.run("INSERT INTO colours (name) VALUES ('green')")
    yield stand
    stand.close()


@pytest.fixture(scope="module")
def branch(duo: Stand, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another checkout of the project, with one service changed."""
    folder = tmp_path_factory.mktemp("branch") / "checkout"
    shutil.copytree(duo.project, folder)
    program = folder / "api" / "serve.py"
    program.write_text(program.read_text().replace('"first"', '"second"'))
    return folder


@pytest.fixture(scope="module")
def first(duo: Stand) -> dict[str, Any]:
    return up(duo, "pr-1", "--services", "api")


@pytest.fixture(scope="module")
def second(duo: Stand, first: dict[str, Any], branch: Path) -> dict[str, Any]:
    return up(duo, "pr-2", "--from", str(branch), "--data", "copy")


def up(stand: Stand, name: str, *words: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(stand.culm("env", "up", name, "--json", *words).out)
    return made


def asked(stand: Stand, path: str, **headers: str) -> Answer:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    request = urllib.request.Request(stand.url(path), headers=named)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return Answer(response.status, read(response.read()))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, read(error.read()))


def url_of(stand: Stand, env: str) -> str:
    """The URL of the database of `api` in an environment."""
    body = stand.client("s3").get_object(Bucket=VAULT, Key=f"{env}/api/database.url")["Body"].read()
    return str(body.decode().strip())


def sql(stand: Stand, env: str, database: str | None = None) -> pg8000.native.Connection:
    """A connection as an environment's `api`; to another database than its own, if one is named."""
    parts = urlsplit(url_of(stand, env))
    assert parts.username is not None
    return pg8000.native.Connection(
        parts.username,
        host=parts.hostname or "",
        port=parts.port or 0,
        password=parts.password,
        database=database or parts.path.lstrip("/"),
    )


def everything(stand: Stand) -> dict[str, Any]:
    """All that there is in the cluster, by kind; what is the same whenever it is listed."""
    ecs, elb, s3, logs = (stand.client(name) for name in ("ecs", "elbv2", "s3", "logs"))
    [balancer] = elb.describe_load_balancers()["LoadBalancers"]
    [listener] = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    versions = s3.list_object_versions(Bucket=VAULT)
    parts = urlsplit(url_of(stand, "local"))
    password = s3.get_object(Bucket=VAULT, Key="local/.culm/duo-main.password")["Body"].read().decode()
    with pg8000.native.Connection(
        "culm", host="127.0.0.1", port=parts.port or 0, password=password, database="postgres"
    ) as master:
        databases = master.run("SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles ORDER BY 1")
    return {
        "services": sorted(ecs.list_services(cluster="duo")["serviceArns"]),
        "families": ecs.list_task_definition_families(status="ACTIVE")["families"],
        "tasks": {task["group"] for task in stand.tasks("duo").values()},
        "groups": sorted(group["TargetGroupName"] for group in elb.describe_target_groups()["TargetGroups"]),
        "rules": len(elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]),
        "roles": sorted(role["RoleName"] for role in stand.client("iam").list_roles()["Roles"]),
        "logs": sorted(group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]),
        "parameters": stand.client("ssm").describe_parameters()["Parameters"],
        "repositories": sorted(
            each["repositoryName"] for each in stand.client("ecr").describe_repositories()["repositories"]
        ),
        "buckets": sorted(each["Name"] for each in s3.list_buckets()["Buckets"]),
        "files": sorted(
            {each["Key"] for kind in ("Versions", "DeleteMarkers") for each in versions.get(kind, ())} - {"culm.lock"}
        ),
        "databases": databases,
    }


def test_requests_for_a_preview_go_to_it_and_all_others_to_the_shared_services(
    duo: Stand, first: dict[str, Any]
) -> None:
    own = {**SHARED, "env": "pr-1"}
    assert asked(duo, "/api/", Host=f"pr-1.localhost:{duo.port}").body == own
    assert asked(duo, "/api/", culm_preview="pr-1").body == own
    for cookie in ("culm-preview=pr-1", "a=b; culm-preview=pr-1", "culm-preview=pr-1; a=b"):
        assert asked(duo, "/api/", Cookie=cookie).body == own
    for other in ({}, {"culm_preview": "pr-11"}, {"Cookie": "culm-preview=pr-11"}, {"Host": "pr-11.localhost"}):
        assert asked(duo, "/api/", **other).body == SHARED
    assert first["address"] == f"http://pr-1.localhost:{duo.port}"


def test_what_a_preview_has_not_the_shared_services_answer(duo: Stand, first: dict[str, Any]) -> None:
    assert asked(duo, "/web/", culm_preview="pr-1").body == {**SHARED, "service": "web"}


def test_a_call_between_services_stays_in_the_preview_by_the_header_that_is_passed_on(
    duo: Stand, first: dict[str, Any]
) -> None:
    assert asked(duo, "/web/call", culm_preview="pr-1").body["env"] == "pr-1"
    assert asked(duo, "/web/call").body["env"] == "local"


def test_a_preview_of_what_runs_has_the_same_image_to_the_byte(duo: Stand, first: dict[str, Any]) -> None:
    images = {
        name: duo.client("ecs").describe_task_definition(taskDefinition=f"duo-{name}")["taskDefinition"]
        for name in ("api", "pr-1--api")
    }
    [shared, own] = [each["containerDefinitions"][0]["image"] for each in images.values()]
    assert own == shared
    assert own.endswith(f"@{first['services']['api']['image']}")


def test_the_services_that_differ_from_what_runs_are_the_preview_s(duo: Stand, second: dict[str, Any]) -> None:
    assert list(second["services"]) == ["api"]
    assert asked(duo, "/api/", culm_preview="pr-2").body == {"service": "api", "version": "second", "env": "pr-2"}
    assert asked(duo, "/api/", culm_preview="pr-1").body == {**SHARED, "env": "pr-1"}
    assert asked(duo, "/api/").body == SHARED


def test_the_shared_environment_is_as_culm_yml_says_while_previews_are_there(
    duo: Stand, second: dict[str, Any]
) -> None:
    assert "as culm.yml says" in duo.culm("diff").out
    assert "nothing changed" in duo.culm("up").err
    listed = json.loads(duo.culm("env", "ls", "--json").out)
    assert [(each["name"], each["running"]) for each in listed] == [("pr-1", 1), ("pr-2", 1)]


def test_a_copy_has_the_shared_data_and_gives_nothing_back(duo: Stand, second: dict[str, Any]) -> None:
    with sql(duo, "pr-2") as copy, sql(duo, "local") as shared:
        assert copy.run("SELECT name FROM all_of") == [["green"]]
        copy.run("INSERT INTO colours (name) VALUES ('red')")
        copy.run("ALTER TABLE colours ADD COLUMN depth int; DROP FUNCTION one(); DROP TYPE mood; DROP VIEW all_of")
        assert shared.run("SELECT name FROM all_of") == [["green"]]
        assert shared.run("SELECT one()") == [[1]]
    with sql(duo, "pr-1") as empty:
        assert empty.run("SELECT FROM pg_tables WHERE schemaname = 'public'") == []


@pytest.mark.parametrize("own, other", [("pr-1", "local"), ("pr-1", "pr-2"), ("local", "pr-1")])
def test_nobody_connects_to_another_environment_s_database(
    duo: Stand, second: dict[str, Any], own: str, other: str
) -> None:
    with pytest.raises(pg8000.exceptions.DatabaseError, match="permission denied"):
        sql(duo, own, urlsplit(url_of(duo, other)).path.lstrip("/"))


def as_task_of(stand: Stand, preview: str) -> Callable[[str], Any]:
    """Clients of AWS with the keys that a preview's `api` gets from its metadata."""
    keys = asked(stand, "/api/credentials", culm_preview=preview).body
    return partial(
        boto3.client,
        endpoint_url=stand.aws["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["Token"],
    )


def test_a_preview_s_task_is_told_of_itself_and_touches_no_other_environment(
    duo: Stand, second: dict[str, Any]
) -> None:
    for name in ("pr-1", "pr-2"):
        assert asked(duo, "/api/metadata", culm_preview=name).body["Family"] == f"duo-{name}--api"
    client = as_task_of(duo, "pr-1")
    who = client("sts").get_caller_identity()["Arn"]
    assert "assumed-role/duo-pr-1--api/" in who
    account = who.split(":")[4]
    for other in ("pr-2--api", "api"):
        role = {"RoleArn": f"arn:aws:iam::{account}:role/duo-{other}", "RoleSessionName": "across"}
        for service, operation, given in (
            ("logs", "filter_log_events", {"logGroupName": f"/culm/duo/{other}"}),
            ("ecs", "update_service", {"cluster": "duo", "service": other, "desiredCount": 0}),
            ("sts", "assume_role", role),
            ("ssm", "get_parameter", {"Name": f"/culm/duo/{other.partition('--')[0]}/api/key"}),
        ):
            with pytest.raises(ClientError, match="AccessDenied"):
                getattr(client(service), operation)(**given)


def test_a_preview_s_task_reads_its_own_files_and_no_other_environment_s(duo: Stand, second: dict[str, Any]) -> None:
    s3 = as_task_of(duo, "pr-1")("s3")
    assert s3.get_object(Bucket=VAULT, Key="pr-1/api/settings.toml")["Body"].read() == b'colour = "green"\n'
    for key in (
        "local/api/settings.toml",
        "local/api/database.url",
        "pr-2/api/database.url",
        "pr-1/.culm/preview.json",
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.get_object(Bucket=VAULT, Key=key)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=VAULT, Prefix="local/api/")


def test_a_secret_of_the_shared_environment_is_not_among_a_preview_s_files(duo: Stand, first: dict[str, Any]) -> None:
    listed = duo.client("s3").list_objects_v2(Bucket=VAULT, Prefix="pr-1/api/")["Contents"]
    assert {each["Key"].rpartition("/")[2] for each in listed} == {
        "settings.toml",
        "database.url",
        "load-balancer.url",
    }


def test_a_preview_that_nobody_asks_sleeps_and_a_request_for_it_wakes_it(duo: Stand, second: dict[str, Any]) -> None:
    ecs = duo.client("ecs")

    def described() -> dict[str, Any]:
        [service] = ecs.describe_services(cluster="duo", services=["pr-2--api"], include=["TAGS"])["services"]
        return dict(service)

    tags = {each["key"]: each["value"] for each in described()["tags"]}
    assert tags["culm:sleep"] == "after 3600"
    arn = described()["serviceArn"]
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "culm:sleep", "value": "after 1"}])
    eventually(lambda: described()["desiredCount"] == 0)
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "culm:sleep", "value": "after 3600"}])
    assert eventually(lambda: asked(duo, "/api/", culm_preview="pr-2").status == 200)
    assert asked(duo, "/api/", culm_preview="pr-2").body["env"] == "pr-2"


def test_logs_are_a_preview_s_own(duo: Stand, second: dict[str, Any]) -> None:
    asked(duo, "/api/", culm_preview="pr-2")
    said = eventually(lambda: duo.culm("env", "logs", "pr-2").out)
    assert "second answers as pr-2" in said
    assert "first" not in said
    assert "pr-2" not in duo.culm("logs", "api", "--raw").out


def test_a_preview_that_does_not_fit_is_refused_by_the_plan_and_leaves_nothing(duo: Stand, branch: Path) -> None:
    manifest = branch / "culm.yml"
    text = manifest.read_text()
    before = everything(duo)
    manifest.write_text(text.replace("memory: 96", "memory: 900"))
    said = duo.culm("env", "up", "big", "--from", str(branch), "--services", "api", status=3)
    manifest.write_text(text)
    assert "does not fit, nothing was changed" in said.err
    assert everything(duo) == before


def test_an_image_by_digest_is_what_a_preview_runs(duo: Stand, second: dict[str, Any]) -> None:
    digest = second["services"]["api"]["image"]
    migration = second["services"]["api"]["migration"]
    before = everything(duo)
    made = up(duo, "pr-3", "--from", f"api={digest}", "--from", f"api-migrate={migration}")
    assert made["services"]["api"]["image"] == digest
    assert asked(duo, "/api/", culm_preview="pr-3").body == {"service": "api", "version": "second", "env": "pr-3"}
    duo.culm("env", "down", "pr-3")
    assert everything(duo) == before


def test_a_preview_whose_time_is_up_is_removed_by_the_daemon(duo: Stand) -> None:
    before = everything(duo)
    up(duo, "brief", "--services", "web")
    s3, key = duo.client("s3"), "brief/.culm/preview.json"
    record = json.loads(s3.get_object(Bucket=VAULT, Key=key)["Body"].read())
    past = time.time() - 1
    s3.put_object(Bucket=VAULT, Key=key, Body=msgspec.json.encode({**record, "ends": past}))
    tags = [{"Key": "culm-ends", "Value": str(int(past))}]
    s3.put_object_tagging(Bucket=VAULT, Key=key, Tagging={"TagSet": tags})
    eventually(lambda: "brief" not in duo.culm("env", "ls", "--json").out, within=120)
    assert everything(duo) == before


def test_what_a_killed_up_and_a_killed_down_leave_the_next_down_removes(duo: Stand) -> None:
    before = everything(duo)
    for line in ("created database", "create service"):
        killed(duo, "env", "up", "pr-9", "--services", "api", at=line)
    up(duo, "pr-9", "--services", "api")
    for line in ("deleted role", "deleted database"):
        killed(duo, "env", "down", "pr-9", at=line)
    duo.culm("env", "down", "pr-9")
    assert everything(duo) == before
    assert "there is no preview 'pr-9'" in duo.culm("env", "down", "pr-9", status=2).err


def test_down_of_the_project_takes_its_previews_along(duo: Stand, second: dict[str, Any]) -> None:
    said = duo.culm("down").err
    for name in ("pr-1", "pr-2"):
        assert f"deleted role duo-{name}--api" in said
        assert f"deleted database duo_{name.replace('-', '_')}__api" in said
        assert f"deleted log group /culm/duo/{name}--api" in said


def killed(stand: Stand, *words: str, at: str) -> None:
    """Type a command, and kill it as soon as its talk has `at` in it."""
    with subprocess.Popen(
        [*CULM, *words], cwd=stand.project, env=stand.environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        told = ""
        for line in process.stderr:
            told += line
            if at in line:
                os.kill(process.pid, signal.SIGKILL)
                break
        else:
            raise AssertionError(f"it never said {at!r}:\n{told}")
