"""Looks at the target for all who have the page open: once, however many they are, and only while they are there."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from culm.operate.snapshot.compose import compose, empty
from culm.operate.snapshot.look import Looker
from culm.operate.snapshot.observed import Observed
from culm.operate.snapshot.records import Snapshot
from culm.plan.bill import PriceList
from culm.target import faults

LOCAL_SECONDS, AMAZON_SECONDS = 1.5, 10.0
"""Between two looks. Amazon throttles whoever looks too often."""
AWAKE_SECONDS = 20.0
"""How long it goes on looking after the last request."""


class Watcher:
    """Threads may share it. `changed` is called, in its own thread, after a look that saw something new."""

    def __init__(self, looker: Looker, prices: PriceList | None, changed: Callable[[], None]) -> None:
        self.looker = looker
        self.prices = prices
        self.changed = changed
        self.pause = LOCAL_SECONDS if looker.about.endpoint else AMAZON_SECONDS
        self._snapshot: Snapshot | None = None
        self._observed: Observed | None = None
        self._looking = threading.Lock()
        self._wanted = threading.Event()
        self._over = threading.Event()
        self._awake_until = 0.0
        self._looked_at = -1e9

    def start(self) -> None:
        threading.Thread(target=self._run, name="watcher", daemon=True).start()

    def stop(self) -> None:
        self._over.set()
        self._wanted.set()

    def awake(self) -> None:
        """Look often from now on, as somebody looks at the page."""
        self._awake_until = time.monotonic() + AWAKE_SECONDS
        self._wanted.set()

    def snapshot(self) -> Snapshot:
        """Return the newest; looks now when it is not fresh."""
        self.awake()
        if self._snapshot is None or time.monotonic() - self._looked_at > 2 * self.pause:
            self._look()
        assert self._snapshot is not None
        return self._snapshot

    @property
    def observed(self) -> Observed:
        """What the newest snapshot was made from."""
        self.snapshot()
        assert self._observed is not None
        return self._observed

    def again(self) -> None:
        """Look at once: something was just done."""
        self._looked_at = -1e9
        self._wanted.set()

    def _run(self) -> None:
        while not self._over.is_set():
            if time.monotonic() > self._awake_until:
                self._wanted.clear()
                self._wanted.wait()
                continue
            self._look()
            self._over.wait(self.pause)

    def _look(self) -> None:
        with self._looking:
            if self._snapshot is not None and time.monotonic() - self._looked_at < self.pause / 2:
                return
            before = self._snapshot
            try:
                with faults.translated():
                    observed = self.looker.look()
                after = compose(self.looker.about, observed, self.prices)
                self._observed = observed
            except Exception as error:  # whatever it was, the page says so and the next look may do better
                after = unreachable(self.looker, before, str(error), self.looker.now())
                if self._observed is None:
                    self._observed = Observed(
                        at=after.at,
                        cluster=False,
                        task_definitions={},
                        target_groups={},
                        targets={},
                        metrics={},
                        last_lines={},
                    )
            self._snapshot = after
            self._looked_at = time.monotonic()
        if before is None or replace(before, at=0.0) != replace(after, at=0.0):
            self.changed()


def unreachable(looker: Looker, before: Snapshot | None, why: str, now: float) -> Snapshot:
    """Return what was there before, and why there is nothing newer."""
    if before is not None:
        return replace(before, unreachable=why, unreachable_since=before.unreachable_since or now)
    return replace(empty(looker.about, now), unreachable=why, unreachable_since=now)
