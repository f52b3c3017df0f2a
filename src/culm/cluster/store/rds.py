"""DB instances: what callers wish, and what the database loop found."""

import sqlite3

import msgspec

from culm.cluster.store.server_facts import ServerFacts
from culm.core.model.record import record


@record
class Wish:
    """What CreateDBInstance said, less the password."""

    db_instance_class: str
    engine: str
    engine_version: str
    allocated_storage: int
    master_username: str
    db_name: str | None
    deletion_protection: bool
    backup_retention_period: int
    tags: tuple[tuple[str, str], ...] = ()


@record
class DbInstance:
    identifier: str
    resource_id: str
    wish: Wish
    verifier: str
    """What the server is given in place of the master password, which itself is nowhere kept."""
    port: int
    """The port asked for; `endpoint_port` is the one got."""
    created_at: float
    deleting: bool = False
    status: str = "creating"
    status_reason: str = ""
    endpoint_address: str | None = None
    endpoint_port: int | None = None


def insert(db: sqlite3.Connection, instance: DbInstance) -> None:
    db.execute(
        "INSERT INTO db_instance (identifier, resource_id, body, verifier, port, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        (
            instance.identifier,
            instance.resource_id,
            msgspec.json.encode(instance.wish).decode(),
            instance.verifier,
            instance.port,
            instance.created_at,
        ),
    )


def find(db: sqlite3.Connection, identifier: str) -> DbInstance | None:
    row = db.execute("SELECT * FROM db_instance WHERE identifier = ?", (identifier,)).fetchone()
    return _read(row) if row else None


def every(db: sqlite3.Connection) -> list[DbInstance]:
    return [_read(row) for row in db.execute("SELECT * FROM db_instance ORDER BY identifier")]


def identifiers(db: sqlite3.Connection) -> list[str]:
    """In their order."""
    return [row[0] for row in db.execute("SELECT identifier FROM db_instance ORDER BY identifier")]


def wish_deleted(db: sqlite3.Connection, identifier: str) -> None:
    db.execute("UPDATE db_instance SET deleting = 1 WHERE identifier = ?", (identifier,))


def write_facts(db: sqlite3.Connection, identifier: str, facts: ServerFacts) -> None:
    """The database loop's columns; nobody else writes them."""
    db.execute(
        "UPDATE db_instance SET status = ?, status_reason = ?, endpoint_address = ?, endpoint_port = ?"
        " WHERE identifier = ?",
        (facts.status, facts.reason, facts.address, facts.port, identifier),
    )


def delete(db: sqlite3.Connection, identifier: str) -> None:
    db.execute("DELETE FROM db_instance WHERE identifier = ?", (identifier,))


def _read(row: sqlite3.Row) -> DbInstance:
    return DbInstance(
        identifier=row["identifier"],
        resource_id=row["resource_id"],
        wish=msgspec.json.decode(row["body"], type=Wish),
        verifier=row["verifier"],
        port=row["port"],
        created_at=row["created_at"],
        deleting=bool(row["deleting"]),
        status=row["status"],
        status_reason=row["status_reason"],
        endpoint_address=row["endpoint_address"],
        endpoint_port=row["endpoint_port"],
    )
