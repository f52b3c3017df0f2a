"""What clients have set on buckets, by its kind: tags, lifecycle rules and the like."""

import sqlite3
from typing import Any

import msgspec


def find(db: sqlite3.Connection, bucket: str, kind: str) -> Any:
    """Return the setting as it was saved; None where there is none."""
    row = db.execute("SELECT document FROM s3_bucket_setting WHERE bucket = ? AND kind = ?", (bucket, kind)).fetchone()
    return msgspec.json.decode(row["document"]) if row else None


def save(db: sqlite3.Connection, bucket: str, kind: str, document: object) -> None:
    db.execute(
        "INSERT INTO s3_bucket_setting VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document",
        (bucket, kind, msgspec.json.encode(document).decode()),
    )


def delete(db: sqlite3.Connection, bucket: str, kind: str) -> None:
    db.execute("DELETE FROM s3_bucket_setting WHERE bucket = ? AND kind = ?", (bucket, kind))
