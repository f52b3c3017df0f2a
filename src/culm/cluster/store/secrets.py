"""Secrets Manager's secrets: their versions, each value sealed."""

import json
from collections.abc import Mapping, Sequence
from sqlite3 import Connection

import msgspec

from culm.cluster.store.sealing import Corrupted
from culm.core.model.record import record

CONTEXT = "'secret_version/' || secret || '/' || version_id"


@record
class Secret:
    arn: str
    name: str
    created_at: float
    """Epoch seconds, as all times here."""
    changed_at: float
    description: str | None = None
    kms_key_id: str | None = None
    policy: str | None = None
    """The document that says who else may use it."""
    accessed_at: float | None = None
    """The beginning of the day when it was last read."""
    tags: Mapping[str, str] | None = None
    """None: it never had any."""
    deleted_at: float | None = None
    """When it goes, once it is marked for deletion."""


@record
class SecretVersion:
    version_id: str
    created_at: float
    stages: tuple[str, ...]
    binary: bool
    accessed_at: float | None = None
    """The beginning of the day when it was last read."""


_decode = msgspec.json.Decoder(Secret).decode


def find(db: Connection, name_or_arn: str) -> Secret | None:
    """Return a secret by name, by ARN, or by ARN without the six characters at its end."""
    row = db.execute(
        "SELECT body FROM secret WHERE ? IN (arn, name, substr(arn, 1, length(arn) - 7)) LIMIT 1", (name_or_arn,)
    ).fetchone()
    return _decode(row[0]) if row else None


def list_all(db: Connection) -> Sequence[Secret]:
    return [_decode(row[0]) for row in db.execute("SELECT body FROM secret ORDER BY name")]


def save(db: Connection, secret: Secret) -> None:
    db.execute(
        "INSERT INTO secret VALUES (?, ?, ?) ON CONFLICT (arn) DO UPDATE SET body = excluded.body",
        (secret.arn, secret.name, msgspec.json.encode(secret).decode()),
    )


def delete(db: Connection, arn: str) -> None:
    db.execute("DELETE FROM secret WHERE arn = ?", (arn,))


def versions(db: Connection, arn: str) -> Sequence[SecretVersion]:
    """Return a secret's versions without their values, in the order in which they were put."""
    rows = db.execute(
        "SELECT version_id, created_at, stages, binary, accessed_at FROM secret_version WHERE secret = ? ORDER BY id",
        (arn,),
    )
    return [
        SecretVersion(
            version_id=row["version_id"],
            created_at=row["created_at"],
            stages=tuple(json.loads(row["stages"])),
            binary=bool(row["binary"]),
            accessed_at=row["accessed_at"],
        )
        for row in rows
    ]


def set_stages(db: Connection, arn: str, version_id: str, stages: Sequence[str]) -> None:
    db.execute(
        "UPDATE secret_version SET stages = ? WHERE secret = ? AND version_id = ?",
        (json.dumps([*stages]), arn, version_id),
    )


def record_access(db: Connection, arn: str, version_id: str, day: float) -> None:
    db.execute("UPDATE secret_version SET accessed_at = ? WHERE secret = ? AND version_id = ?", (day, arn, version_id))


def put(db: Connection, arn: str, version: SecretVersion, value: bytes) -> None:
    """Add a version with its value, sealed."""
    db.execute(
        "INSERT INTO secret_version (secret, version_id, created_at, stages, binary, key_id, data)"
        " VALUES (?, ?, ?, ?, ?, sealing_key(), seal(?, ?))",
        (
            arn,
            version.version_id,
            version.created_at,
            json.dumps(version.stages),
            version.binary,
            value,
            f"secret_version/{arn}/{version.version_id}",
        ),
    )


def value(db: Connection, arn: str, version_id: str) -> bytes:
    """Return a version's value; raise `Corrupted` where it cannot be unsealed."""
    row = db.execute(
        f"SELECT unseal(key_id, data, {CONTEXT}) FROM secret_version WHERE secret = ? AND version_id = ?",
        (arn, version_id),
    ).fetchone()
    if row[0] is None:
        raise Corrupted(f"secret {arn}, version {version_id}")
    return bytes(row[0])
