"""Load balancers, and the address that all of them have on this machine."""

import sqlite3

import msgspec

from culm.cluster.store import settings
from culm.core.model.load_balancers import LoadBalancer


def save(db: sqlite3.Connection, load_balancer: LoadBalancer) -> None:
    db.execute(
        "INSERT INTO elbv2_load_balancer (arn, name, body) VALUES (?, ?, ?)"
        " ON CONFLICT (arn) DO UPDATE SET body = excluded.body",
        (
            load_balancer.load_balancer_arn,
            load_balancer.load_balancer_name,
            msgspec.json.encode(load_balancer).decode(),
        ),
    )


def find(db: sqlite3.Connection, arn: str) -> LoadBalancer | None:
    return _one(db.execute("SELECT body FROM elbv2_load_balancer WHERE arn = ?", (arn,)))


def find_by_name(db: sqlite3.Connection, name: str) -> LoadBalancer | None:
    return _one(db.execute("SELECT body FROM elbv2_load_balancer WHERE name = ?", (name,)))


def list_all(db: sqlite3.Connection) -> tuple[LoadBalancer, ...]:
    rows = db.execute("SELECT body FROM elbv2_load_balancer ORDER BY name")
    return tuple(msgspec.json.decode(row["body"], type=LoadBalancer) for row in rows)


def delete(db: sqlite3.Connection, arn: str) -> None:
    """Delete a load balancer with its listeners and their rules."""
    db.execute("DELETE FROM elbv2_load_balancer WHERE arn = ?", (arn,))


def set_address(db: sqlite3.Connection, address: str) -> None:
    """Save the data plane's address as tasks reach it; the daemon says it at its start."""
    settings.put(db, "load_balancer_address", address)


def address(db: sqlite3.Connection) -> str:
    """Return what DescribeLoadBalancers gives as DNSName."""
    return settings.get(db, "load_balancer_address") or "127.0.0.1"


def _one(rows: sqlite3.Cursor) -> LoadBalancer | None:
    row = rows.fetchone()
    return row and msgspec.json.decode(row["body"], type=LoadBalancer)
