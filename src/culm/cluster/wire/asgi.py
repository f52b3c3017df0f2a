"""The AWS API over HTTP: an ASGI application, with room beside it for others on the same port."""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import replace
from typing import Any

from culm.cluster.store.db import Store
from culm.cluster.wire.api import LARGE, Api, Ready
from culm.cluster.wire.http import Request, Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_NO_HEADER = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
"""What would end a header, or what no header may hold: a client can have its own text sent back in one."""
UNASKED = 64 << 10
"""Bytes of a body that are read before it is known who sends it."""
PROGRESS_SECONDS = 30.0
"""How long a client may send nothing in the middle of a request."""

Mount = tuple[Callable[[Scope], bool], App]
"""Another application on this port, and which connections are its own."""


def answering(
    api: Api, store: Store, wake: Callable[[str], None]
) -> Callable[[Request], Response | Awaitable[Response]]:
    """Answers at once what is brief while the store is free, and else a promise of an answer.

    `wake` is called with the service's name when an operation that the control loops must look at has committed.
    """

    def answer(request: Request) -> Response | Awaitable[Response]:
        if len(request.body) > LARGE:
            return large(request)
        ready = api.prepare(request)
        if isinstance(ready, Response):
            return ready
        if ready.long:
            return run(ready)
        try:
            response = store.at_once(ready.work)
        except Exception as error:
            return ready.fail(error)
        if response is None:
            return run(ready)
        if ready.wakes:
            wake(ready.service)
        return response

    async def large(request: Request) -> Response:
        ready = await asyncio.to_thread(api.prepare, request)
        return ready if isinstance(ready, Response) else await run(ready)

    async def run(ready: Ready) -> Response:
        try:
            response = await (store.run_long if ready.long else store.run)(ready.work)
        except Exception as error:
            return ready.fail(error)
        if ready.wakes:
            wake(ready.service)
        return response

    return answer


def application(
    answer: Callable[[Request], Response | Awaitable[Response]],
    mounts: Sequence[Mount] = (),
    refuse_head: Callable[[Request], Response | None] = lambda head: None,
) -> App:
    """Serve the AWS API; the first mount that claims a connection gets it.

    `refuse_head` is asked about a request without its body, before more than `UNASKED` bytes of that are read.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await lifespan(receive, send)
        for claims, app in mounts:
            if claims(scope):
                return await app(scope, receive, send)
        if scope["type"] == "http":
            try:
                request = await read(scope, receive, refuse_head)
            except TimeoutError:
                request = Response(status=408, headers={"connection": "close"})
            response = request if isinstance(request, Response) else answer(request)
            return await respond(send, response if isinstance(response, Response) else await response)
        await send({"type": "websocket.close", "code": 1000})

    return serve


async def lifespan(receive: Receive, send: Send) -> None:
    """There is nothing to start or stop: whoever made the store closes it."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def read(
    scope: Scope, receive: Receive, refuse_head: Callable[[Request], Response | None] = lambda head: None
) -> Request | Response:
    """The whole request, or the answer to one that may not come in, which closes the connection.

    Raises `TimeoutError` when nothing comes for `PROGRESS_SECONDS`.
    """
    head = Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        source=scope["client"][0] if scope.get("client") else None,
    )
    chunks, size, asked = [], 0, False
    while True:
        async with asyncio.timeout(PROGRESS_SECONDS):
            message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > UNASKED and not asked:
            asked = True
            if (refusal := refuse_head(head)) is not None:
                return replace(refusal, headers={**refusal.headers, "connection": "close"})
        if not message.get("more_body"):
            return replace(head, body=b"".join(chunks))


async def respond(send: Send, response: Response) -> None:
    length = {} if response.status in (204, 304) else {"content-length": str(len(response.body))}
    # a HEAD response says its own: the length of the body that it does not have
    headers = [
        (name.encode("latin-1", "replace"), _NO_HEADER.sub(" ", value).encode("latin-1", "replace"))
        for name, value in {**length, **response.headers}.items()
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
