"""Listeners."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from culm.core.model.load_balancers import Listener
from culm.core.model.record import filled


def save(db: sqlite3.Connection, listener: Listener) -> None:
    """Save the wish; its `problem` is not touched."""
    body = msgspec.json.encode(replace(listener, problem="")).decode()
    db.execute(
        "INSERT INTO elbv2_listener (arn, load_balancer_arn, port, body) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (arn) DO UPDATE SET port = excluded.port, body = excluded.body",
        (listener.listener_arn, listener.load_balancer_arn, listener.port, body),
    )


def find(db: sqlite3.Connection, arn: str) -> Listener | None:
    return next(iter(_select(db, "WHERE arn = ?", arn)), None)


def find_by_port(db: sqlite3.Connection, port: int) -> Listener | None:
    return next(iter(_select(db, "WHERE port = ?", port)), None)


def of_load_balancer(db: sqlite3.Connection, load_balancer_arn: str) -> tuple[Listener, ...]:
    """Return those of one load balancer."""
    return _select(db, "WHERE load_balancer_arn = ?", load_balancer_arn)


def list_all(db: sqlite3.Connection) -> tuple[Listener, ...]:
    return _select(db, "")


def problems(db: sqlite3.Connection) -> dict[str, Sequence[str]]:
    """Return, by load balancer, why listeners of it are not served."""
    by_load_balancer: dict[str, Sequence[str]] = {}
    rows = db.execute("SELECT load_balancer_arn, problem FROM elbv2_listener WHERE problem != '' ORDER BY port, arn")
    for arn, problem in rows:
        by_load_balancer[arn] = (*by_load_balancer.get(arn, ()), problem)
    return by_load_balancer


def delete(db: sqlite3.Connection, arn: str) -> None:
    """Delete a listener with its rules."""
    db.execute("DELETE FROM elbv2_listener WHERE arn = ?", (arn,))


def record_problem(db: sqlite3.Connection, arn: str, problem: str) -> None:
    """Save what the balancer finds: why the listener is not served, or nothing."""
    db.execute("UPDATE elbv2_listener SET problem = ? WHERE arn = ?", (problem, arn))


def _select(db: sqlite3.Connection, where: str, *arguments: str | int) -> tuple[Listener, ...]:
    rows = db.execute(f"SELECT body, problem FROM elbv2_listener {where} ORDER BY port, arn", arguments)
    return tuple(filled(msgspec.json.decode(row["body"], type=Listener), problem=row["problem"]) for row in rows)
