"""A deploy as it goes on, on a terminal: a row for each service below the lines, with its step and a clock.

    api      is steady                                        31 s
    worker   building Dockerfile: Step 4/7 : RUN pip          12 s
    web      after api

Rows are made from the events that the lines are made from, so nothing is shown that a pipe would not be told.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from culm.console import Console, cells, fitted
from culm.deploy.job import Doing, Ended, Event, Job, Said, lines

GREEN, RED = "32", "31"
CLOCK = 8
"""Columns of a clock, the blank before it included."""


@dataclass
class ServiceRow:
    """Where a service is."""

    step: str = ""
    """The last line about it."""
    detail: str = ""
    """What it does there just now."""
    begun: float | None = None
    """When it began, by the clock; None: not yet."""
    step_begun: float = 0.0
    ended: float | None = None
    failed: bool = False


class Progress:
    """The rows of one deploy. `clock` gives seconds; `after` says which services each one waits for at the start."""

    def __init__(self, names: Sequence[str], after: Mapping[str, Sequence[str]], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rows = {name: ServiceRow() for name in names}
        self._after = after
        self._others: dict[str, str] = {}
        """What goes on besides, such as a database server's start, by whose it is."""

    def take(self, event: Event) -> None:
        """Change the row that an event is about."""
        row = self._rows.get(event.lane)
        if row is None:
            self._others.pop(event.lane, None)
            if isinstance(event, Doing) and event.what:
                self._others[event.lane] = event.what
            return
        now = self._clock()
        if row.begun is None:
            row.begun = row.step_begun = now
        match event:
            case Said(line=line):
                row.step, row.detail, row.step_begun, row.ended = line.partition("\n")[0], "", now, None
            case Doing(what=what):
                row.detail, row.ended = what, None
            case Ended(failed=failed):
                row.detail, row.ended, row.failed = "", now, failed

    def rows(self, columns: int, most: int, *, coloured: bool = False) -> list[str]:
        """Return at most `most` rows of `columns` columns.

        Those that are at work are kept where there are too many.
        """
        now = self._clock()
        kept = self._kept(most)
        width = max(map(len, self._rows), default=0)
        result = [self._row(name, width, columns, now, coloured) for name in kept]
        if hidden := len(self._rows) - len(kept):
            ended = sum(row.ended is not None for name, row in self._rows.items() if name not in kept)
            result.append(fitted(f"and {hidden} more: {ended} done, {hidden - ended} to come", columns))
        return [*result, *(fitted(f"{name}: {what}", columns) for name, what in self._others.items())]

    def _kept(self, most: int) -> list[str]:
        if len(self._rows) <= most:
            return [*self._rows]
        at_work = sorted(self._rows, key=lambda name: rank(self._rows[name]))[: most - 1]
        return [name for name in self._rows if name in at_work]

    def _row(self, name: str, width: int, columns: int, now: float, coloured: bool) -> str:
        row = self._rows[name]
        begin = f"{name:<{width}}  "
        room = max(0, columns - len(begin) - CLOCK)
        what = ": ".join(part for part in (row.step, row.detail) if part)
        if row.detail and fitted(what, room) != what:
            what = row.detail
        seconds = 0.0
        if row.begun is None:
            others = [other for other in self._after.get(name, ()) if other in self._rows]
            what = f"after {', '.join(others)}" if others else "waiting"
        elif row.ended is None:
            seconds = now - row.step_begun
        else:
            seconds = row.ended - row.begun
        text = fitted(what, room)
        clock = "" if row.begun is None else f"{spent(seconds):>{CLOCK}}"
        line = fitted(f"{begin}{text}{' ' * (room - sum(map(cells, text)))}{clock}", columns).rstrip()
        if coloured and row.ended is not None:
            return f"\x1b[{RED if row.failed else GREEN}m{line}\x1b[0m"
        return line


def rank(row: ServiceRow) -> int:
    """Return how much a row is worth its place: failed, at work, waiting, done."""
    if row.failed:
        return 0
    return 3 if row.ended is not None else 2 if row.begun is None else 1


def spent(seconds: float) -> str:
    """Return a time for people: `8 s`, `2:05`, `1:02:05`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def shown(job: Job, console: Console, names: Sequence[str]) -> Iterator[None]:
    """Show the rows of a deploy of `names` while it goes on, where somebody watches; they stay when it has ended."""
    if not console.live or not names:
        yield
        return
    progress = Progress(names, {name: job.service(name).after for name in names}, time.monotonic)
    plain, ended = lines(console), threading.Event()

    def listen(event: Event) -> None:
        progress.take(event)
        if isinstance(event, Said):
            plain(event)
        else:
            console.redraw()

    def tick() -> None:
        while not ended.wait(1.0):
            console.redraw()

    console.rows = lambda columns: progress.rows(columns, console.height() - 2, coloured=console.coloured)
    before, job.listen = job.listen, listen
    ticking = threading.Thread(target=tick, name="progress", daemon=True)
    ticking.start()
    try:
        yield
    finally:
        ended.set()
        ticking.join()
        job.listen = before
        console.settle()
