"""Uploads in parts, from CreateMultipartUpload to their completion or abort."""

import sqlite3
from collections.abc import Mapping
from dataclasses import field
from typing import Literal

import msgspec

from culm.cluster.store.s3 import bodies
from culm.cluster.store.s3.objects import LAST, Checksums, Headers
from culm.core.model.record import record


@record
class UploadFacts:
    initiated: float
    """Epoch seconds."""
    headers: Headers = field(default_factory=Headers)
    storage_class: str = "STANDARD"
    checksum_algorithm: str | None = None
    checksum_type: Literal["COMPOSITE", "FULL_OBJECT"] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@record
class Upload:
    upload_id: str
    bucket: str
    key: str
    facts: UploadFacts


@record
class PartFacts:
    last_modified: float
    """Epoch seconds."""
    size: int
    """Bytes."""
    e_tag: str
    checksums: Checksums


@record
class Part:
    upload_id: str
    part_number: int
    body_id: str
    facts: PartFacts


_upload_facts = msgspec.json.Decoder(UploadFacts)
_part_facts = msgspec.json.Decoder(PartFacts)


def find(db: sqlite3.Connection, bucket: str, key: str, upload_id: str) -> Upload | None:
    row = db.execute(
        "SELECT * FROM s3_upload WHERE upload_id = ? AND bucket = ? AND key = ?", (upload_id, bucket, key)
    ).fetchone()
    return _upload(row) if row else None


def list_of_bucket(
    db: sqlite3.Connection, bucket: str, prefix: str, after: tuple[str, str], limit: int
) -> list[Upload]:
    """Return uploads of keys that begin with `prefix`, behind the key and upload id of `after`."""
    rows = db.execute(
        "SELECT * FROM s3_upload WHERE bucket = ? AND key >= ? AND key < ? AND (key, upload_id) > (?, ?)"
        " ORDER BY key, upload_id LIMIT ?",
        (bucket, prefix, prefix + LAST, *after, limit),
    )
    return [_upload(row) for row in rows]


def insert(db: sqlite3.Connection, upload: Upload) -> None:
    db.execute(
        "INSERT INTO s3_upload VALUES (?, ?, ?, ?)",
        (upload.upload_id, upload.bucket, upload.key, msgspec.json.encode(upload.facts).decode()),
    )


def delete(db: sqlite3.Connection, upload_id: str) -> None:
    """Forget an upload, and the bytes of every part that no object has taken."""
    for part in parts(db, upload_id):
        bodies.delete(db, part.body_id)
    db.execute("DELETE FROM s3_upload WHERE upload_id = ?", (upload_id,))


def parts(db: sqlite3.Connection, upload_id: str) -> list[Part]:
    rows = db.execute("SELECT * FROM s3_part WHERE upload_id = ? ORDER BY part_number", (upload_id,))
    return [
        Part(
            upload_id=row["upload_id"],
            part_number=row["part_number"],
            body_id=row["body_id"],
            facts=_part_facts.decode(row["facts"]),
        )
        for row in rows
    ]


def save_part(db: sqlite3.Connection, part: Part) -> None:
    """Keep a part; it takes the place of an earlier one with its number."""
    names = (part.upload_id, part.part_number)
    before = db.execute("SELECT body_id FROM s3_part WHERE upload_id = ? AND part_number = ?", names).fetchone()
    if before:
        bodies.delete(db, before["body_id"])
    db.execute(
        "INSERT OR REPLACE INTO s3_part VALUES (?, ?, ?, ?)",
        (*names, part.body_id, msgspec.json.encode(part.facts).decode()),
    )


def _upload(row: sqlite3.Row) -> Upload:
    return Upload(
        upload_id=row["upload_id"], bucket=row["bucket"], key=row["key"], facts=_upload_facts.decode(row["facts"])
    )
