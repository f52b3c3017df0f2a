"""The four services as containers."""

import json
import os
import subprocess
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.stand import BAMBOO, Stand
from tests.traffic import free_port

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]  # a first build of eight images takes minutes

BASE = os.environ.get("CULM_BASE_IMAGE", "culm-base:bookworm")
POSTGRES = os.environ.get("POSTGRES_IMAGE", "culm-postgres:bookworm")
"""`.ci/base-image.sh` makes both."""
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


def configuration(container: str) -> str:
    return docker("exec", container, "cat", "/app/conf/database.url")


def test_down_leaves_no_container_and_no_network(stand: Stand) -> None:
    networks = {each["NetworkID"] for one in containers(stand) for each in one["NetworkSettings"]["Networks"].values()}

    stand.culm("down", "--volumes")

    stand.gone()
    assert docker("ps", "--all", "--quiet", "--filter", f"label=culm.home={stand.home}") == ""
    assert not networks & set(docker("network", "ls", "--quiet", "--no-trunc").split())
