"""The HTTP server: uvicorn, that leaves without cutting anybody off."""

import asyncio
import sys
from socket import socket

import uvicorn
from starlette.types import ASGIApp

from .settings import Settings

QUIET_SECONDS = 0.1
"""Nobody asks any more when nobody has asked for this long."""

LEAVE_SECONDS = 2.0
"""Whoever still sends requests so long after SIGTERM was not told to stop, and will not be."""


class Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Stop in two steps: answer what still comes, each answer the last on its connection; then close.

        uvicorn alone closes idle connections at once, and with them a request that is on its way.
        """
        state = self.server_state
        state.default_headers = [*state.default_headers, (b"connection", b"close")]
        for _ in range(round(LEAVE_SECONDS / QUIET_SECONDS)):
            before = state.total_requests
            await asyncio.sleep(QUIET_SECONDS)
            if state.total_requests == before:
                break
        await super().shutdown(sockets)


def serve(app: ASGIApp, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight and return."""
    server = Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http="httptools",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,  # a load balancer closes idle connections first: an ALB after 60 s
            timeout_graceful_shutdown=settings.stop_seconds,
        )
    )
    server.run()
    if not server.started:
        sys.exit(1)
