"""The four services as containers."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from tests.scenarios.stand import BAMBOO, Stand
from tests.traffic import free_port

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]  # a first build of eight images takes minutes

BASE = os.environ.get("CULM_BASE_IMAGE", "culm-base:bookworm")
"""`.ci/base-image.sh` makes it."""
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
    made.environment["CULM_BASE_IMAGE"] = BASE
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


def test_down_leaves_no_container_and_no_network(stand: Stand) -> None:
    networks = {each["NetworkID"] for one in containers(stand) for each in one["NetworkSettings"]["Networks"].values()}

    stand.culm("down", "--volumes")

    stand.gone()
    assert docker("ps", "--all", "--quiet", "--filter", f"label=culm.home={stand.home}") == ""
    assert not networks & set(docker("network", "ls", "--quiet", "--no-trunc").split())
