"""The ASGI edge, driven as a server drives it."""

import asyncio
import json

import pytest

from culm.cluster import operations
from culm.cluster.store.db import Store
from culm.cluster.wire.api import LARGE, Api
from culm.cluster.wire.asgi import UNASKED, answering, application, read
from culm.cluster.wire.http import Response


@pytest.fixture
def woken():
    return []


@pytest.fixture
def app(woken, tmp_path):
    operations.load()
    store = Store(":memory:")
    api = Api(region="us-east-1", endpoint="http://127.0.0.1", now=lambda: 1.0, new_id=lambda: "0" * 32)

    async def registry(scope, receive, send):
        await send({"type": "mounted", "path": scope["path"]})

    def is_registry(scope):
        return scope["path"].startswith("/v2/")

    yield application(answering(api, store, woken.append), [(is_registry, registry)])
    store.close()


async def call(app, *, type_="http", path="/", target=None, body=()):
    """What the application sends back to a request whose body comes in these pieces."""
    pieces = [*body] or [b""]
    incoming = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, 1)
    ]
    sent = []
    headers = [(b"x-amz-target", f"AmazonEC2ContainerServiceV20141113.{target}".encode())] if target else []
    scope = {
        "type": type_,
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
    }

    async def receive():
        return incoming.pop(0)

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def test_a_request_is_answered(app, woken):
    start, body = await call(app, target="ListClusters", body=[b"{", b"}"])

    assert start["status"] == 200
    assert (b"content-length", b"18") in start["headers"]
    assert json.loads(body["body"]) == {"clusterArns": []}
    assert woken == []


async def test_the_loops_are_woken_after_what_concerns_them(app, woken):
    await call(app, target="ListClusters")
    assert woken == []
    [start, _] = await call(app, target="CreateCluster", body=[b'{"clusterName": "web"}'])

    assert start["status"] == 200
    assert woken == ["ecs"]


async def test_the_loops_are_woken_after_a_large_body_too(app, woken):
    [start, _] = await call(app, target="CreateCluster", body=[b'{"clusterName": "web"', b" " * (LARGE + 1), b"}"])

    assert start["status"] == 200
    assert woken == ["ecs"]


async def test_an_error_of_an_operation_is_answered(app, woken):
    start, body = await call(app, target="DescribeServices", body=[b'{"services": ["a"], "cluster": "nowhere"}'])

    assert start["status"] == 400
    assert json.loads(body["body"])["__type"] == "ClusterNotFoundException"
    assert woken == []


async def test_an_error_before_any_operation_is_answered(app):
    start, _ = await call(app, target="Nap")

    assert start["status"] == 400


async def test_a_mount_takes_what_it_claims(app):
    assert await call(app, path="/v2/library/nginx") == [{"type": "mounted", "path": "/v2/library/nginx"}]


async def test_a_websocket_that_no_mount_claims_is_closed(app):
    assert await call(app, type_="websocket") == [{"type": "websocket.close", "code": 1000}]


async def test_it_has_nothing_to_start_or_stop(app):
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent = []

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message["type"])

    async with asyncio.timeout(5):
        await app({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize(("sizes", "asked"), [([UNASKED], 0), ([UNASKED, 1], 1), ([UNASKED + 1, 1, 1], 1)])
async def test_a_body_is_asked_about_once_when_more_has_come_than_anybody_may_send(sizes, asked):
    pieces = [
        {"type": "http.request", "body": b"x" * size, "more_body": number < len(sizes)}
        for number, size in enumerate(sizes, 1)
    ]
    questions = []

    async def receive():
        return pieces.pop(0)

    scope = {"method": "POST", "raw_path": b"/", "query_string": b"", "headers": [], "client": ("127.0.0.1", 1)}
    request = await read(scope, receive, questions.append)
    assert len(questions) == asked
    assert not isinstance(request, Response)
    assert (len(request.body), request.source) == (sum(sizes), "127.0.0.1")
