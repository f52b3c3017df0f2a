"""The AWS API over HTTP: an ASGI application, with room beside it for others on the same port."""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from culm.cluster.store.db import Store, disk_is_full
from culm.cluster.wire import rest_xml
from culm.cluster.wire.api import LARGE, Api, Ready
from culm.cluster.wire.http import Outgoing, Request, Response
from culm.cluster.wire.spool import HELD, Spool
from culm.errors import AwsError

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_NO_HEADER = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
"""What would end a header, or what no header may hold: a client can have its own text sent back in one."""
UNASKED = 64 << 10
"""Bytes of a body that are read before it is known who sends it."""
LARGEST_OBJECT = 5 << 30
"""Bytes of one PUT: https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html"""
PROGRESS_SECONDS = 30.0
"""How long a client may send nothing in the middle of a request."""

Mount = tuple[Callable[[Scope], bool], App]
"""Another application on this port, and which connections are its own."""


def answering(
    api: Api, store: Store, wake: Callable[[str], None]
) -> Callable[[Request], Response | Awaitable[Response]]:
    """Return what answers a request: a Response for a short operation while the store is idle, otherwise an awaitable.

    `wake` is called with the service's name when an operation that the control loops must look at has committed.
    """

    def answer(request: Request) -> Response | Awaitable[Response]:
        if request.large is not None or len(request.body) > LARGE:
            return large(request)
        ready = api.prepare(request)
        if isinstance(ready, Response):
            return ready
        if ready.long or ready.incoming is not None:
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
            await receive(ready)
            response = await (store.run_long if ready.long else store.run)(ready.work)
        except Exception as error:
            await discard(ready)
            return ready.fail(error)
        except asyncio.CancelledError:
            await discard(ready)
            raise
        if ready.wakes:
            wake(ready.service)
        if response.outgoing is not None:
            response = replace(response, outgoing=None, rest=pieces(response.outgoing))
        return response

    async def pieces(outgoing: Outgoing) -> AsyncIterator[bytes]:
        """Yield pieces of a body, each read in a transaction of its own once the one before was sent."""
        try:
            for step in outgoing.steps():
                yield await store.run_long(step)
        finally:
            await store.run_long(outgoing.release)

    async def receive(ready: Ready) -> None:
        """Between two steps others have their turn: a large body makes nobody wait for more than a mebibyte of it."""
        for step in ready.incoming.steps() if ready.incoming is not None else ():
            await store.run_long(step)

    async def discard(ready: Ready) -> None:
        """A store that can write no more forgets it at the next start."""
        if ready.incoming is not None:
            with contextlib.suppress(Exception):
                await store.run_long(ready.incoming.discard)

    return answer


def application(
    answer: Callable[[Request], Response | Awaitable[Response]],
    mounts: Sequence[Mount] = (),
    refuse_head: Callable[[Request], Response | None] = lambda head: None,
    folder: Path | None = None,
) -> App:
    """Serve the AWS API; the first mount that claims a connection gets it.

    `refuse_head` is asked about a request without its body, before more than `UNASKED` bytes of that are read. Large
    bodies go to files without a name in `folder`, by default where the system has its temporary files.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await lifespan(receive, send)
        for claims, app in mounts:
            if claims(scope):
                return await app(scope, receive, send)
        if scope["type"] == "http":
            try:
                request = await read(scope, receive, refuse_head, folder)
            except TimeoutError:
                request = Response(status=408, headers={"connection": "close"})
            except OSError as error:
                if not disk_is_full(error):
                    raise
                request = refusal("InsufficientStorage", "no space is left on the disk for this body", 507)
            answered = request if isinstance(request, Response) else answer(request)
            response = answered if isinstance(answered, Response) else await answered
            await respond(send, response)
            if response.rest is not None:
                await send_rest(receive, send, response.rest)
            return
        await send({"type": "websocket.close", "code": 1000})

    return serve


async def lifespan(receive: Receive, send: Send) -> None:
    """Answer the server; there is nothing to start or stop: whoever made the store closes it."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def read(
    scope: Scope,
    receive: Receive,
    refuse_head: Callable[[Request], Response | None] = lambda head: None,
    folder: Path | None = None,
) -> Request | Response:
    """Return the whole request, or the answer to one that may not come in, which closes the connection.

    Of a body of more than `HELD` bytes no more than a mebibyte is in memory at any time; it is in a file in `folder`.
    Raises `TimeoutError` when nothing comes for `PROGRESS_SECONDS`, and OSError when the file cannot be written.
    """
    head = Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        source=scope["client"][0] if scope.get("client") else None,
    )
    asked = False
    with Spool(folder) as spool:
        while True:
            async with asyncio.timeout(PROGRESS_SECONDS):
                message = await receive()
            if message["type"] == "http.disconnect":  # half a body is none
                return Response(status=400, headers={"connection": "close"})
            spool.take(message.get("body", b""))
            if spool.full:  # the next piece is not read before
                await asyncio.to_thread(spool.write)
            if spool.size > UNASKED and not asked:
                asked = True
                if (refused := refuse_head(head)) is not None:
                    return replace(refused, headers={**refused.headers, "connection": "close"})
            if spool.size > LARGEST_OBJECT:
                return refusal("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", 400)
            if not message.get("more_body"):
                if spool.size > HELD:
                    return replace(head, large=await asyncio.to_thread(spool.mapped))
                return replace(head, body=spool.held())


def refusal(code: str, message: str, status: int) -> Response:
    """Return a refusal in S3's words, as nobody else has large bodies; what is left of the body is not read."""
    response = rest_xml.failure(AwsError(code, message, status), "")
    return replace(response, headers={**response.headers, "connection": "close"})


async def respond(send: Send, response: Response) -> None:
    length = {} if response.status in (204, 304) else {"content-length": str(len(response.body))}
    # a HEAD response says its own: the length of the body that it does not have
    headers = [
        (name.encode("latin-1", "replace"), _NO_HEADER.sub(" ", value).encode("latin-1", "replace"))
        for name, value in {**length, **response.headers}.items()
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": response.rest is not None})


async def send_rest(receive: Receive, send: Send, rest: AsyncIterator[bytes]) -> None:
    """Send the pieces of a body as fast as the client takes them, and no more once it has hung up.

    A body that cannot be read to its end is broken off: its client sees that bytes are missing.
    """
    left = asyncio.ensure_future(hung_up(receive))
    try:
        async with contextlib.aclosing(rest) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                if left.done():
                    return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except AwsError as error:
        log.error("a response is broken off: %s", error)
    finally:
        left.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await left


async def hung_up(receive: Receive) -> None:
    """Return when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
