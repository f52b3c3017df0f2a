"""What follows a container's log on the worker puts here: its lines, and how far it has come.

LogBatch and cursor are written in the caller's one transaction, so a follower that is killed goes on without losing or
repeating a line.
"""

import sqlite3
from collections.abc import Sequence

from culm.cluster.store.logs import events as log_events
from culm.cluster.store.logs import streams
from culm.core.model.record import record


@record
class LogBatch:
    """What a follower has read of a container's log since its last look."""

    container: str
    events: Sequence[tuple[int, str]]
    """Milliseconds since the epoch, and the message."""
    cursor: str
    """Where the next look goes on."""


def append(db: sqlite3.Connection, group: str, stream: str, lines: LogBatch, now_ms: int) -> bool:
    """Add a container's lines to a stream, made if it is missing, and remember where its follower goes on.

    Empty messages are left out, as Docker's awslogs driver does. Returns False, with nothing written, when there is no
    such group: the driver does not make one unless it is told to.
    """
    row = db.execute("SELECT id FROM log_group WHERE name = ?", (group,)).fetchone()
    if row is None:
        return False
    known = streams.find(db, row["id"], stream)
    stream_id = known.id if known else streams.create(db, row["id"], stream, now_ms)
    if messages := [event for event in lines.events if event[1]]:
        log_events.append(db, stream_id, messages, now_ms)
    db.execute(
        "INSERT INTO log_follower VALUES (?, ?, ?) ON CONFLICT (container) DO UPDATE SET cursor = excluded.cursor",
        (lines.container, stream_id, lines.cursor),
    )
    return True


def cursor(db: sqlite3.Connection, container: str) -> str | None:
    """Return where the follower of this container's log goes on; None if it has not begun."""
    row = db.execute("SELECT cursor FROM log_follower WHERE container = ?", (container,)).fetchone()
    return row["cursor"] if row else None
