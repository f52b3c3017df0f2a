"""The heartbeat of the control loops."""

import asyncio
import contextlib

from tests.traffic import eventually

from culm.cluster import loop


@contextlib.asynccontextmanager
async def running(step, changed):
    task = asyncio.create_task(loop.run("test", step, changed, every=60.0))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_change_is_looked_at_until_nothing_is_left_to_do():
    changed = asyncio.Event()
    left = [1, 1, 0]

    async def step():
        return left.pop(0)

    async with running(step, changed):
        await eventually(lambda: not left)
        left.append(0)
        changed.set()
        await eventually(lambda: not left)


async def test_many_changes_one_after_the_other_are_looked_at_together():
    changed = asyncio.Event()
    changes, looks = [], []

    async def step():
        looks.append(len(changes))
        return 0

    async with running(step, changed):
        for _ in range(200):
            changes.append(True)
            changed.set()
            await asyncio.sleep(0)
        await eventually(lambda: looks[-1] == len(changes))

    assert len(looks) < 100
