"""New events of streams, in the order in which they came."""

import sqlite3
from typing import NamedTuple

from culm.core.model.logs import LogEvent


class Head(NamedTuple):
    """How far a stream has come."""

    stream_id: int
    name: str
    last_sequence: int


def heads(db: sqlite3.Connection, group_id: int) -> list[Head]:
    """Return how far each stream of a group has come."""
    rows = db.execute("SELECT id, name, last_sequence FROM log_stream WHERE group_id = ?", (group_id,))
    return [Head(*row) for row in rows]


def newer(db: sqlite3.Connection, head: Head, sequence: int) -> list[LogEvent]:
    """Return the events of a stream behind a sequence.

    They are looked for from the newest time on, and there are as many as sequences have been given out since: so a
    long stream is not read for a few new events, unless these are the oldest of all.
    """
    rows = db.execute(
        "SELECT timestamp_ms, stream_id, sequence, ingested_ms, message FROM log_event"
        " WHERE stream_id = ? AND sequence > ? ORDER BY timestamp_ms DESC, sequence DESC LIMIT ?",
        (head.stream_id, sequence, head.last_sequence - sequence),
    )
    return sorted((LogEvent._make(row) for row in rows), key=lambda event: event.sequence)
