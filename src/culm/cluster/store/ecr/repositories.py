"""Image repositories."""

import sqlite3

import msgspec

from culm.core.model.repositories import Repository


def find(db: sqlite3.Connection, name: str) -> Repository | None:
    row = db.execute("SELECT body FROM ecr_repository WHERE name = ?", (name,)).fetchone()
    return msgspec.json.decode(row["body"], type=Repository) if row else None


def list_all(db: sqlite3.Connection) -> tuple[Repository, ...]:
    rows = db.execute("SELECT body FROM ecr_repository ORDER BY name")
    return tuple(msgspec.json.decode(row["body"], type=Repository) for row in rows)


def save(db: sqlite3.Connection, repository: Repository) -> None:
    db.execute(
        "INSERT INTO ecr_repository (name, body) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body",
        (repository.repository_name, msgspec.json.encode(repository).decode()),
    )


def delete(db: sqlite3.Connection, name: str) -> None:
    """Delete a repository with its images and tags; blobs that nothing else needs are for the next sweep."""
    db.execute("DELETE FROM ecr_repository WHERE name = ?", (name,))
