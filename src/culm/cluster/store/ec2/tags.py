"""Tags of EC2's resources, by the resource's id."""

import sqlite3
from collections.abc import Iterable, Mapping


def put(db: sqlite3.Connection, resource_id: str, tags: Mapping[str, str]) -> None:
    db.executemany(
        "INSERT INTO ec2_tag VALUES (?, ?, ?) ON CONFLICT (resource_id, key) DO UPDATE SET value = excluded.value",
        [(resource_id, key, value) for key, value in tags.items()],
    )


def find(db: sqlite3.Connection, resource_id: str) -> dict[str, str]:
    rows = db.execute("SELECT key, value FROM ec2_tag WHERE resource_id = ? ORDER BY key", (resource_id,))
    return {row["key"]: row["value"] for row in rows}


def list_all(db: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Return `(resource id, key, value)` of every tag."""
    return [tuple(row) for row in db.execute("SELECT resource_id, key, value FROM ec2_tag ORDER BY resource_id, key")]


def remove(db: sqlite3.Connection, resource_id: str, keys: Iterable[str]) -> None:
    db.executemany("DELETE FROM ec2_tag WHERE resource_id = ? AND key = ?", [(resource_id, key) for key in keys])


def forget(db: sqlite3.Connection, resource_id: str) -> None:
    """Delete the tags of a resource that is gone."""
    db.execute("DELETE FROM ec2_tag WHERE resource_id = ?", (resource_id,))
