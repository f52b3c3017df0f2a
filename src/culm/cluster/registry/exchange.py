"""One request and its reply, over ASGI: bodies come and go in pieces, however big they are."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from culm.core.model.record import record

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


PROGRESS_SECONDS = 30.0
"""How long a client may send nothing in the middle of a layer."""


class Disconnected(Exception):
    """The client went away in the middle of its body; there is nobody to answer."""


@record
class Part:
    """Bytes of a file that make the reply's body."""

    path: Path
    start: int
    length: int


@record
class Reply:
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | Part = b""


def json_reply(value: Any, *headers: tuple[str, str], content_type: str = "application/json") -> Reply:
    return Reply(status=200, headers=(("Content-Type", content_type), *headers), body=json.dumps(value).encode())


class Request:
    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        self.scheme: str = scope.get("scheme", "http")
        self._query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        self._receive = receive

    def argument(self, name: str) -> str | None:
        """Return a parameter of the query."""
        return self._query[name][0] if name in self._query else None

    def arguments(self, name: str) -> tuple[str, ...]:
        return tuple(self._query.get(name, ()))

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body, in the pieces that the server read."""
        more = True
        while more:
            try:
                async with asyncio.timeout(PROGRESS_SECONDS):
                    message = await self._receive()
            except TimeoutError:
                raise Disconnected from None
            if message["type"] == "http.disconnect":
                raise Disconnected
            more = message.get("more_body", False)
            if piece := message.get("body"):
                yield piece
