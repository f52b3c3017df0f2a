"""The daemon's HTTP server: uvicorn, whose answers leave in one piece."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Server(uvicorn.Server):
    """Signals are the daemon's business."""

    def __init__(self, app: Any) -> None:
        """`app` speaks ASGI 3."""
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=2,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Connection(HttpToolsProtocol):
    """uvicorn writes head and body apart: two system calls, and a client that is woken twice."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._joined = Joined(transport)
        super().connection_made(cast(asyncio.Transport, self._joined))

    def on_response_complete(self) -> None:
        self._joined.flush()  # the answer to a HEAD has no body to wait for
        super().on_response_complete()


class Joined:
    """A transport that keeps the head of a response until the first bytes of its body come."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        elif data[:10] in HEADS:
            self._head = data
        else:
            self._transport.write(data)

    def flush(self) -> None:
        if self._head:
            self.write(b"")

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


HEADS = frozenset(f"HTTP/1.1 {kind}".encode() for kind in "2345")
"""How a response begins; `100 Continue` is for now."""
