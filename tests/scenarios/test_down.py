"""`culm down`: what `up` made is gone, and data only when that was asked for."""

import socket

from tests.scenarios import misfits
from tests.scenarios.stand import BAMBOO, Stand, eventually
from tests.traffic import free_port


def answers(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


def test_down_leaves_nothing_behind_but_data_and_volumes_takes_that_too(stand: Stand) -> None:
    stand.copy(BAMBOO)
    stand.culm("up", "--runtime", "process")
    account = stand.post("/accounts/", {"email": "kim@example.com", "name": "Kim"}).body
    ports = stand.listening()
    assert all(answers(*each) for each in ports)
    assert len(ports) >= 3 + 4, "load balancer, API, database; a port for every task"

    said = stand.culm("down")
    stand.gone()
    assert not [each for each in ports if answers(*each)]
    assert "kept" in said.err

    stand.culm("up")
    assert stand.get(f"/accounts/{account['id']}").body == account

    assert "deleted 0 images" in stand.culm("cluster", "prune").err

    stand.culm("down", "--volumes")
    stand.gone()
    assert not list((stand.home / "postgres").glob("*"))
    assert not list((stand.home / "images").glob("*"))
    assert not list((stand.home / "venvs").glob("*"))

    stand.culm("up")
    assert stand.get("/accounts/").body["items"] == []

    assert "containers were removed" in stand.culm("cluster", "reset", "--yes").err
    assert stand.client("ecs").list_clusters()["clusterArns"] == []
    eventually(lambda: not answers("127.0.0.1", stand.port))


def test_down_of_one_project_leaves_the_other_alone(stand: Stand) -> None:
    misfits.service(stand, "one")
    misfits.project(stand, "first", "one")
    stand.culm("up", "--runtime", "process")
    other = Stand(stand.home.parents[1] / "second", port=free_port())
    other.environment = stand.environment
    misfits.service(other, "two")
    misfits.project(other, "second", "two")
    other.culm("up")

    stand.culm("down")

    assert other.get("/two/").status == 200
    eventually(lambda: not answers("127.0.0.1", stand.port))  # HAProxy's former process closes it when it has ended
    other.culm("down")
    stand.gone()
