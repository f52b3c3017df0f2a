"""CloudWatch Logs as the workers use it: the awslogs driver's calls, on the store."""

import sqlite3
from collections.abc import Callable, Sequence

from culm.cluster.instance.runtime.interface import Line
from culm.cluster.services.logs import counting
from culm.cluster.store import logs
from culm.cluster.store.db import Store
from culm.cluster.store.logs import groups, streams
from culm.core.model.logs import LogGroup
from culm.errors import RuntimeFailure


class LogSink:
    """Implements `culm.cluster.instance.interface.Logs`."""

    def __init__(self, store: Store, *, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now

    async def open(self, group: str, stream: str, *, create_group: bool) -> None:
        """Make the stream, and its group if told to; without a group the container must not start, as with Docker."""
        now_ms = int(self._now() * 1000)

        def work(db: sqlite3.Connection) -> bool:
            known = groups.find(db, group)
            if known is None and create_group:
                groups.save(db, LogGroup(id=0, name=group, created_ms=now_ms, tags={}))
                known = groups.find(db, group)
            if known is None:
                return False
            if streams.find(db, known.id, stream) is None:
                streams.create(db, known.id, stream, now_ms)
            return True

        if not await self._store.run(work):
            raise RuntimeFailure(
                "CannotStartContainerError",
                "failed to initialize logging driver: failed to create Cloudwatch log stream: "
                f"ResourceNotFoundException: The specified log group does not exist: {group}",
            )

    async def append(self, group: str, stream: str, container: str, lines: Sequence[Line]) -> None:
        """Append lines.

        Those of a group that was deleted meanwhile are dropped, as the driver would fail to put them.
        """
        events = [(int(line.at * 1000), line.text) for line in lines]
        now_ms = int(self._now() * 1000)

        def work(db: sqlite3.Connection) -> None:
            read = logs.LogBatch(container=container, events=events, cursor=lines[-1].cursor)
            put = logs.append(db, group, stream, read, now_ms)
            if put and (known := groups.find(db, group)):
                counting.count(db, known.id, [event for event in events if event[1]])

        await self._store.run(work)

    async def cursor(self, container: str) -> str | None:
        return await self._store.run(lambda db: logs.cursor(db, container))
