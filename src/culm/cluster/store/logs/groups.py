"""Log groups."""

import sqlite3

import msgspec

from culm.core.model.logs import LogGroup

_COLUMNS = "SELECT id, name, created_ms, retention_days, body FROM log_group"


class _Body(msgspec.Struct):
    log_group_class: str
    kms_key_id: str | None
    deletion_protection_enabled: bool
    tags: dict[str, str]


def find(db: sqlite3.Connection, name: str) -> LogGroup | None:
    row = db.execute(f"{_COLUMNS} WHERE name = ?", (name,)).fetchone()
    return _group(row) if row else None


def list_all(db: sqlite3.Connection) -> tuple[LogGroup, ...]:
    return tuple(_group(row) for row in db.execute(f"{_COLUMNS} ORDER BY name"))


def save(db: sqlite3.Connection, group: LogGroup) -> None:
    """Save a group; one that is not there yet may have any id, and gets its own."""
    body = _Body(
        log_group_class=group.log_group_class,
        kms_key_id=group.kms_key_id,
        deletion_protection_enabled=group.deletion_protection_enabled,
        tags=group.tags,
    )
    db.execute(
        "INSERT INTO log_group (name, created_ms, retention_days, body) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET retention_days = excluded.retention_days, body = excluded.body",
        (group.name, group.created_ms, group.retention_days, msgspec.json.encode(body).decode()),
    )


def delete(db: sqlite3.Connection, name: str) -> None:
    """Delete a group with its streams and events."""
    db.execute("DELETE FROM log_group WHERE name = ?", (name,))


def _group(row: sqlite3.Row) -> LogGroup:
    body = msgspec.json.decode(row["body"], type=_Body)
    return LogGroup(
        id=row["id"],
        name=row["name"],
        created_ms=row["created_ms"],
        retention_days=row["retention_days"],
        log_group_class=body.log_group_class,
        kms_key_id=body.kms_key_id,
        deletion_protection_enabled=body.deletion_protection_enabled,
        tags=body.tags,
    )
