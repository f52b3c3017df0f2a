"""What is under way when a target begins to drain: long requests, streams of events, WebSockets."""

import asyncio
from pathlib import Path

from tests.traffic import a_group, a_listener, a_rule, a_web, forward, free_port, serving

from culm.cluster.balancer.haproxy.plane import HaproxyPlane
from culm.cluster.balancer.interface import Target

UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-"
WEBSOCKET = b"GET /chat HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\n" + UPGRADE + b"Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
"""With the key of https://datatracker.ietf.org/doc/html/rfc6455#section-1.3"""
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def event(text: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(text), text)


async def test_what_is_under_way_goes_on_at_a_target_that_drains(tmp_path: Path) -> None:
    """The target is taken away from its group only when `drain:` is over; until then its connections are its own."""
    more = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET /chat"):
            writer.write(SWITCHED)
            while line := await reader.readline():
                writer.write(b"echo " + line)
            return
        if head.startswith(b"GET /events"):
            writer.write(EVENTS + event(b"data: 1\n\n"))
            await more.wait()
            writer.write(event(b"data: 2\n\n") + b"0\r\n\r\n")
        else:
            await more.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
        await writer.drain()

    connections: list[asyncio.StreamWriter] = []
    plane, port = HaproxyPlane(tmp_path / "lb"), free_port()
    listener = a_listener(port, a_rule(None, action=forward("web")))

    async def opened(request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        connections.append(writer)
        writer.write(request)
        return reader, writer

    await plane.start()
    try:
        async with asyncio.timeout(30), serving(answer) as served, a_web() as other:
            old = Target(address="127.0.0.1", port=served)
            await plane.apply([listener], [a_group("web", old)])
            chat, says = await opened(WEBSOCKET)
            assert b" 101 " in await chat.readuntil(b"\r\n\r\n")
            events, _ = await opened(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
            await events.readuntil(b"data: 1\n\n")
            slow, _ = await opened(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            says.write(b"before\n")
            assert await chat.readline() == b"echo before\n"

            draining = Target(address="127.0.0.1", port=served, draining=True)
            await plane.apply([listener], [a_group("web", draining, other.target)])
            new, _ = await opened(b"GET /new HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert other.name.encode() in await new.read(), "what is new goes elsewhere"
            says.write(b"after\n")
            assert await chat.readline() == b"echo after\n"
            more.set()
            await events.readuntil(b"data: 2\n\n")
            await slow.readuntil(b"late")
    finally:
        for writer in connections:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in connections), return_exceptions=True)
        await plane.stop()
