"""What buckets themselves say about who may use them."""

import sqlite3


def find(db: sqlite3.Connection, bucket: str) -> str | None:
    """Return the policy's document."""
    row = db.execute("SELECT document FROM s3_bucket_policy WHERE bucket = ?", (bucket,)).fetchone()
    return str(row["document"]) if row else None


def save(db: sqlite3.Connection, bucket: str, document: str) -> None:
    db.execute(
        "INSERT INTO s3_bucket_policy VALUES (?, ?) ON CONFLICT DO UPDATE SET document = excluded.document",
        (bucket, document),
    )


def delete(db: sqlite3.Connection, bucket: str) -> None:
    db.execute("DELETE FROM s3_bucket_policy WHERE bucket = ?", (bucket,))
