"""VPCs and what is in them: kept and described back; every address that is really used is the machine's own."""

import sqlite3
from typing import TypeVar

import msgspec

from culm.core.model.network import InternetGateway, NetworkAcl, RouteTable, Subnet, Vpc

Network = TypeVar("Network", Vpc, Subnet, InternetGateway, RouteTable, NetworkAcl)


def of_kind(db: sqlite3.Connection, kind: type[Network]) -> tuple[Network, ...]:
    """Return those of a kind, in the order in which they were made."""
    rows = db.execute("SELECT body FROM ec2_network WHERE kind = ? ORDER BY rowid", (kind.__name__,))
    return tuple(msgspec.json.decode(row["body"], type=kind) for row in rows)


def find(db: sqlite3.Connection, kind: type[Network], id: str) -> Network | None:
    row = db.execute("SELECT body FROM ec2_network WHERE kind = ? AND id = ?", (kind.__name__, id)).fetchone()
    return msgspec.json.decode(row["body"], type=kind) if row else None


def exists(db: sqlite3.Connection, id: str) -> bool:
    """Return whether there is a resource with this id, of whatever kind; an id's prefix names its kind."""
    return db.execute("SELECT 1 FROM ec2_network WHERE id = ?", (id,)).fetchone() is not None


def save(db: sqlite3.Connection, resource: Vpc | Subnet | InternetGateway | RouteTable | NetworkAcl) -> None:
    db.execute(
        "INSERT INTO ec2_network (id, kind, body) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
        (resource.id, type(resource).__name__, msgspec.json.encode(resource).decode()),
    )


def delete(db: sqlite3.Connection, id: str) -> None:
    """Delete a resource of a network with its tags."""
    db.execute("DELETE FROM ec2_network WHERE id = ?", (id,))
    db.execute("DELETE FROM ec2_tag WHERE resource_id = ?", (id,))
