"""SSM's parameters: their versions, each value sealed."""

from collections.abc import Sequence
from sqlite3 import Connection

import msgspec

from culm.model.record import record
from culm.store.sealing import Corrupted

CONTEXT = "'ssm_parameter_version/' || name || '/' || version"


@record
class Parameter:
    name: str
    description: str | None = None
    policies: str | None = None


@record
class Version:
    """A parameter's value at one time; `value` None: it was not asked for."""

    name: str
    version: int
    type: str
    modified_at: float
    """Epoch seconds."""
    sealed: bytes
    value: str | None = None


_decode = msgspec.json.Decoder(Parameter).decode


def find(db: Connection, name: str) -> Parameter | None:
    row = db.execute("SELECT body FROM ssm_parameter WHERE name = ?", (name,)).fetchone()
    return _decode(row[0]) if row else None


def list(db: Connection, path: str = "") -> Sequence[Parameter]:
    """Those whose names begin so."""
    rows = db.execute("SELECT body FROM ssm_parameter WHERE substr(name, 1, ?) = ? ORDER BY name", (len(path), path))
    return [_decode(row[0]) for row in rows]


def save(db: Connection, parameter: Parameter) -> None:
    db.execute(
        "INSERT INTO ssm_parameter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body",
        (parameter.name, msgspec.json.encode(parameter).decode()),
    )


def put(db: Connection, name: str, version: int, type: str, value: str, now: float) -> None:
    db.execute(
        "INSERT INTO ssm_parameter_version (name, version, type, modified_at, key_id, data)"
        " VALUES (?, ?, ?, ?, sealing_key(), seal(?, ?))",
        (name, version, type, now, value.encode(), f"ssm_parameter_version/{name}/{version}"),
    )


def version(db: Connection, name: str, number: int | None = None, *, open: bool = True) -> Version | None:
    """The newest, or one by its number; opened only if asked. Raises `Corrupted`."""
    row = db.execute(
        f"SELECT *, CASE WHEN ? THEN unseal(key_id, data, {CONTEXT}) END AS plain FROM ssm_parameter_version"
        " WHERE name = ? AND (? IS NULL OR version = ?) ORDER BY version DESC LIMIT 1",
        (open, name, number, number),
    ).fetchone()
    if row is None:
        return None
    if open and row["plain"] is None:
        raise Corrupted(f"parameter {name}, version {row['version']}")
    return Version(
        name=name,
        version=row["version"],
        type=row["type"],
        modified_at=row["modified_at"],
        sealed=row["data"],
        value=row["plain"].decode() if open else None,
    )


def delete(db: Connection, name: str) -> bool:
    """Whether there was one."""
    return db.execute("DELETE FROM ssm_parameter WHERE name = ?", (name,)).rowcount > 0
