"""SSM's parameters: their versions, each value sealed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from sqlite3 import Connection, Row

import msgspec

from culm.cluster.store.sealing import Corrupted
from culm.core.model.record import record

CONTEXT = "'ssm_parameter_version/' || name || '/' || version"


@record
class Parameter:
    name: str
    description: str | None = None
    policies: str | None = None
    key_id: str | None = None
    tier: str = "Standard"
    data_type: str = "text"
    allowed_pattern: str | None = None
    modified_by: str | None = None
    """The ARN of whoever put the newest version."""
    tags: Mapping[str, str] = field(default_factory=dict)


@record
class ParameterVersion:
    """One version of a parameter; `value` is None where it was read without `open`."""

    name: str
    version: int
    type: str
    modified_at: float
    """Epoch seconds."""
    sealed: bytes
    labels: tuple[str, ...] = ()
    value: str | None = None
    about: Parameter | None = None
    """The parameter as it was then; None for versions older than this member."""


_decode = msgspec.json.Decoder(Parameter).decode


def find(db: Connection, name: str) -> Parameter | None:
    row = db.execute("SELECT body FROM ssm_parameter WHERE name = ?", (name,)).fetchone()
    return _decode(row[0]) if row else None


def below(db: Connection, path: str = "") -> Sequence[Parameter]:
    """Return the parameters whose names begin with `path`, by name."""
    rows = db.execute("SELECT body FROM ssm_parameter WHERE substr(name, 1, ?) = ? ORDER BY name", (len(path), path))
    return [_decode(row[0]) for row in rows]


def save(db: Connection, parameter: Parameter) -> None:
    db.execute(
        "INSERT INTO ssm_parameter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body",
        (parameter.name, msgspec.json.encode(parameter).decode()),
    )


@record
class NewVersion:
    """A value that is put: of a parameter as it is from now on."""

    about: Parameter
    version: int
    type: str
    """String, StringList or SecureString."""
    value: str


def put(db: Connection, new: NewVersion, now: float) -> None:
    """Add a version, with its value sealed; `now` is in epoch seconds."""
    name = new.about.name
    about = msgspec.json.encode(replace(new.about, tags={})).decode()
    db.execute(
        "INSERT INTO ssm_parameter_version (name, version, type, modified_at, about, key_id, data)"
        " VALUES (?, ?, ?, ?, ?, sealing_key(), seal(?, ?))",
        (name, new.version, new.type, now, about, new.value.encode(), f"ssm_parameter_version/{name}/{new.version}"),
    )


def version(db: Connection, name: str, number: int | None = None, *, open: bool = True) -> ParameterVersion | None:
    """Return the newest version, or one by its number, unsealed with `open` alone. Raises `Corrupted`."""
    row = db.execute(
        f"{_SELECT} WHERE name = ? AND (? IS NULL OR version = ?) ORDER BY version DESC LIMIT 1",
        (open, name, number, number),
    ).fetchone()
    return _version(row, open) if row else None


def versions(db: Connection, name: str, *, open: bool = False) -> Sequence[ParameterVersion]:
    """Return a parameter's versions, the oldest first, unsealed with `open` alone. Raises `Corrupted`."""
    return [_version(row, open) for row in db.execute(f"{_SELECT} WHERE name = ? ORDER BY version", (open, name))]


_SELECT = f"SELECT *, CASE WHEN ? THEN unseal(key_id, data, {CONTEXT}) END AS plain FROM ssm_parameter_version"


def _version(row: Row, open: bool) -> ParameterVersion:
    if open and row["plain"] is None:
        raise Corrupted(f"parameter {row['name']}, version {row['version']}")
    return ParameterVersion(
        name=row["name"],
        version=row["version"],
        type=row["type"],
        modified_at=row["modified_at"],
        sealed=row["data"],
        labels=tuple(json.loads(row["labels"])),
        value=row["plain"].decode() if open else None,
        about=_decode(row["about"]) if row["about"] else None,
    )


def set_labels(db: Connection, name: str, number: int, labels: Iterable[str]) -> None:
    db.execute(
        "UPDATE ssm_parameter_version SET labels = ? WHERE name = ? AND version = ?",
        (json.dumps([*labels]), name, number),
    )


def delete_version(db: Connection, name: str, number: int) -> None:
    db.execute("DELETE FROM ssm_parameter_version WHERE name = ? AND version = ?", (name, number))


def delete(db: Connection, name: str) -> bool:
    """Delete a parameter; return whether there was one."""
    return db.execute("DELETE FROM ssm_parameter WHERE name = ?", (name,)).rowcount > 0
