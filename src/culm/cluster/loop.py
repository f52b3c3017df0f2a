"""The heartbeat of every control loop: look when something changed, and every few seconds anyway."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

SHORTEST = 0.02
"""Seconds from one look to the next: whoever creates a hundred services is not looked at a hundred times."""


async def run(name: str, step: Callable[[], Awaitable[int]], changed: asyncio.Event, every: float) -> None:
    """Call `step` until it takes no more actions, then wait for `changed` or `every` seconds; for ever.

    A change after a quiet time is looked at at once; of many, one after the other, those of `SHORTEST` together.
    A step that raises is logged and tried again at the next tick: level-triggered loops need no other cure.
    """
    clock = asyncio.get_running_loop().time
    while True:
        began = clock()
        changed.clear()
        try:
            while await step():
                pass
        except Exception:
            log.exception("%s: a step failed; it looks again in %g s", name, every)
            await asyncio.sleep(min(every, 1.0))
        try:
            async with asyncio.timeout(every):
                await changed.wait()
        except TimeoutError:
            pass
        if (early := began + SHORTEST - clock()) > 0:
            await asyncio.sleep(early)


async def supervise(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work`, which should never end, for ever: when it fails it is logged and begun again a second later."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("%s failed and begins again", name)
        await asyncio.sleep(1.0)
