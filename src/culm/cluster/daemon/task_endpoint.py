"""http://169.254.170.2: where tasks in containers look for their credentials and metadata, as on Amazon.

The address is also the load balancer's, for containers. So one listener takes port 80, looks at the first line of each
connection, and passes it on: what asks the agent to the API's port, all else to the load balancer's listener there.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
"""

import asyncio
import logging
import socket
from contextlib import suppress
from pathlib import Path

from culm.cluster.balancer.haproxy.console import short_path
from culm.cluster.daemon.settings import GATEWAY
from culm.cluster.daemon.sockets import bind
from culm.cluster.instance.credentials import PATH as CREDENTIALS
from culm.cluster.instance.specs import AMAZONS_AGENT, METADATA

log = logging.getLogger(__name__)

PORT = 80
FIRST_LINE_SECONDS = 10.0
BUFFER = 1 << 16


def listen(gateway: str) -> socket.socket | None:
    """Listen where tasks ask for credentials; return None where that cannot be, and tasks are told another URL.

    There may be no such address, or its port 80 cannot be had.
    """
    if gateway != GATEWAY:
        return None
    try:
        return bind(gateway, PORT)
    except OSError as error:
        log.info(
            "tasks find their credentials by AWS_CONTAINER_CREDENTIALS_FULL_URI: %s: %s", AMAZONS_AGENT, error.strerror
        )
        return None


class TaskEndpoint:
    """`api_port` is the API's on loopback; `balancer` the socket on which the load balancer takes connections over."""

    def __init__(self, api_port: int, balancer: Path) -> None:
        self._api_port = api_port
        self._balancer = balancer

    async def serve(self, listening: socket.socket) -> None:
        """Serve until cancelled, and end its connections then."""
        async with asyncio.TaskGroup() as connections:

            def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                connections.create_task(self._take_alone(reader, writer))

            server = await asyncio.start_server(take, sock=listening)
            try:
                await asyncio.Event().wait()
            finally:
                server.close()

    async def _take_alone(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; its failure does not end the others."""
        try:
            await self._take(reader, writer)
        except Exception:
            log.exception("a task's connection failed")

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            try:
                async with asyncio.timeout(FIRST_LINE_SECONDS):
                    first = await reader.readuntil(b"\n")
                there, onward = await self._reach(first, writer)
                try:
                    onward.write(first)
                    async with asyncio.TaskGroup() as group:
                        group.create_task(_copy(reader, onward))
                        group.create_task(_copy(there, writer))
                finally:
                    onward.close()
            finally:
                writer.close()

    async def _reach(
        self, first: bytes, writer: asyncio.StreamWriter
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        path = first.split(b" ")[1] if first.count(b" ") else b""
        if path.startswith((CREDENTIALS.encode(), METADATA.encode())):
            return await asyncio.open_connection("127.0.0.1", self._api_port)
        with short_path(self._balancer) as address:
            there, onward = await asyncio.open_unix_connection(address)
        peer, own = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        onward.write(f"PROXY TCP4 {peer[0]} {own[0]} {peer[1]} {own[1]}\r\n".encode())
        return there, onward


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction of a connection until it ends."""
    with suppress(OSError):
        while data := await reader.read(BUFFER):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
