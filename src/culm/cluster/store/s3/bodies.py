"""The bytes of objects and parts, in sealed rows of at most a mebibyte. Nothing else touches them."""

import sqlite3
from collections.abc import Iterator

from culm.cluster.store.sealing import Corrupted

ROW_SIZE = 1 << 20
"""Bytes: a range is read without reading much else."""


def write(db: sqlite3.Connection, body_id: str, data: bytes, part: int = 1) -> None:
    rows = [
        (body_id, part, at, len(chunk), chunk, context(part, at))
        for at in range(0, len(data), ROW_SIZE)
        if (chunk := data[at : at + ROW_SIZE])
    ]
    db.executemany(
        "INSERT INTO s3_body (body_id, part, position, size, data, key_id)"
        " VALUES (?, ?, ?, ?, seal(?, ?), sealing_key())",
        rows,
    )


def context(part: int, position: int) -> str:
    """What a row is sealed as: it stays so when a part becomes an object's, or is copied."""
    return f"s3_body/{part}/{position}"


def read(db: sqlite3.Connection, body_id: str, first: int, last: int) -> bytes:
    """Bytes `first` to `last`, both included. Raises `Corrupted`."""
    pieces = []
    at = 0
    sizes = db.execute("SELECT id, size FROM s3_body WHERE body_id = ? ORDER BY part, position", (body_id,))
    for row, size in sizes.fetchall():
        if at <= last and at + size > first:
            pieces.append(_opened(db, row)[max(first - at, 0) : last + 1 - at])
        at += size
    if at <= last:
        raise Corrupted("some of it is missing")
    return b"".join(pieces)


def _opened(db: sqlite3.Connection, row: int) -> bytes:
    data, size = db.execute(
        "SELECT unseal(key_id, data, 's3_body/' || part || '/' || position), size FROM s3_body WHERE id = ?", (row,)
    ).fetchone()
    if data is None or len(data) != size:
        raise Corrupted("its bytes are not those that were written")
    return bytes(data)


def chunks(db: sqlite3.Connection, body_id: str) -> Iterator[bytes]:
    """All of it, a row at a time. Raises `Corrupted`."""
    rows = db.execute("SELECT id FROM s3_body WHERE body_id = ? ORDER BY part, position", (body_id,)).fetchall()
    for row in rows:
        yield _opened(db, row["id"])


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
        "INSERT INTO s3_body (body_id, part, position, size, data, key_id)"
        " SELECT ?, part, position, size, data, key_id FROM s3_body WHERE body_id = ?",
        (body_id, source),
    )


def delete(db: sqlite3.Connection, body_id: str) -> None:
    db.execute("DELETE FROM s3_body WHERE body_id = ?", (body_id,))
