"""The HTTP server, as a client that counts bytes sees it."""

import asyncio
import socket

import pytest

from culm.control.server import Joined, Server


async def app(scope, receive, send):
    await receive()
    headers = [(b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"bytes"})


@pytest.fixture
async def connection():
    listening = socket.create_server(("127.0.0.1", 0))
    server = Server(app)
    serving = asyncio.create_task(server.serve([listening]))
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    yield reader, writer
    writer.close()
    server.should_exit = True
    await serving


async def ask(connection, request):
    """The head of the answer."""
    reader, writer = connection
    writer.write(request)
    async with asyncio.timeout(10):
        return await reader.readuntil(b"\r\n\r\n")


async def test_a_request_without_a_body_in_its_answer_is_answered_at_once(connection):
    assert (await ask(connection, b"HEAD / HTTP/1.1\r\nHost: culm\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
    assert (await ask(connection, b"GET / HTTP/1.1\r\nHost: culm\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
    assert await connection[0].readexactly(5) == b"bytes"


async def test_a_client_that_waits_for_leave_to_send_its_body_gets_it_at_once(connection):
    request = b"POST / HTTP/1.1\r\nHost: culm\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    assert (await ask(connection, request)).startswith(b"HTTP/1.1 100 Continue")
    assert (await ask(connection, b"{}")).startswith(b"HTTP/1.1 200 OK")


async def test_the_answer_to_what_is_not_http_is_sent_before_the_connection_closes(connection):
    assert (await ask(connection, b"\x16\x03\x01\r\n\r\n")).startswith(b"HTTP/1.1 400 Bad Request")


class Wire:
    """A transport that remembers what it is given, and when it is closed."""

    def __init__(self):
        self.sent = []

    def write(self, data):
        self.sent.append(data)

    def close(self):
        self.sent.append("closed")


def test_head_and_body_leave_in_one_piece_and_the_rest_as_it_comes():
    wire = Wire()
    joined = Joined(wire)
    for piece in (b"HTTP/1.1 200 OK\r\n\r\n", b"one", b"two", b"HTTP/1.1 404 Not Found\r\n\r\n"):
        joined.write(piece)
    joined.close()

    assert wire.sent == [b"HTTP/1.1 200 OK\r\n\r\none", b"two", b"HTTP/1.1 404 Not Found\r\n\r\n", "closed"]
