"""Log streams."""

import sqlite3

from culm.core.model.logs import LogStream

_COLUMNS = "SELECT id, name, created_ms, first_event_ms, last_event_ms, last_ingestion_ms, stored_bytes FROM log_stream"


def find(db: sqlite3.Connection, group_id: int, name: str) -> LogStream | None:
    row = db.execute(f"{_COLUMNS} WHERE group_id = ? AND name = ?", (group_id, name)).fetchone()
    return LogStream(**row) if row else None


def in_group(db: sqlite3.Connection, group_id: int) -> tuple[LogStream, ...]:
    rows = db.execute(f"{_COLUMNS} WHERE group_id = ? ORDER BY name", (group_id,))
    return tuple(LogStream(**row) for row in rows)


def names(db: sqlite3.Connection, id: int) -> tuple[str, str]:
    """Return the names of the group and of the stream that has this id."""
    row = db.execute(
        "SELECT g.name, s.name FROM log_stream AS s JOIN log_group AS g ON g.id = s.group_id WHERE s.id = ?", (id,)
    ).fetchone()
    return str(row[0]), str(row[1])


def create(db: sqlite3.Connection, group_id: int, name: str, now_ms: int) -> int:
    """Return a new stream's id."""
    made = db.execute(
        "INSERT INTO log_stream (group_id, name, created_ms) VALUES (?, ?, ?) RETURNING id", (group_id, name, now_ms)
    )
    return int(made.fetchone()["id"])


def delete(db: sqlite3.Connection, id: int) -> None:
    """Delete a stream with its events."""
    db.execute("DELETE FROM log_stream WHERE id = ?", (id,))
