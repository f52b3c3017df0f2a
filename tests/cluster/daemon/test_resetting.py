"""The request that resets the cluster, and who may send it."""

from typing import Any

import msgspec
import pytest

from culm.cluster.daemon import resetting
from culm.cluster.daemon.resetting import ResetRequests, Resetting
from culm.cluster.instance.runtime.fake import FakeRuntime
from culm.cluster.store.db import Store, connect


class Counting:
    def __init__(self) -> None:
        self.ended = 0

    async def end_agents(self) -> None:
        self.ended += 1


async def asked(page: ResetRequests, method: str = "POST", **headers: str) -> tuple[int, dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing of the request's is read")

    given = {"host": "127.0.0.1:4588"} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": "http",
        "path": resetting.PATH,
        "method": method,
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    assert resetting.claims(scope)
    await page(scope, receive, send)
    return sent[0]["status"], msgspec.json.decode(sent[1]["body"])


@pytest.fixture
def made(tmp_path):
    counting = Counting()
    store = Store(connect(":memory:"))
    yield Resetting(tmp_path, store, FakeRuntime(lambda: 1.0), counting.end_agents, lambda: 1.0), counting
    store.close()


async def test_a_program_resets_the_cluster_that_was_started_for_it(made) -> None:
    reset, counting = made
    status, body = await asked(ResetRequests(reset, allowed=True))
    assert (status, body["containers"], counting.ended) == (200, 0, 1)


async def test_a_cluster_that_was_not_started_for_it_names_the_option(made) -> None:
    reset, counting = made
    status, body = await asked(ResetRequests(reset, allowed=False))
    assert status == 403
    assert "--reset-over-http" in body["message"]
    assert counting.ended == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"sec_fetch_site": "cross-site"},
        {"host": "evil.example:4588"},
        {"host": ""},
    ],
)
async def test_pages_of_other_sites_reset_nothing(made, headers: dict[str, str]) -> None:
    reset, counting = made
    assert (await asked(ResetRequests(reset, allowed=True), **headers))[0] == 403
    assert (await asked(ResetRequests(reset, allowed=True), "GET"))[0] == 405
    assert counting.ended == 0


async def test_a_signal_resets_once(made) -> None:
    reset, counting = made
    await reset.step()
    reset.ask()
    await reset.step()
    await reset.step()
    assert counting.ended == 1
