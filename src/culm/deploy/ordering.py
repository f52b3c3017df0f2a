"""Whose move it is: services are deployed side by side, but ask the scheduler in the order that was planned.

Images are built without waiting. Then a wave's migrations are placed one after the other and run side by side; when all
have ended, its services are rolled, one call after the other; when all are steady the next wave begins.
"""

import threading
from collections.abc import Callable, Sequence
from enum import IntEnum

POLL_SECONDS = 0.2
"""Between two looks whether the deploy was broken off."""


class Stage(IntEnum):
    """How far a service has come; one that fails is at its end."""

    WAITING = 0
    MIGRATING = 1
    """Its migration has a place, or it has none to run."""
    MIGRATED = 2
    CALLED = 3
    """The scheduler knows what it is to become."""
    ENDED = 4


class Turns:
    """Threads may share it. `check` is called while somebody waits, and raises when the deploy is broken off."""

    def __init__(self, waves: Sequence[Sequence[str]], names: Sequence[str], check: Callable[[], None]) -> None:
        """`waves` as planned; those of `names` that were not to move, and do, come after them."""
        moving = [name for wave in waves for name in wave]
        self._waves = [list(wave) for wave in waves] + [[name for name in names if name not in moving]]
        self._check = check
        self._stages = {name: Stage.WAITING for wave in self._waves for name in wave}
        self._changed = threading.Condition()

    def to_migrate(self, name: str) -> None:
        """Wait until its migration may be placed."""
        before, own = self._around(name)
        earlier = own[: own.index(name)]
        self._wait(lambda: self._all(before, Stage.ENDED) and self._all(earlier, Stage.MIGRATING))

    def to_roll(self, name: str) -> None:
        """Wait until it may be rolled; its own migration, if there was one, has ended."""
        self.reached(name, Stage.MIGRATED)
        before, own = self._around(name)
        earlier = own[: own.index(name)]
        self._wait(
            lambda: (
                self._all(before, Stage.ENDED) and self._all(own, Stage.MIGRATED) and self._all(earlier, Stage.CALLED)
            )
        )

    def reached(self, name: str, stage: Stage) -> None:
        with self._changed:
            self._stages[name] = max(stage, self._stages[name])
            self._changed.notify_all()

    def _around(self, name: str) -> tuple[list[str], list[str]]:
        """All of the waves before its own, and its own."""
        index = next(i for i, wave in enumerate(self._waves) if name in wave)
        return [other for wave in self._waves[:index] for other in wave], self._waves[index]

    def _all(self, names: Sequence[str], stage: Stage) -> bool:
        return all(self._stages[name] >= stage for name in names)

    def _wait(self, ready: Callable[[], bool]) -> None:
        with self._changed:
            while not self._changed.wait_for(ready, timeout=POLL_SECONDS):
                self._check()
