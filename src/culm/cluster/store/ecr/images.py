"""Images: a manifest byte for byte as it was pushed, what is known of it, and what it needs."""

import sqlite3
from collections.abc import Iterable

import msgspec

from culm.core.model.repositories import Image


def find(db: sqlite3.Connection, repository: str, digest: str) -> Image | None:
    row = db.execute("SELECT body FROM ecr_image WHERE repository = ? AND digest = ?", (repository, digest)).fetchone()
    return _image(row) if row else None


def manifest(db: sqlite3.Connection, repository: str, digest: str) -> bytes:
    """Return the manifest of an image that `find` found."""
    row = db.execute(
        "SELECT manifest FROM ecr_image WHERE repository = ? AND digest = ?", (repository, digest)
    ).fetchone()
    return bytes(row["manifest"])


def in_repository(db: sqlite3.Connection, repository: str) -> tuple[Image, ...]:
    """Return a repository's images, oldest push first."""
    rows = db.execute("SELECT body FROM ecr_image WHERE repository = ? ORDER BY pushed_at, digest", (repository,))
    return tuple(_image(row) for row in rows)


def referrers(db: sqlite3.Connection, repository: str, subject: str) -> tuple[Image, ...]:
    """Return the images that are about `subject`."""
    rows = db.execute(
        "SELECT body FROM ecr_image WHERE repository = ? AND subject = ? ORDER BY pushed_at, digest",
        (repository, subject),
    )
    return tuple(_image(row) for row in rows)


def save(db: sqlite3.Connection, repository: str, image: Image, manifest: bytes, needs: Iterable[str]) -> None:
    """Keep a new image and the digests that it `needs`; one that is there already stays as it is."""
    kept = db.execute(
        "INSERT INTO ecr_image (repository, digest, subject, pushed_at, body, manifest) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (repository, digest) DO NOTHING",
        (
            repository,
            image.digest,
            image.subject,
            image.pushed_at,
            msgspec.json.encode(image).decode(),
            manifest,
        ),
    )
    if kept.rowcount:
        db.executemany(
            "INSERT OR IGNORE INTO ecr_reference (repository, digest, image) VALUES (?, ?, ?)",
            [(repository, digest, image.digest) for digest in needs],
        )


def delete(db: sqlite3.Connection, repository: str, digest: str) -> None:
    """Delete an image with its tags; its layers stay until a sweep finds that nothing needs them."""
    db.execute("DELETE FROM ecr_image WHERE repository = ? AND digest = ?", (repository, digest))


def needed_by(db: sqlite3.Connection, repository: str, digest: str) -> tuple[str, ...]:
    """Return the digests of the images that need this blob or image."""
    rows = db.execute("SELECT image FROM ecr_reference WHERE repository = ? AND digest = ?", (repository, digest))
    return tuple(row["image"] for row in rows)


def pulled(db: sqlite3.Connection, repository: str, digest: str, now: float) -> None:
    db.execute("UPDATE ecr_image SET pulled_at = ? WHERE repository = ? AND digest = ?", (now, repository, digest))


def last_pull(db: sqlite3.Connection, repository: str, digest: str) -> float | None:
    """Return when an image was last pulled, in epoch seconds; None where it never was."""
    row = db.execute(
        "SELECT pulled_at FROM ecr_image WHERE repository = ? AND digest = ?", (repository, digest)
    ).fetchone()
    return row["pulled_at"] if row else None


def _image(row: sqlite3.Row) -> Image:
    return msgspec.json.decode(row["body"], type=Image)
