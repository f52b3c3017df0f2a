"""Reset the cluster: nothing is left of what was made by the AWS API since it was new, and nothing of it runs.

In this order: the agents end, or they would report on tasks that there are not any more; then all rows go in one
transaction, and who looks from now on sees a new cluster; then the containers. Agents that were starting one when they
were ended may leave it behind, so the containers are listed until there are none.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from culm.cluster.daemon.files import write_owner_only
from culm.cluster.instance.http import Receive, Scope, Send, answer
from culm.cluster.instance.runtime.interface import Runtime
from culm.cluster.store import pristine
from culm.cluster.store.db import Store
from culm.errors import RuntimeFailure

log = logging.getLogger(__name__)

PATH = "/_culm/reset"
REPORT = "reset.json"
"""In the home: when the last reset was, and what went, for whoever asked for it."""
LOOKS = 20
"""Looks for containers that are left, with a pause between them."""
PAUSE_SECONDS = 0.02
REFUSED = "this cluster is not reset over HTTP: start it with `culm cluster start --reset-over-http`"


class Resetting:
    def __init__(
        self,
        home: Path,
        store: Store,
        runtime: Runtime,
        end_agents: Callable[[], Awaitable[None]],
        now: Callable[[], float],
    ) -> None:
        """`end_agents` returns when no agent works any more."""
        self._home = home
        self._store = store
        self._runtime = runtime
        self._end_agents = end_agents
        self._now = now
        self._one_at_a_time = asyncio.Lock()
        self.signalled = asyncio.Event()
        """Wakes the loop that calls `step`."""
        self._asked = False
        self.after: Callable[[], Awaitable[object]] | None = None
        """Called when the rows are gone: files of images go by it."""
        self.changed: Callable[[], object] = lambda: None

    def ask(self) -> None:
        """Let the next `step` reset, and wake the loop that calls it."""
        self._asked = True
        self.signalled.set()

    async def step(self) -> int:
        """Reset if that was asked for; a loop's step, which is also called without. Returns 0."""
        if self._asked:
            self._asked = False
            await self.reset()
        return 0

    async def reset(self) -> dict[str, float]:
        """Reset; return how many containers were removed and how long it took, in seconds."""
        async with self._one_at_a_time:
            began = time.monotonic()
            await self._end_agents()
            await self._store.run_long(pristine.reset)
            removed = await self._remove_containers()
            if self.after is not None:
                await self.after()
            self.changed()
            report = {"at": self._now(), "containers": removed, "seconds": round(time.monotonic() - began, 4)}
            log.info("reset in %.3f s; %d containers were removed", report["seconds"], removed)
            write_owner_only(self._home / REPORT, json.dumps(report))
            return report

    async def _remove_containers(self) -> int:
        removed = 0
        for _ in range(LOOKS):
            left = [container.name for container in await self._runtime.list()]
            if not left:
                break
            failures = await asyncio.gather(*map(self._runtime.remove, left), return_exceptions=True)
            for failure in failures:
                if isinstance(failure, RuntimeFailure):
                    log.warning("a container could not be removed: %s", failure)
                elif isinstance(failure, BaseException):
                    raise failure
            removed += sum(failure is None for failure in failures)
            await asyncio.sleep(PAUSE_SECONDS)
        return removed


def claims(scope: Scope) -> bool:
    """Return whether a request asks for a reset, whatever its method."""
    return bool(scope["type"] == "http" and scope["path"] == PATH)


class ResetRequests:
    """POST resets and answers when that is done; for programs alone, and only where the cluster was started for it."""

    def __init__(self, resetting: Resetting, *, allowed: bool) -> None:
        self._resetting = resetting
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if not self._allowed:
            await answer(send, 403, {"message": REFUSED})
        elif not local(headers):
            await answer(send, 403, {"message": "pages of other sites may not reset this cluster"})
        elif scope["method"] != "POST":
            await answer(send, 405, {"message": f"POST {PATH} resets this cluster"})
        else:
            await answer(send, 200, await self._resetting.reset())


def local(headers: dict[str, str]) -> bool:
    """Return whether a request names this machine, and no page of another site sent it.

    Browsers put `Origin` into every POST of a page; a name that resolves to this machine by another's DNS is in `Host`.
    """
    host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    if not (host == "localhost" or host.endswith(".localhost") or host.startswith(("127.", "169.254.170."))):
        return False
    return "origin" not in headers and headers.get("sec-fetch-site", "none") in ("none", "same-origin")
