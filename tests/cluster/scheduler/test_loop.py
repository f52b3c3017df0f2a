"""The heartbeat of the control loops."""

import asyncio
import contextlib

import pytest
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


async def fails_on_the_way_out(begun: asyncio.Event) -> int:
    try:
        begun.set()
        await asyncio.Event().wait()
    finally:
        raise OSError("no space is left for the last words")
    return 0


async def step_that_fails_on_the_way_out(begun: asyncio.Event) -> None:
    await loop.run("test", lambda: fails_on_the_way_out(begun), asyncio.Event(), every=60.0)


async def work_that_fails_on_the_way_out(begun: asyncio.Event) -> None:
    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails_on_the_way_out(begun))

    await loop.supervise("test", work)


@pytest.mark.parametrize("kept", [step_that_fails_on_the_way_out, work_that_fails_on_the_way_out])
async def test_what_is_told_to_end_ends_though_its_clean_up_fails(kept):
    begun = asyncio.Event()
    task = asyncio.create_task(kept(begun))
    await begun.wait()
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()
