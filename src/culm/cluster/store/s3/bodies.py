"""The bytes of objects and parts, in sealed rows of at most a mebibyte. Nothing else touches them.

A body is written once and never changed, so a copy of an object names the body of the other: a body goes when the last
object that names it goes. It also stays as long as it is read (`begin_reading`), a row in a transaction, so that a
large one that is deleted or replaced meanwhile is read to its end.
"""

import sqlite3
from collections.abc import Iterator

from culm.cluster.store.sealing import Corrupted

ROW_SIZE = 1 << 20
"""Bytes: a range is read without reading much else."""
WHOLE = 1
"""The part of what was not uploaded in parts."""
DELETED_AT_ONCE = 8
"""Rows of a body that is deleted when its object is; what is longer goes by and by."""


def write(db: sqlite3.Connection, body_id: str, data: bytes, part: int = WHOLE) -> None:
    """Write a body, or a part of one, in rows of ROW_SIZE; each is sealed by itself."""
    for at in range(0, len(data), ROW_SIZE):
        write_row(db, body_id, data[at : at + ROW_SIZE], part, at)


def write_row(db: sqlite3.Connection, body_id: str, data: bytes, part: int, position: int) -> None:
    """Write at most `ROW_SIZE` bytes, which stand at `position` of their part."""
    db.execute(
        "INSERT INTO s3_body (body_id, part, position, size, data, key_id)"
        " VALUES (?, ?, ?, ?, seal(?, ?), sealing_key())",
        (body_id, part, position, len(data), data, context(part, position)),
    )


def context(part: int, position: int) -> str:
    """Return what a row is sealed as: it stays so when a part becomes an object's, or is copied."""
    return f"s3_body/{part}/{position}"


def read(db: sqlite3.Connection, body_id: str, first: int, last: int) -> bytes:
    """Return bytes `first` to `last`, both included. Raises `Corrupted`."""
    return b"".join(read_row(db, *stretch) for stretch in stretches(db, body_id, first, last))


def _opened(db: sqlite3.Connection, row: int) -> bytes:
    data, size = db.execute(
        "SELECT unseal(key_id, data, 's3_body/' || part || '/' || position), size FROM s3_body WHERE id = ?", (row,)
    ).fetchone()
    if data is None or len(data) != size:
        raise Corrupted("its bytes are not those that were written")
    return bytes(data)


def stretches(db: sqlite3.Connection, body_id: str, first: int, last: int) -> list[tuple[int, int, int]]:
    """Return the rows that hold bytes `first` to `last`, both included: id, and where in its bytes to begin and to end.

    Raises `Corrupted` where not all of them are there.
    """
    rows = []
    at = 0
    for row, size in db.execute("SELECT id, size FROM s3_body WHERE body_id = ? ORDER BY part, position", (body_id,)):
        if at <= last and at + size > first:
            rows.append((row, max(first - at, 0), min(last + 1 - at, size)))
        at += size
    if at <= last:
        raise Corrupted("some of it is missing")
    return rows


def read_row(db: sqlite3.Connection, row: int, start: int, end: int) -> bytes:
    """Return bytes `start` to `end` of a row, the last not included. Raises `Corrupted`."""
    return _opened(db, row)[start:end]


def begin_reading(db: sqlite3.Connection, body_id: str) -> None:
    """Keep a body from being swept until `end_reading`; the daemon's end is the end of all readings."""
    db.execute("CREATE TEMP TABLE IF NOT EXISTS s3_reading (body_id TEXT NOT NULL) STRICT")
    db.execute("INSERT INTO temp.s3_reading VALUES (?)", (body_id,))


def end_reading(db: sqlite3.Connection, body_id: str) -> None:
    """Note that one of the body's readers has done."""
    oldest = "SELECT rowid FROM temp.s3_reading WHERE body_id = ? LIMIT 1"
    db.execute(f"DELETE FROM temp.s3_reading WHERE rowid IN ({oldest})", (body_id,))


def chunks(db: sqlite3.Connection, body_id: str) -> Iterator[bytes]:
    """Yield all of it, a row at a time. Raises `Corrupted`."""
    rows = db.execute("SELECT id FROM s3_body WHERE body_id = ? ORDER BY part, position", (body_id,)).fetchall()
    for row in rows:
        yield _opened(db, row["id"])


def part_range(db: sqlite3.Connection, body_id: str, number: int) -> tuple[int, int] | None:
    """Return first and last byte of the part that came `number`th, from 1; None if there are not so many."""
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


def delete(db: sqlite3.Connection, body_id: str) -> None:
    """Delete a body that an object or a part named, unless another object names it.

    A large one is only dropped: to free its pages takes longer than anybody should wait.
    """
    if db.execute("SELECT 1 FROM s3_object WHERE body_id = ? LIMIT 1", (body_id,)).fetchone():
        return
    rows = db.execute("SELECT 1 FROM s3_body WHERE body_id = ? LIMIT ?", (body_id, DELETED_AT_ONCE + 1)).fetchall()
    if len(rows) > DELETED_AT_ONCE:
        drop(db, body_id)
    else:
        db.execute("DELETE FROM s3_body WHERE body_id = ?", (body_id,))


def drop(db: sqlite3.Connection, body_id: str) -> None:
    """Let `sweep` delete it: nothing names it (any more)."""
    db.execute("INSERT OR IGNORE INTO s3_dropped VALUES (?)", (body_id,))


def drop_unnamed(db: sqlite3.Connection) -> None:
    """Drop the bodies that came in for operations that never committed. Only while none is coming in."""
    db.execute(
        "INSERT OR IGNORE INTO s3_dropped SELECT DISTINCT body_id FROM s3_body WHERE body_id NOT IN"
        " (SELECT body_id FROM s3_object WHERE body_id IS NOT NULL UNION ALL SELECT body_id FROM s3_part)"
    )


def sweep(db: sqlite3.Connection) -> int:
    """Delete some rows of dropped bodies that nobody reads; returns how many. None: no such body is left."""
    read = db.execute("SELECT 1 FROM temp.sqlite_schema WHERE name = 's3_reading'").fetchone()
    unread = "body_id NOT IN (SELECT body_id FROM temp.s3_reading)" if read else "1"
    rows = db.execute(
        f"SELECT id FROM s3_body WHERE body_id IN (SELECT body_id FROM s3_dropped WHERE {unread}) LIMIT ?",
        (DELETED_AT_ONCE,),
    ).fetchall()
    db.executemany("DELETE FROM s3_body WHERE id = ?", [(row["id"],) for row in rows])
    if not rows:
        db.execute(f"DELETE FROM s3_dropped WHERE {unread}")
    return len(rows)
