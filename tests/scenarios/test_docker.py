"""The four services as containers."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.scenarios.stand import BAMBOO, Said, Stand
from tests.traffic import free_port

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]  # a first build of eight images takes minutes

BASE = os.environ.get("CULM_BASE_IMAGE", "culm-base:bookworm")
POSTGRES = os.environ.get("POSTGRES_IMAGE", "culm-postgres:bookworm")
"""`.ci/base-image.sh` makes both."""
VAULT = "culm-bamboo-000000000000-us-east-1"
FAMILY = "com.amazonaws.ecs.task-definition-family"
SERVICES = ("accounts", "catalog", "notices", "orders")


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout


def containers(stand: Stand) -> list[dict[str, Any]]:
    ids = docker("ps", "--quiet", "--filter", f"label=culm.home={stand.home}").split()
    found: list[dict[str, Any]] = json.loads(docker("inspect", *ids)) if ids else []
    return found


@pytest.fixture(scope="module")
def engine() -> None:
    try:
        docker("image", "inspect", BASE)
    except (OSError, subprocess.CalledProcessError):
        if os.environ.get("CULM_REQUIRE_ENGINE"):
            raise
        pytest.skip(f"no Docker engine with {BASE} here: .ci/base-image.sh makes it")


@pytest.fixture(scope="module")
def stand(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    made = Stand(tmp_path_factory.mktemp("docker"), port=free_port())
    made.environment |= {"CULM_BASE_IMAGE": BASE, "BASE_IMAGE": BASE, "POSTGRES_IMAGE": POSTGRES}
    made.copy(BAMBOO)
    made.culm("up", "--runtime", "docker")
    yield made
    made.close()


def test_each_service_is_a_container_with_a_hard_limit_on_one_of_two_instances(stand: Stand) -> None:
    found = containers(stand)

    assert [each["HostConfig"]["Memory"] for each in found] == [256 * 1024 * 1024] * 4
    bound = [port for each in found for port in each["NetworkSettings"]["Ports"]["8080/tcp"]]
    assert Counter(Counter(port["HostIp"] for port in bound).values()) == {2: 2}
    assert len({(port["HostIp"], port["HostPort"]) for port in bound}) == 4
    assert not {"8080", str(stand.port)} & {port["HostPort"] for port in bound}


def test_services_read_and_write(stand: Stand) -> None:
    assert [stand.get(f"/{name}/").status for name in SERVICES] == [200] * 4
    account = stand.post("/accounts/", {"email": "kim@example.com", "name": "Kim"})
    assert account.status == 201
    assert stand.get(f"/accounts/{account.body['id']}").body == account.body


def test_a_second_up_changes_nothing(stand: Stand) -> None:
    before = {each["Id"] for each in containers(stand)}

    assert "nothing changed" in stand.culm("up").err
    assert {each["Id"] for each in containers(stand)} == before


def test_the_same_image_runs_on_the_cluster_under_its_tests_and_under_compose(stand: Stand, tmp_path: Path) -> None:
    [task] = [task for task in stand.tasks().values() if task["group"] == "service:accounts"]
    [deployed] = task["containers"]
    [running] = [each for each in containers(stand) if task["taskArn"] in each["Config"]["Labels"].values()]
    migration = stand.client("ecs").describe_task_definition(taskDefinition="bamboo-accounts-migrate")
    [migrated] = migration["taskDefinition"]["containerDefinitions"]

    stand.culm("test", "accounts", "--with", "compose", "--junit", str(tmp_path / "junit.xml"))
    tested = {each.get("value") for each in ET.parse(tmp_path / "junit.xml").iterfind(".//property[@name='image']")}
    assert tested == {running["Image"]}

    composed = {
        **stand.environment,
        "IMAGE": f"{deployed['image'].partition('@')[0]}@{deployed['imageDigest']}",
        "MIGRATE_IMAGE": migrated["image"],
        "COMPOSE_PROJECT_NAME": f"accounts-{stand.port}",
        "PORT": str(free_port()),
        "DATABASE_PORT": str(free_port()),
    }
    folder = stand.project / "accounts"
    try:
        up = stand.run(["./dkr-run.sh", "--detach"], cwd=folder, environment=composed)
        assert up.status == 0, up.screen
        [id] = docker("ps", "--quiet", "--filter", f"publish={composed['PORT']}").split()
        [under_compose] = json.loads(docker("inspect", id))
        assert under_compose["Image"] == running["Image"]
        assert configuration(id) != configuration(running["Id"]), "only that differs"
    finally:
        down = ["docker-compose", "down", "--volumes", "--timeout", "1"]
        stand.run(down, cwd=folder, environment=composed)


def test_other_people_s_clients_find_who_the_task_is_with_no_configuration(stand: Stand) -> None:
    [accounts] = [each for each in containers(stand) if each["Config"]["Labels"].get(FAMILY) == "bamboo-accounts"]
    told = dict(pair.split("=", 1) for pair in accounts["Config"]["Env"])
    assert told["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"].startswith("/v2/credentials/"), "at 169.254.170.2:80"
    environment = {
        name: value for name, value in told.items() if name.startswith(("AWS_", "ECS_")) and name != "AWS_EXECUTION_ENV"
    } | {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_PAGER": ""}

    def ask(*command: str) -> Said:
        return stand.run([str(Path(sys.executable).parent / command[0]), *command[1:]], environment=environment)

    who = "assumed-role/bamboo-accounts/"
    assert who in ask("aws", "sts", "get-caller-identity").out
    assert who in ask("python", "-c", "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])").out
    assert ask("aws", "s3", "cp", f"s3://{VAULT}/local/accounts/database.url", "-").out.startswith("postgresql://")
    assert "AccessDenied" in ask("aws", "s3", "ls", f"s3://{VAULT}/local/orders/").err

    asking = (
        "import os, urllib.request as u; "
        "print(u.urlopen(os.environ['ECS_CONTAINER_METADATA_URI_V4'] + '{}').read().decode())"
    )
    task = json.loads(docker("exec", accounts["Id"], "python3", "-c", asking.format("/task")))
    assert (task["Family"], task["ServiceName"], task["KnownStatus"]) == ("bamboo-accounts", "accounts", "RUNNING")
    [container] = task["Containers"]
    networks = accounts["NetworkSettings"]["Networks"].values()
    assert container["DockerId"] == accounts["Id"]
    assert container["Networks"][0]["IPv4Addresses"] == [each["IPAddress"] for each in networks]
    stats = json.loads(docker("exec", accounts["Id"], "python3", "-c", asking.format("/stats")))
    assert stats["memory_stats"]["limit"] == 256 * 1024 * 1024
    assert 0 < stats["memory_stats"]["usage"] < stats["memory_stats"]["limit"]


def test_no_secret_is_in_what_the_engine_tells(stand: Stand) -> None:
    s3 = stand.client("s3")
    urls = [s3.get_object(Bucket=VAULT, Key=f"local/{name}/database.url")["Body"].read().decode() for name in SERVICES]
    found = containers(stand)
    images = {each["Image"] for each in found}
    told = json.dumps([found, *(json.loads(docker("image", "inspect", image)) for image in images)])
    told += "".join(docker("history", "--no-trunc", image) for image in images)
    told += "".join(docker("logs", each["Id"]) for each in found)
    secrets = [urlsplit(url.strip()).password or "" for url in urls] + [stand.aws["AWS_SECRET_ACCESS_KEY"]]
    assert all(secrets)
    assert [secret for secret in secrets if secret in told] == []


def configuration(container: str) -> str:
    return docker("exec", container, "cat", "/app/conf/database.url")


def test_down_with_volumes_leaves_no_container_no_network_and_no_image(stand: Stand) -> None:
    [first, *_] = containers(stand)
    registry = first["Config"]["Image"].partition("/")[0]
    networks = {each["NetworkID"] for one in containers(stand) for each in one["NetworkSettings"]["Networks"].values()}

    stand.culm("down", "--volumes")

    stand.gone()
    assert docker("ps", "--all", "--quiet", "--filter", f"label=culm.home={stand.home}") == ""
    assert docker("image", "ls", "--quiet", "--filter", f"reference={registry}/bamboo/*") == ""
    assert not networks & set(docker("network", "ls", "--quiet", "--no-trunc").split())
