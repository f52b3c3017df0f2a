"""kill -9 of one part after the other, while people use the services: what goes on, and what comes back."""

import os
import signal
from collections.abc import Iterator

import pytest
from tests.scenarios.load import Load
from tests.scenarios.stand import Stand, eventually


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def find(stand: Stand, *words: str) -> list[int]:
    """Processes whose command line has all of these."""
    return [pid for pid, line in stand.processes().items() if all(word in line for word in words)]


@pytest.fixture
def load(bamboo: Stand) -> Iterator[Load]:
    with Load(bamboo.port, "/accounts/", "/orders/") as load:
        yield load


@pytest.mark.parametrize("words", [("cluster", "start"), ("up",)], ids=["start", "up"])
def test_tasks_and_traffic_outlive_the_daemon_and_the_next_one_adopts_them(
    bamboo: Stand, load: Load, words: tuple[str, ...]
) -> None:
    before = bamboo.tasks()
    running = set(bamboo.processes()) - {bamboo.daemon()}
    kill(bamboo.daemon())
    load.flows()
    bamboo.culm("cluster", "status", status=3)

    bamboo.culm(*words)

    load.flows()
    assert load.failures == []
    assert bamboo.tasks().keys() == before.keys()
    assert running <= set(bamboo.processes())
    assert "nothing changed" in bamboo.culm("up").err


def test_a_proxy_that_is_killed_is_started_again(bamboo: Stand, load: Load) -> None:
    before = bamboo.tasks()
    proxies = find(bamboo, "haproxy")
    assert proxies
    for pid in proxies:
        kill(pid)

    load.flows()
    assert bamboo.tasks().keys() == before.keys()
    assert not set(proxies) & set(find(bamboo, "haproxy"))


def test_a_postgresql_that_is_killed_is_started_again_with_its_data(bamboo: Stand, load: Load) -> None:
    before = bamboo.tasks()
    bamboo.post("/accounts/", {"email": "kept@example.com", "name": "Kim"})
    accounts = bamboo.get("/accounts/").body
    [postmaster] = find(bamboo, "/postgres -D")
    kill(postmaster)

    eventually(lambda: set(find(bamboo, "/postgres -D")) - {postmaster})
    load.flows()
    assert bamboo.get("/accounts/").body == accounts
    assert bamboo.tasks().keys() == before.keys()


def test_a_task_that_is_killed_is_replaced(bamboo: Stand, load: Load) -> None:
    before = bamboo.tasks()
    for pid in find(bamboo, "-m accounts"):
        kill(pid)

    eventually(lambda: len(bamboo.tasks().keys() - before.keys()) == 1)
    load.flows()
    assert {failure.path for failure in load.failures} <= {"/accounts/"}
    [gone] = before.keys() - bamboo.tasks().keys()
    [stopped] = bamboo.client("ecs").describe_tasks(cluster="bamboo", tasks=[gone])["tasks"]
    assert stopped["stopCode"] == "EssentialContainerExited"
    assert stopped["containers"][0]["exitCode"] == 137
