"""DB instances: what callers wish, and what the database loop found."""

import sqlite3

import msgspec

from culm.cluster.store.servers import ServerRow, Servers, shared
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
class DbInstance(ServerRow):
    resource_id: str
    wish: Wish
    verifier: str
    """What the server is given in place of the master password, which itself is nowhere kept."""


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


def _read(row: sqlite3.Row) -> DbInstance:
    return DbInstance(
        **shared(row),
        resource_id=row["resource_id"],
        wish=msgspec.json.decode(row["body"], type=Wish),
        verifier=row["verifier"],
    )


instances = Servers("db_instance", _read)
