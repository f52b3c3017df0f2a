"""Log events: many small appends, read by time."""

import sqlite3
from collections.abc import Iterator, Sequence

from culm.core.model.logs import LogEvent, Position

OVERHEAD_BYTES = 26
"""What AWS counts for an event besides its message.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html"""
_LAST = 1 << 62


def size_of(message: str) -> int:
    """Return a text's bytes in UTF-8."""
    return len(message) if message.isascii() else len(message.encode())


def append(db: sqlite3.Connection, stream_id: int, events: Sequence[tuple[int, str]], now_ms: int) -> None:
    """Add (timestamp in ms, message) pairs, at least one, to a stream; equal times keep their order."""
    times = [timestamp for timestamp, _ in events]
    size = sum([size_of(message) for _, message in events]) + OVERHEAD_BYTES * len(events)
    row = db.execute(
        "UPDATE log_stream SET last_sequence = last_sequence + :count, stored_bytes = stored_bytes + :size,"
        " first_event_ms = min(coalesce(first_event_ms, :first), :first),"
        " last_event_ms = max(coalesce(last_event_ms, :last), :last), last_ingestion_ms = :now"
        " WHERE id = :id RETURNING last_sequence",
        {
            "count": len(events),
            "size": size,
            "first": min(times),
            "last": max(times),
            "now": now_ms,
            "id": stream_id,
        },
    ).fetchone()
    sequence = row["last_sequence"] - len(events)
    db.executemany(
        "INSERT INTO log_event (stream_id, timestamp_ms, sequence, ingested_ms, message) VALUES (?, ?, ?, ?, ?)",
        [
            (stream_id, timestamp, number, now_ms, message)
            for number, (timestamp, message) in enumerate(events, start=sequence + 1)
        ],
    )


def forward(
    db: sqlite3.Connection, stream_id: int, start_ms: int, end_ms: int, after: Position | None = None
) -> Iterator[LogEvent]:
    """Yield events of `start_ms` <= time < `end_ms`, oldest first, only those behind `after` in the group."""
    return forward_with(db, stream_id, (start_ms, end_ms), (), after)


def forward_with(
    db: sqlite3.Connection, stream_id: int, span: tuple[int, int], needles: Sequence[str], after: Position | None
) -> Iterator[LogEvent]:
    """Return events as `forward` does that have one of `needles`, if there are any, in their message.

    `span` is (start, end) in ms. SQLite judges them, so that those without cost a fraction of a microsecond each.
    """
    start_ms, end_ms = span
    timestamp, sequence = start_ms, 0
    if after is not None and after.timestamp_ms >= start_ms:
        timestamp, sequence = after.timestamp_ms, _bound(stream_id, after)
    bounds = "(timestamp_ms, sequence) > (?, ?) AND timestamp_ms < ?"
    order = "ORDER BY timestamp_ms, sequence"
    return _selected(db, f"{bounds}{_having(needles)} {order}", (stream_id, timestamp, sequence, end_ms, *needles))


def backward(
    db: sqlite3.Connection, stream_id: int, start_ms: int, end_ms: int, before: Position | None = None
) -> Iterator[LogEvent]:
    """Yield events of `start_ms` <= time < `end_ms`, newest first, only those ahead of `before` in the group."""
    return backward_with(db, stream_id, (start_ms, end_ms), (), before)


def backward_with(
    db: sqlite3.Connection, stream_id: int, span: tuple[int, int], needles: Sequence[str], before: Position | None
) -> Iterator[LogEvent]:
    """Return events as `backward` does that have one of `needles`, as `forward_with` does."""
    start_ms, end_ms = span
    timestamp, sequence = end_ms, 0
    if before is not None and before.timestamp_ms < end_ms:
        timestamp, sequence = before.timestamp_ms, _bound(stream_id, before)
    bounds = "(timestamp_ms, sequence) < (?, ?) AND timestamp_ms >= ?"
    order = "ORDER BY timestamp_ms DESC, sequence DESC"
    return _selected(db, f"{bounds}{_having(needles)} {order}", (stream_id, timestamp, sequence, start_ms, *needles))


def _having(needles: Sequence[str]) -> str:
    return f" AND ({' OR '.join(['instr(message, ?)'] * len(needles))})" if needles else ""


def _selected(db: sqlite3.Connection, conditions: str, values: Sequence[object]) -> Iterator[LogEvent]:
    rows = db.cursor()
    rows.row_factory = None
    rows.execute(
        "SELECT timestamp_ms, stream_id, sequence, ingested_ms, message FROM log_event"
        f" WHERE stream_id = ? AND {conditions}",
        values,
    )
    return map(LogEvent._make, rows)


def reached(db: sqlite3.Connection, stream_id: int, end_ms: int, count: int) -> int | None:
    """Return the time of the event that `count` newer ones follow until `end_ms`; None: there are fewer."""
    row = db.execute(
        "SELECT timestamp_ms FROM log_event WHERE stream_id = ? AND timestamp_ms < ?"
        " ORDER BY timestamp_ms DESC, sequence DESC LIMIT 1 OFFSET ?",
        (stream_id, end_ms, count),
    ).fetchone()
    return row[0] if row else None


def reached_forward(db: sqlite3.Connection, stream_id: int, start_ms: int, count: int) -> int | None:
    """Return the time of the event that `count` older ones precede from `start_ms`; None: there are fewer."""
    row = db.execute(
        "SELECT timestamp_ms FROM log_event WHERE stream_id = ? AND timestamp_ms >= ?"
        " ORDER BY timestamp_ms, sequence LIMIT 1 OFFSET ?",
        (stream_id, start_ms, count),
    ).fetchone()
    return row[0] if row else None


def at(db: sqlite3.Connection, position: Position) -> LogEvent | None:
    """Return the event at a position, if it is still there."""
    row = db.execute(
        "SELECT timestamp_ms, stream_id, sequence, ingested_ms, message FROM log_event"
        " WHERE timestamp_ms = ? AND stream_id = ? AND sequence = ?",
        position,
    ).fetchone()
    return LogEvent._make(row) if row else None


def expire(db: sqlite3.Connection, now_ms: int, limit: int = 10_000) -> int:
    """Remove up to `limit` events that have outlived their group's retention; returns how many went."""
    due = db.execute(
        "SELECT s.id, :now - g.retention_days * 86400000 AS before FROM log_group AS g JOIN log_stream AS s"
        " ON s.group_id = g.id WHERE g.retention_days IS NOT NULL AND s.first_event_ms < before",
        {"now": now_ms},
    ).fetchall()
    gone = 0
    for stream_id, before in due:
        removed = db.execute(
            "DELETE FROM log_event WHERE (stream_id, timestamp_ms, sequence) IN (SELECT stream_id, timestamp_ms,"
            " sequence FROM log_event WHERE stream_id = ? AND timestamp_ms < ? ORDER BY timestamp_ms LIMIT ?)"
            " RETURNING length(CAST(message AS BLOB)) AS size",
            (stream_id, before, limit - gone),
        ).fetchall()
        gone += len(removed)
        db.execute(
            "UPDATE log_stream SET stored_bytes = stored_bytes - ?,"
            " first_event_ms = (SELECT min(timestamp_ms) FROM log_event WHERE stream_id = id) WHERE id = ?",
            (sum(row["size"] + OVERHEAD_BYTES for row in removed), stream_id),
        )
        if gone >= limit:
            break
    return gone


def _bound(stream_id: int, position: Position) -> int:
    """Return the sequence where a stream goes on at the position's own time; streams of lower id come first."""
    if stream_id == position.stream_id:
        return position.sequence
    return _LAST if stream_id < position.stream_id else 0
