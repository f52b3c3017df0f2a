"""The daemon's HTTP server: uvicorn, with a short way for the AWS API."""

import contextlib
import functools
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import uvicorn

from culm.cluster.daemon.connection import Answer, Connection

WAITING = 2048
"""Connections that the kernel holds for us until they are accepted."""
ACCEPTED_AT_ONCE = 16
"""Of those, how many asyncio takes in one go, between other work.

It tries as many also when no more files can be opened, and pauses for a second only then: with 2048 it would fail and
say so 7,500 times a second.
"""


class Server(uvicorn.Server):
    """Signals are the daemon's business."""

    def __init__(self, app: Any, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        """Serve `app`, which speaks ASGI 3, in TLS where there is a context.

        `answer` is for the AWS API's requests, which `app` must know, too.
        """
        super().__init__(
            uvicorn.Config(
                app,
                interface="asgi3",
                loop="asyncio",
                http=functools.partial(Connection, answer),  # type: ignore[arg-type]
                ws="none",
                lifespan="off",
                log_config=None,
                backlog=ACCEPTED_AT_ONCE,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # where a request comes from is not for its sender to say
                timeout_graceful_shutdown=2,
                ssl_context_factory=(lambda _config, _default: tls) if tls else None,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections of sockets that are bound."""
        await super().startup(sockets)
        for each in sockets or ():
            each.listen(WAITING)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the daemon, which stops in an order of its own."""
        yield
