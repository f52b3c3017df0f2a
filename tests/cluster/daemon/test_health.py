"""The page that test suites wait for."""

from typing import Any

import msgspec
import pytest

from culm.cluster.daemon import health
from culm.cluster.wire.asgi import application


def a_scope(path: str, method: str = "GET") -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
    }


@pytest.mark.parametrize("path", health.PATHS)
def test_the_page_is_for_who_only_looks(path: str) -> None:
    assert health.claims(a_scope(path))
    assert health.claims(a_scope(path, "HEAD"))
    assert not health.claims(a_scope(path, "PUT"))
    assert not health.claims(a_scope(f"{path}/more"))
    assert not health.claims({"type": "websocket", "path": path})


async def test_every_served_service_is_running() -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing of the request's is read")

    app = application(lambda request: None, [(health.claims, health.page)])
    await app(a_scope("/_localstack/health"), receive, send)
    assert sent[0]["status"] == 200
    services = msgspec.json.decode(sent[1]["body"])["services"]
    assert {"ecs", "elbv2", "ecr", "logs", "s3"} <= services.keys()
    assert set(services.values()) == {"running"}
