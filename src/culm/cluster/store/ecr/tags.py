"""Tags: names in a repository that point to one image each."""

import sqlite3


def find(db: sqlite3.Connection, repository: str, tag: str) -> str | None:
    """Return the digest that the tag points to."""
    row = db.execute("SELECT digest FROM ecr_tag WHERE repository = ? AND tag = ?", (repository, tag)).fetchone()
    return row["digest"] if row else None


def in_repository(db: sqlite3.Connection, repository: str, after: str = "", limit: int = -1) -> tuple[str, ...]:
    """Return tags in the order of their bytes, those behind `after` only; a negative limit is none."""
    rows = db.execute(
        "SELECT tag FROM ecr_tag WHERE repository = ? AND tag > ? ORDER BY tag LIMIT ?", (repository, after, limit)
    )
    return tuple(row["tag"] for row in rows)


def of(db: sqlite3.Connection, repository: str, digest: str) -> tuple[str, ...]:
    """Return the tags that point to an image."""
    rows = db.execute("SELECT tag FROM ecr_tag WHERE repository = ? AND digest = ? ORDER BY tag", (repository, digest))
    return tuple(row["tag"] for row in rows)


def save(db: sqlite3.Connection, repository: str, tag: str, digest: str) -> None:
    """Point the tag to this image, away from any other."""
    db.execute(
        "INSERT INTO ecr_tag (repository, tag, digest) VALUES (?, ?, ?)"
        " ON CONFLICT (repository, tag) DO UPDATE SET digest = excluded.digest",
        (repository, tag, digest),
    )


def delete(db: sqlite3.Connection, repository: str, tag: str) -> None:
    db.execute("DELETE FROM ecr_tag WHERE repository = ? AND tag = ?", (repository, tag))
