"""The page that test suites ask until a local AWS is up, at the path where LocalStack has it and others have theirs.

No bucket can have a name that begins with an underscore, so the path is nobody's.
"""

from collections.abc import Mapping
from typing import Any

from culm import __version__
from culm.cluster import operations
from culm.cluster.instance.http import answer
from culm.cluster.wire.asgi import Receive, Scope, Send

PATHS = ("/_localstack/health", "/_culm/health")
RUNNING: Mapping[str, Any] = {
    "services": {name: "running" for name in operations.SERVED},
    "edition": "culm",
    "version": __version__,
}


def claims(scope: Scope) -> bool:
    """Return whether a request is for the page: for anybody, since it says nothing of what is in the cluster."""
    return scope["type"] == "http" and scope["path"] in PATHS and scope["method"] in ("GET", "HEAD")


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as an ASGI application. A daemon that answers at all serves every service."""
    await answer(send, 200, RUNNING)
