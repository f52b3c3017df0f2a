"""Policies on log groups for other services of the account."""

import sqlite3
from typing import NamedTuple


class ResourcePolicy(NamedTuple):
    name: str
    document: str
    updated_ms: int


def list_all(db: sqlite3.Connection) -> tuple[ResourcePolicy, ...]:
    """Return them in the order of their names."""
    return tuple(
        ResourcePolicy(*row)
        for row in db.execute("SELECT name, document, updated_ms FROM log_resource_policy ORDER BY name")
    )


def save(db: sqlite3.Connection, policy: ResourcePolicy) -> None:
    """Add a policy, or replace the one of its name."""
    db.execute("INSERT OR REPLACE INTO log_resource_policy (name, document, updated_ms) VALUES (?, ?, ?)", policy)


def delete(db: sqlite3.Connection, name: str) -> bool:
    """Remove a policy; false if there is none of this name."""
    return db.execute("DELETE FROM log_resource_policy WHERE name = ?", (name,)).rowcount > 0
