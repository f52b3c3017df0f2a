"""Run the service: `python -m orders`."""

import signal
import sys
from types import FrameType


def leave(signum: int, frame: FrameType | None) -> None:
    """Exit with 0: at once before the service serves; after it, when uvicorn raises the signal that it has obeyed."""
    sys.exit(0)


# Before the imports, which take most of a second: a container's first process misses what it has no handler for.
signal.signal(signal.SIGTERM, leave)
signal.signal(signal.SIGINT, leave)

from . import logs, server, settings  # noqa: E402
from .app import application  # noqa: E402


def main() -> None:
    try:
        configured = settings.load()
        logs.configure(configured.log_level)
        app = application(configured, settings.url("database"), settings.url("load-balancer"))
    except settings.Misconfigured as wrong:
        sys.exit(f"{__package__}: {wrong}")
    server.serve(app, configured)


main()
