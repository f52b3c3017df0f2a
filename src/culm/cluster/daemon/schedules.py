"""The loop that starts what EventBridge Scheduler's schedules have due."""

from collections.abc import Awaitable, Callable
from sqlite3 import Connection

from culm.cluster import clock
from culm.cluster.store import schedules
from culm.cluster.store.db import Store
from culm.cluster.wire.operations import Call


def scheduled_tasks(
    store: Store, region: str, account: str, endpoint: str, changed: Callable[[], None]
) -> Callable[[], Awaitable[int]]:
    """Return a loop's step; it calls `changed` when it has started something."""

    def call(db: Connection) -> Call:
        return Call(db=db, now=clock.now(), new_id=clock.new_id, region=region, account=account, endpoint=endpoint)

    async def step() -> int:
        soonest = await store.run(schedules.soonest)
        if soonest is None or soonest > clock.now():
            return 0
        # what ECS's operations need takes a while to import
        from culm.cluster.services.eventbridge_scheduler import runs

        if await store.run(lambda db: runs.look(call, db)):
            changed()
        return 0

    return step
