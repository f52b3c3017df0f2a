"""The orderly end of everything that runs: each task is told to stop, and its last words are kept."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable

from culm.cluster.instance.runtime.interface import Runtime
from culm.cluster.scheduler.agents import Agents
from culm.cluster.store.db import Store
from culm.cluster.store.ecs import tasks
from culm.core.model.tasks import Status, StopCode
from culm.errors import RuntimeFailure

log = logging.getLogger(__name__)

REASON = "The local cluster was stopped"
LIVE = "last_status != 'STOPPED'"
LONGEST_STEP_SECONDS = 60.0
PATIENCE_SECONDS = 40.0
"""A container's own 30 s between SIGTERM and SIGKILL, and some."""


async def orderly(what: str, stop: Awaitable[object]) -> None:
    """Await one step of the end; one that fails, or takes too long, is logged and keeps none of the others from it."""
    try:
        async with asyncio.timeout(LONGEST_STEP_SECONDS):
            await stop
    except TimeoutError:
        log.error("%s did not stop in %g s", what, LONGEST_STEP_SECONDS)
    except Exception:
        log.exception("%s did not stop in order", what)


async def stop_tasks(
    store: Store, agents: Agents, runtime: Runtime, changed: asyncio.Event, now: Callable[[], float]
) -> None:
    """Stop every task through its agent, then remove every container. Services want theirs again at the next start."""

    def wish(db: sqlite3.Connection) -> None:
        for arn in tasks.arns(db, LIVE, ()):
            tasks.stop(db, arn, StopCode.USER_INITIATED, REASON, now())
            tasks.set_last_status(db, arn, Status.STOPPING)

    try:
        await store.run(wish)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await agents.order()
            while True:
                changed.clear()
                if not await store.run(lambda db: tasks.arns(db, LIVE, ())):
                    break
                await changed.wait()
    except TimeoutError:
        log.warning("some tasks did not stop in %g s; their containers are killed", PATIENCE_SECONDS)
    except sqlite3.Error:
        log.exception("what stops cannot be recorded; the containers end all the same")
    try:
        for container in await runtime.list():
            await runtime.remove(container.name)
    except RuntimeFailure as failure:
        log.error("containers could not be removed: %s", failure)
