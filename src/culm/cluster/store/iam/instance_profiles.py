"""Instance profiles: what hands a role to an EC2 instance. Each has one role, or none."""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from sqlite3 import Connection, Row

import msgspec

from culm.core.model.record import record


@record
class InstanceProfile:
    name: str
    arn: str
    path: str
    id: str
    created_at: float
    """Epoch seconds."""
    role: str | None = None
    """Its name."""
    tags: Mapping[str, str] = field(default_factory=dict)


_decode = msgspec.json.Decoder(InstanceProfile).decode


def find(db: Connection, name: str) -> InstanceProfile | None:
    row = db.execute("SELECT role, body FROM iam_instance_profile WHERE name = ?", (name,)).fetchone()
    return _profile(row) if row else None


def below(db: Connection, path: str) -> Sequence[InstanceProfile]:
    rows = db.execute(
        "SELECT role, body FROM iam_instance_profile WHERE substr(path, 1, ?) = ? ORDER BY name", (len(path), path)
    )
    return [_profile(row) for row in rows]


def of_role(db: Connection, role: str) -> Sequence[InstanceProfile]:
    rows = db.execute("SELECT role, body FROM iam_instance_profile WHERE role = ? ORDER BY name", (role,))
    return [_profile(row) for row in rows]


def save(db: Connection, profile: InstanceProfile) -> None:
    db.execute(
        "INSERT INTO iam_instance_profile VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET role = excluded.role, body = excluded.body",
        (profile.name, profile.path, profile.role, msgspec.json.encode(profile).decode()),
    )


def delete(db: Connection, name: str) -> None:
    db.execute("DELETE FROM iam_instance_profile WHERE name = ?", (name,))


def _profile(row: Row) -> InstanceProfile:
    return replace(_decode(row["body"]), role=row["role"])
