"""Blobs (layers and configurations): which are whole on the disk, and which repository has which."""

import sqlite3


def find(db: sqlite3.Connection, repository: str, digest: str) -> int | None:
    """Return the bytes of a blob that this repository has; None where it has not."""
    row = db.execute(
        "SELECT size FROM ecr_layer JOIN ecr_blob USING (digest) WHERE repository = ? AND digest = ?",
        (repository, digest),
    ).fetchone()
    return row["size"] if row else None


def anywhere(db: sqlite3.Connection, digest: str) -> int | None:
    """Return the bytes of a blob that the registry has, in whichever repository; None where it has not."""
    row = db.execute("SELECT size FROM ecr_blob WHERE digest = ?", (digest,)).fetchone()
    return row["size"] if row else None


def save(db: sqlite3.Connection, repository: str, digest: str, size: int, now: float) -> None:
    """Note that this repository has this blob, and that a push relied on it `now`."""
    db.execute("INSERT INTO ecr_blob (digest, size) VALUES (?, ?) ON CONFLICT DO NOTHING", (digest, size))
    db.execute(
        "INSERT INTO ecr_layer (repository, digest, touched_at) VALUES (?, ?, ?)"
        " ON CONFLICT (repository, digest) DO UPDATE SET touched_at = excluded.touched_at",
        (repository, digest, now),
    )


def delete(db: sqlite3.Connection, repository: str, digest: str) -> None:
    """Take a blob from a repository; the file goes with the next sweep if no other repository has it."""
    db.execute("DELETE FROM ecr_layer WHERE repository = ? AND digest = ?", (repository, digest))


def sweep(db: sqlite3.Connection, untouched_since: float) -> tuple[str, ...]:
    """Forget the blobs that no image needs; returns the digests whose files may go.

    A push lays its layers down before the manifest that needs them, so a blob that a push relied on after
    `untouched_since` (epoch seconds) stays.
    """
    db.execute(
        "DELETE FROM ecr_layer WHERE touched_at < ? AND NOT EXISTS (SELECT 1 FROM ecr_reference AS r"
        " WHERE r.repository = ecr_layer.repository AND r.digest = ecr_layer.digest)",
        (untouched_since,),
    )
    gone = db.execute(
        "DELETE FROM ecr_blob WHERE digest NOT IN (SELECT digest FROM ecr_layer) RETURNING digest"
    ).fetchall()
    return tuple(row["digest"] for row in gone)


def whole(db: sqlite3.Connection) -> frozenset[str]:
    """Return the digests of every blob whose file is whole."""
    return frozenset(row["digest"] for row in db.execute("SELECT digest FROM ecr_blob"))
