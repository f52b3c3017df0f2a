"""New log lines for everybody who follows them: the groups are read once, however many they are."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from culm.operate.logs import Follower, LogLine
from culm.target.connection import Target

LOCAL_SECONDS, AMAZON_SECONDS = 0.4, 2.0
MOST_WAITING = 5000
"""Lines that wait for a browser that does not take them; more are left out."""


class Feed:
    """Threads may share it."""

    def __init__(self, target: Target, groups: Callable[[], Iterable[str]], now: Callable[[], float]) -> None:
        self.target = target
        self.groups = groups
        self.now = now
        self.pause = LOCAL_SECONDS if target.endpoint_url else AMAZON_SECONDS
        self._readers: set[queue.Queue[LogLine]] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._over = threading.Event()

    @contextmanager
    def reader(self) -> Iterator["queue.Queue[LogLine]"]:
        """Yield lines from now on; reading goes on while there is any reader."""
        lines: queue.Queue[LogLine] = queue.Queue(MOST_WAITING)
        with self._lock:
            self._readers.add(lines)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
                self._thread.start()
        try:
            yield lines
        finally:
            with self._lock:
                self._readers.discard(lines)

    def newer(self, groups: Iterable[str], after: int) -> list[LogLine]:
        """Return the lines of log groups that are newer than `after`, in epoch milliseconds; empty without an answer.

        They fill the gap between what a page has shown and what its reader gets.
        """
        try:
            return Follower(self.target, groups, after + 1).read()
        except Exception:  # the cluster is away; the page says so
            return []

    def stop(self) -> None:
        self._over.set()

    def _run(self) -> None:
        follower = Follower(self.target, list(self.groups()), int(self.now() * 1000))
        while not self._over.is_set():
            with self._lock:
                if not self._readers:
                    self._thread = None
                    return
            try:
                for group in self.groups():
                    follower.since.setdefault(group, int(self.now() * 1000))
                read = follower.read()
            except Exception:  # the cluster is away; the page says so, and this goes on when it is back
                read = []
            with self._lock:
                for lines in self._readers:
                    for line in read:
                        if not lines.full():
                            lines.put_nowait(line)
            self._over.wait(self.pause)
