"""Objects: every version of every key, delete markers among them."""

import sqlite3
from collections.abc import Mapping
from dataclasses import field
from typing import Literal

import msgspec

from culm.cluster.store.s3 import bodies
from culm.core.model.record import members, record

NULL = "null"
"""The version id of what was put while versioning was not on."""

LAST = "\U0010ffff"
"""Sorts behind every key that goes on from here."""


@record
class Headers:
    """What a client says about an object, and gets back with it."""

    cache_control: str | None = None
    content_disposition: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    content_type: str | None = None
    expires: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@members
class ChecksumMembers:
    """Base64, as they travel; one that was made from parts ends with `-<number of parts>`."""

    checksum_crc32: str | None = None
    checksum_crc32_c: str | None = None
    checksum_crc64_nvme: str | None = None
    checksum_sha1: str | None = None
    checksum_sha256: str | None = None


@record
class Checksums(ChecksumMembers):
    """What an object or a part has of them."""


@record
class Facts:
    """Sizes in bytes, times in epoch seconds."""

    last_modified: float
    size: int = 0
    e_tag: str = ""
    """With its quotes."""
    headers: Headers = field(default_factory=Headers)
    checksums: Checksums = field(default_factory=Checksums)
    checksum_type: Literal["COMPOSITE", "FULL_OBJECT"] | None = None
    storage_class: str = "STANDARD"
    parts_count: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    upload_id: str | None = None
    """Of the upload in parts that made it: who asks for its completion again gets the same answer."""


@record
class ObjectVersion:
    bucket: str
    key: str
    version_id: str
    facts: Facts
    body_id: str | None = None
    delete_marker: bool = False
    is_latest: bool = True
    sequence: int = 0


_facts = msgspec.json.Decoder(Facts)


def find(db: sqlite3.Connection, bucket: str, key: str, version_id: str | None = None) -> ObjectVersion | None:
    """Return a version of a key; the latest, which may be a delete marker, if none is named."""
    which = "is_latest = 1" if version_id is None else "version_id = ?"
    names = (bucket, key) if version_id is None else (bucket, key, version_id)
    row = db.execute(f"SELECT * FROM s3_object WHERE bucket = ? AND key = ? AND {which}", names).fetchone()
    return _version(row) if row else None


def find_completed(db: sqlite3.Connection, bucket: str, key: str, upload_id: str) -> ObjectVersion | None:
    """Return the version of a key that an upload in parts has made, as long as it is there."""
    row = db.execute(
        "SELECT * FROM s3_object WHERE bucket = ? AND key = ? AND json_extract(facts, '$.upload_id') = ?",
        (bucket, key, upload_id),
    ).fetchone()
    return _version(row) if row else None


def put(db: sqlite3.Connection, version: ObjectVersion) -> None:
    """Make this the key's latest version; a null version takes the place of the one before it."""
    before = find(db, version.bucket, version.key, NULL) if version.version_id == NULL else None
    if before is not None:
        db.execute("DELETE FROM s3_object WHERE sequence = ?", (before.sequence,))
    db.execute("UPDATE s3_object SET is_latest = 0 WHERE bucket = ? AND key = ?", (version.bucket, version.key))
    db.execute(
        "INSERT INTO s3_object (bucket, key, version_id, is_latest, delete_marker, body_id, facts)"
        " VALUES (?, ?, ?, 1, ?, ?, ?)",
        (
            version.bucket,
            version.key,
            version.version_id,
            version.delete_marker,
            version.body_id,
            msgspec.json.encode(version.facts).decode(),
        ),
    )
    if before is not None and before.body_id:
        bodies.delete(db, before.body_id)  # after the insert: a copy onto itself names the same body


def save_facts(db: sqlite3.Connection, version: ObjectVersion) -> None:
    """Keep changed facts of a version that is there."""
    facts = msgspec.json.encode(version.facts).decode()
    db.execute("UPDATE s3_object SET facts = ? WHERE sequence = ?", (facts, version.sequence))


def remove(db: sqlite3.Connection, version: ObjectVersion) -> None:
    """Take a version away for good; the newest that is left becomes the latest."""
    _drop(db, version)
    db.execute(
        "UPDATE s3_object SET is_latest = 1 WHERE sequence ="
        " (SELECT max(sequence) FROM s3_object WHERE bucket = ? AND key = ?)",
        (version.bucket, version.key),
    )


def list_latest(db: sqlite3.Connection, bucket: str, prefix: str, after: str, limit: int) -> list[ObjectVersion]:
    """Return objects whose keys begin with `prefix` and sort behind `after`, in the order of their UTF-8 bytes."""
    rows = db.execute(
        "SELECT * FROM s3_object WHERE bucket = ? AND key >= ? AND key < ? AND key > ?"
        " AND is_latest = 1 AND delete_marker = 0 ORDER BY key LIMIT ?",
        (bucket, prefix, prefix + LAST, after, limit),
    )
    return [_version(row) for row in rows]


def list_versions(
    db: sqlite3.Connection, bucket: str, prefix: str, place: tuple[str, int], limit: int
) -> list[ObjectVersion]:
    """Return at most `limit` versions behind a place, in the order of their keys, of each key the newest first.

    A place is a key and a sequence: the versions of that key that are older than the sequence come first.
    """
    after, below = place
    rows = db.execute(
        "SELECT * FROM s3_object WHERE bucket = ? AND key >= ? AND key < ? AND (key > ? OR key = ? AND sequence < ?)"
        " ORDER BY key, sequence DESC LIMIT ?",
        (bucket, prefix, prefix + LAST, after, after, below, limit),
    )
    return [_version(row) for row in rows]


def _drop(db: sqlite3.Connection, version: ObjectVersion) -> None:
    db.execute("DELETE FROM s3_object WHERE sequence = ?", (version.sequence,))
    if version.body_id:
        bodies.delete(db, version.body_id)


def _version(row: sqlite3.Row) -> ObjectVersion:
    return ObjectVersion(
        bucket=row["bucket"],
        key=row["key"],
        version_id=row["version_id"],
        facts=_facts.decode(row["facts"]),
        body_id=row["body_id"],
        delete_marker=bool(row["delete_marker"]),
        is_latest=bool(row["is_latest"]),
        sequence=row["sequence"],
    )
