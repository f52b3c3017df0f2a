"""Scans of images that somebody asked for."""

import sqlite3


def started(db: sqlite3.Connection, repository: str, digest: str) -> float | None:
    """Return when the last scan of an image began (epoch seconds); None where there was none."""
    row = db.execute(
        "SELECT started_at FROM ecr_scan WHERE repository = ? AND digest = ?", (repository, digest)
    ).fetchone()
    return row["started_at"] if row else None


def save(db: sqlite3.Connection, repository: str, digest: str, now: float) -> None:
    db.execute(
        "INSERT INTO ecr_scan (repository, digest, started_at) VALUES (?, ?, ?)"
        " ON CONFLICT (repository, digest) DO UPDATE SET started_at = excluded.started_at",
        (repository, digest, now),
    )
