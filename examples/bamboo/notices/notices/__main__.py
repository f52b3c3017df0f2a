"""Run the service: `python -m notices`."""

import signal
import sys
from types import FrameType

import uvicorn

from . import logs, settings
from .app import application


def main() -> None:
    # uvicorn takes the signals while it serves, finishes what is in flight, and raises them again: leave in peace.
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    try:
        configured = settings.load()
        logs.configure(configured.log_level)
        app = application(configured, settings.url("database"))
    except settings.Misconfigured as wrong:
        sys.exit(f"{__package__}: {wrong}")

    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=configured.host,
            port=configured.port,
            http="httptools",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,  # a load balancer closes idle connections first: an ALB after 60 s
            timeout_graceful_shutdown=configured.stop_seconds,
        )
    )
    server.run()
    if not server.started:
        sys.exit(1)


def leave(signum: int, frame: FrameType | None) -> None:
    sys.exit(0)


main()
