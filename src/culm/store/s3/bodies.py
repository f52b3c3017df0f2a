"""The bytes of objects and parts, in rows of at most a mebibyte. Nothing else touches them."""

import sqlite3
from collections.abc import Iterator

ROW_SIZE = 1 << 20
"""Bytes: a range is read without reading much else."""


def write(db: sqlite3.Connection, body_id: str, data: bytes, part: int = 1) -> None:
    rows = [
        (body_id, part, at, len(chunk), chunk)
        for at in range(0, len(data), ROW_SIZE)
        if (chunk := data[at : at + ROW_SIZE])
    ]
    db.executemany("INSERT INTO s3_body (body_id, part, position, size, data) VALUES (?, ?, ?, ?, ?)", rows)


def read(db: sqlite3.Connection, body_id: str, first: int, last: int) -> bytes:
    """Bytes `first` to `last`, both included."""
    found = []
    at = 0
    sizes = db.execute("SELECT id, size FROM s3_body WHERE body_id = ? ORDER BY part, position", (body_id,))
    for row, size in sizes.fetchall():
        if at <= last and at + size > first:
            data = db.execute("SELECT data FROM s3_body WHERE id = ?", (row,)).fetchone()[0]
            found.append(data[max(first - at, 0) : last + 1 - at])
        at += size
    return b"".join(found)


def chunks(db: sqlite3.Connection, body_id: str) -> Iterator[bytes]:
    """All of it, a row at a time."""
    for row in db.execute("SELECT data FROM s3_body WHERE body_id = ? ORDER BY part, position", (body_id,)):
        yield row["data"]


def part_range(db: sqlite3.Connection, body_id: str, number: int) -> tuple[int, int] | None:
    """First and last byte of the part that came `number`th, from 1; None if there are not so many."""
    at = 0
    parts = db.execute(
        "SELECT sum(size) AS size FROM s3_body WHERE body_id = ? GROUP BY part ORDER BY part", (body_id,)
    )
    for place, row in enumerate(parts, 1):
        if place == number:
            return at, at + row["size"] - 1
        at += row["size"]
    return None


def join(db: sqlite3.Connection, part_body_id: str, body_id: str) -> None:
    """Make an uploaded part's bytes a part of an object's."""
    db.execute("UPDATE s3_body SET body_id = ? WHERE body_id = ?", (body_id, part_body_id))


def copy(db: sqlite3.Connection, source: str, body_id: str) -> None:
    db.execute(
        "INSERT INTO s3_body (body_id, part, position, size, data)"
        " SELECT ?, part, position, size, data FROM s3_body WHERE body_id = ?",
        (body_id, source),
    )


def delete(db: sqlite3.Connection, body_id: str) -> None:
    db.execute("DELETE FROM s3_body WHERE body_id = ?", (body_id,))
