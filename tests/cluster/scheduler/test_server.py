"""The HTTP server, as clients see it that do not all send what SDKs send."""

import asyncio
import json
import socket

import pytest
from tests.traffic import eventually

from culm.cluster.daemon.server import Server
from culm.cluster.wire.http import Response


class Served:
    """A server of requests that say themselves what they are; those that say `slow` wait for `go_on`."""

    def __init__(self):
        self.go_on = asyncio.Event()
        self.bodies = []

    def answer(self, request):
        self.bodies.append(request.body)
        if request.body == b"slow":
            return self.later(request)
        told = {"body": request.body.decode(), "target": request.headers.get("x-amz-target"), "by": request.source}
        return Response(status=200, headers={"x-amzn-requestid": "1"}, body=json.dumps(told).encode())

    async def later(self, request):
        await self.go_on.wait()
        return Response(status=500, body=request.body)

    async def app(self, scope, receive, send):
        """What uvicorn serves."""
        message = {"more_body": True}
        body = b""
        while message.get("more_body"):
            message = await receive()
            body += message.get("body", b"")
        content = f"uvicorn {scope['method']} {scope['path']} {body.decode()}".encode()
        if scope["path"] == "/from":
            content = scope["client"][0].encode()
        headers = [(b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


@pytest.fixture
async def served():
    return Served()


@pytest.fixture
async def server(served):
    listening = socket.create_server(("127.0.0.1", 0))
    server = Server(served.app, served.answer)
    server.address = listening.getsockname()
    serving = asyncio.create_task(server.serve([listening]))
    yield server
    server.should_exit = True
    served.go_on.set()
    await serving


@pytest.fixture
async def client(server):
    reader, writer = await asyncio.open_connection(*server.address)
    yield Client(reader, writer)
    writer.close()


class Client:
    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    def send(self, request):
        self.writer.write(request)

    async def head(self):
        async with asyncio.timeout(20):
            return (await self.reader.readuntil(b"\r\n\r\n")).decode()

    async def answered(self):
        """Status, and body."""
        head = await self.head()
        length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        async with asyncio.timeout(20):
            return int(head[9:12]), (await self.reader.readexactly(length)).decode()

    async def ended(self):
        async with asyncio.timeout(20):
            return await self.reader.read() == b""


def post(body=b"", *headers):
    lines = ["POST / HTTP/1.1", "Host: culm", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def test_an_api_request_is_answered_with_what_it_says_and_where_it_comes_from(client):
    client.send(post(b"one", "X-Amz-Target: ECS.List"))
    head = await client.head()

    assert head.startswith("HTTP/1.1 200 OK\r\nx-amzn-requestid: 1\r\ncontent-length: ")
    assert "\r\ndate: " in head
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    assert json.loads(await client.reader.readexactly(length)) == {
        "body": "one",
        "target": "ECS.List",
        "by": "127.0.0.1",
    }


async def test_a_request_may_come_a_byte_at_a_time_and_another_one_after_it(client, served):
    for request in (post(b"one"), post(b"two")):
        client.send(request[:20])
        for byte in request[20:]:
            await client.writer.drain()
            client.send(bytes([byte]))
        assert (await client.answered())[0] == 200

    assert served.bodies == [b"one", b"two"]


async def test_requests_that_come_together_are_answered_in_their_order(client, served):
    client.send(post(b"slow") + post(b"two") + post(b"three"))
    await eventually(lambda: served.bodies)
    assert served.bodies == [b"slow"]
    served.go_on.set()

    assert await client.answered() == (500, "slow")
    assert [json.loads((await client.answered())[1])["body"] for _ in range(2)] == ["two", "three"]


async def test_the_connection_closes_after_the_answer_when_the_client_wants_it(client):
    client.send(post(b"one", "Connection: close"))

    assert (await client.answered())[0] == 200
    assert await client.ended()


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (b"GET /v2/ HTTP/1.1\r\nHost: culm\r\n\r\n", "uvicorn GET /v2/ "),
        (b"POST /bucket HTTP/1.1\r\nHost: culm\r\nContent-Length: 1\r\n\r\nx", "uvicorn POST /bucket x"),
        (b"POST / HTTP/1.1\r\nHost: culm\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "uvicorn POST / x"),
    ],
)
async def test_what_is_not_a_plain_api_request_is_for_uvicorn(client, served, request_, expected):
    client.send(post(b"one"))
    await client.answered()
    client.send(request_)

    assert await client.answered() == (200, expected)
    assert served.bodies == [b"one"]
    client.send(post(b"two"))
    assert await client.answered() == (200, "uvicorn POST / two")


async def test_an_offer_to_speak_something_else_is_declined(client):
    client.send(post(b"", "Connection: Upgrade", "Upgrade: h2c"))

    assert await client.answered() == (200, "uvicorn POST / ")


async def test_nobody_says_himself_where_he_comes_from(client):
    client.send(b"GET /from HTTP/1.1\r\nHost: culm\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n")

    assert await client.answered() == (200, "127.0.0.1")


async def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(client):
    client.send(b"POST / HTTP/1.1\r\nHost: culm\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert (await client.head()).startswith("HTTP/1.1 100 Continue")
    client.send(b"{}")

    assert await client.answered() == (200, "uvicorn POST / {}")


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\r\n\r\n", b"POST / HTTP/1.1\r\nHost\r\n\r\n"])
async def test_what_is_not_http_is_told_so(client, garbage):
    client.send(garbage)

    assert (await client.head()).startswith("HTTP/1.1 400 Bad Request")


async def test_a_request_that_is_not_plain_never_repeats_the_one_before_it(client, served):
    client.send(post(b"one") + b"POST / HTTP/1.1\r\nHost: culm\r\n")
    assert (await client.answered())[0] == 200
    client.send(b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

    assert await client.ended()
    assert served.bodies == [b"one"]


async def test_a_client_that_leaves_before_its_answer_disturbs_nobody(server, served):
    _, writer = await asyncio.open_connection(*server.address)
    writer.write(post(b"slow"))
    await eventually(lambda: served.bodies)
    writer.close()
    await writer.wait_closed()
    served.go_on.set()

    await eventually(lambda: not server.server_state.connections and not server.server_state.tasks)


async def test_a_server_that_stops_answers_what_it_has_and_closes_what_is_idle(server, served, client):
    client.send(post(b"slow"))
    reader, writer = await asyncio.open_connection(*server.address)
    idle = Client(reader, writer)
    idle.send(post(b"one"))
    await idle.answered()
    await eventually(lambda: b"slow" in served.bodies)
    server.should_exit = True

    assert await idle.ended()
    served.go_on.set()
    head = await client.head()
    assert head.startswith("HTTP/1.1 500") and "connection: close" in head
    writer.close()
