"""Live tails: requests to the AWS API whose responses go on, until the client leaves or the session is over."""

import asyncio
import contextlib
import json
from collections.abc import Callable

from culm.cluster.services.logs.live_tail import LONGEST_SECONDS, TARGET, Tail, timed_out
from culm.cluster.store.db import Store
from culm.cluster.wire.api import Api
from culm.cluster.wire.asgi import Receive, Scope, Send, hung_up, read, respond
from culm.cluster.wire.http import Request, Response, unzipped

EVERY_SECONDS = 1.0
"""As often as AWS sends an update."""


def claims(scope: Scope) -> bool:
    """Return whether a request is one of these."""
    return scope["type"] == "http" and (b"x-amz-target", TARGET.encode()) in scope["headers"]


class LiveTails:
    """An ASGI application: the API checks a request and begins the response, the session's events follow."""

    def __init__(self, api: Api, store: Store, *, now: Callable[[], float], every: float = EVERY_SECONDS) -> None:
        self._api = api
        self._store = store
        self._now = now
        self._every = every

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await read(scope, receive, self._api.refuse_head)
        response = request if isinstance(request, Response) else await self._begun(request)
        if response.status != 200 or isinstance(request, Response):
            return await respond(send, response)
        members = json.loads(unzipped(request).body)
        tail = await self._store.run(lambda db: Tail(db, members))
        headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
        left = asyncio.ensure_future(hung_up(receive))
        try:
            await self._follow(tail, send, left)
        finally:
            left.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await left

    async def _begun(self, request: Request) -> Response:
        ready = self._api.prepare(request)
        if isinstance(ready, Response):
            return ready
        try:
            return await self._store.run(ready.work)
        except Exception as error:
            return ready.fail(error)

    async def _follow(self, tail: Tail, send: Send, left: asyncio.Future[None]) -> None:
        end = self._now() + LONGEST_SECONDS
        while self._now() < end:
            await asyncio.wait([left], timeout=self._every)
            if left.done():
                return
            update = await self._store.run(tail.update)
            await send({"type": "http.response.body", "body": update, "more_body": True})
        await send({"type": "http.response.body", "body": timed_out()})
