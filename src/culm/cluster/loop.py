"""The heartbeat of every control loop: look when something changed, and every few seconds anyway.

A loop looks after many items: services, databases, alarms. `Isolated` is how each does the others when one fails.
"""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterator

log = logging.getLogger(__name__)

SHORTEST = 0.02
"""Minimum seconds between looks, so that a burst of changes is handled in one."""
REPEAT_SECONDS = 60.0
"""How often a failure that goes on is logged with its traceback again."""


class Isolated:
    """Keeps one item's failure from stopping the work on the others, and says so.

        for service in services:
            with self._isolated.item(service.name), savepoint(db):
                ...

    A failure is logged once, and again only when it becomes another one; so is its end. `failing` has what fails now.
    """

    def __init__(self, noun: str) -> None:
        """`noun`: what an item is, for the log: `service`."""
        self._noun = noun
        self.failing: dict[str, str] = {}
        """By item: the error."""

    @contextlib.contextmanager
    def item(self, name: str) -> Iterator[None]:
        """Do one item's work inside. Errors of the store itself, such as a full disk, are nobody's and go on up."""
        try:
            yield
        except sqlite3.OperationalError:
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            if self.failing.get(name) != text:
                log.exception("%s %s cannot be looked after; the others are", self._noun, name)
            self.failing[name] = text
        else:
            if self.failing.pop(name, None) is not None:
                log.info("%s %s is looked after again", self._noun, name)

    def keep(self, names: set[str]) -> None:
        """Forget the failures of items that are gone."""
        for name in self.failing.keys() - names:
            del self.failing[name]


class Reported:
    """Logs a failure that goes on with its traceback at first, and then once every `REPEAT_SECONDS`."""

    def __init__(self) -> None:
        self._text = ""
        self._again_at = 0.0

    def failed(self, message: str, *arguments: object, error: Exception) -> None:
        """Log a failure with its traceback, unless it is the one of before and that is not long ago."""
        text, now = f"{type(error).__name__}: {error}", asyncio.get_running_loop().time()
        if text != self._text or now >= self._again_at:
            log.error(message, *arguments, exc_info=error)
            self._text, self._again_at = text, now + REPEAT_SECONDS

    def worked(self) -> None:
        """Forget the last failure: the same again would be news."""
        self._text = ""


async def run(name: str, step: Callable[[], Awaitable[int]], changed: asyncio.Event, every: float) -> None:
    """Call `step` until it takes no more actions, then wait for `changed` or `every` seconds; for ever.

    A change after a quiet time is looked at at once; of many, one after the other, those of `SHORTEST` together.
    A step that raises is logged and tried again at the next tick: level-triggered loops need no other cure.
    """
    clock = asyncio.get_running_loop().time
    reported = Reported()
    while True:
        began = clock()
        changed.clear()
        try:
            while await step():
                pass
            reported.worked()
        except Exception as error:
            reported.failed("%s: a step failed; it looks again in %g s", name, every, error=error)
            end_if_cancelled()
            await asyncio.sleep(min(every, 1.0))
        try:
            async with asyncio.timeout(every):
                await changed.wait()
        except TimeoutError:
            pass
        if (early := began + SHORTEST - clock()) > 0:
            await asyncio.sleep(early)


def end_if_cancelled() -> None:
    """End the task where it was told to: for loops that begin again after a failure.

    A clean-up that fails on the way out, as on a full disk, hides the CancelledError behind an error of its own. So
    does a task of a group that fails at that moment, before Python 3.13.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def supervise(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work`, which should never end, for ever: when it fails it is logged and begun again a second later."""
    reported = Reported()
    while True:
        try:
            await work()
        except Exception as error:
            reported.failed("%s failed and begins again", name, error=error)
            end_if_cancelled()
        await asyncio.sleep(1.0)
