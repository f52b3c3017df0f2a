"""Buckets."""

import sqlite3
from typing import Literal

from culm.core.model.record import record


@record
class Bucket:
    name: str
    region: str
    created_at: float
    versioning: Literal["Enabled", "Suspended"] | None = None
    """None: it never was on."""


def find(db: sqlite3.Connection, name: str) -> Bucket | None:
    row = db.execute("SELECT * FROM s3_bucket WHERE name = ?", (name,)).fetchone()
    return Bucket(**dict(row)) if row else None


def list_all(db: sqlite3.Connection) -> list[Bucket]:
    return [Bucket(**dict(row)) for row in db.execute("SELECT * FROM s3_bucket ORDER BY name")]


def save(db: sqlite3.Connection, bucket: Bucket) -> None:
    db.execute(
        "INSERT INTO s3_bucket VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET versioning = excluded.versioning",
        (bucket.name, bucket.region, bucket.created_at, bucket.versioning),
    )


def is_empty(db: sqlite3.Connection, name: str) -> bool:
    """Return whether a bucket is empty; versions and delete markers count."""
    return db.execute("SELECT 1 FROM s3_object WHERE bucket = ? LIMIT 1", (name,)).fetchone() is None


def delete(db: sqlite3.Connection, name: str) -> None:
    db.execute("DELETE FROM s3_bucket WHERE name = ?", (name,))
