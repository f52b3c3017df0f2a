"""Registered targets and their health.

`register` and `deregister` are wishes, for whoever runs the service; the rest are facts, the balancer's alone. A row
lives until its target has drained, so "its row is gone" means that no request can reach it any more.
"""

import sqlite3
from dataclasses import fields

from culm.core.model.load_balancers import RegisteredTarget, TargetState

_COLUMNS = ", ".join(field.name for field in fields(RegisteredTarget))


def register(db: sqlite3.Connection, target_group_arn: str, *, id: str, port: int, now: float) -> None:
    """Want requests sent there. One that is registered already stays as it is; one that drains begins again."""
    target = RegisteredTarget(target_group_arn=target_group_arn, id=id, port=port, registered_at=now)
    db.execute(
        "DELETE FROM elbv2_target WHERE target_group_arn = ? AND id = ? AND port = ? AND deregistered_at IS NOT NULL",
        (target_group_arn, id, port),
    )
    db.execute(
        "INSERT INTO elbv2_target (target_group_arn, id, port, registered_at, state, reason, description)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (target_group_arn, id, port, now, target.state, target.reason, target.description),
    )


def deregister(db: sqlite3.Connection, target_group_arn: str, *, id: str, port: int, now: float) -> None:
    """Want no more requests sent there: it drains, and then its row goes. An unknown target is not an error."""
    db.execute(
        "UPDATE elbv2_target SET deregistered_at = ?"
        " WHERE target_group_arn = ? AND id = ? AND port = ? AND deregistered_at IS NULL",
        (now, target_group_arn, id, port),
    )


def in_group(db: sqlite3.Connection, target_group_arn: str) -> tuple[RegisteredTarget, ...]:
    """Return the targets of one group, those that drain too, with the state that DescribeTargetHealth gives them."""
    return _select(db, "WHERE target_group_arn = ?", target_group_arn)


def list_all(db: sqlite3.Connection) -> tuple[RegisteredTarget, ...]:
    """Return the targets of every group."""
    return _select(db, "")


def record_health(
    db: sqlite3.Connection,
    target: RegisteredTarget,
    *,
    state: TargetState,
    reason: str | None = None,
    description: str | None = None,
) -> None:
    """Save what the balancer finds; nothing if the target was registered anew meanwhile."""
    db.execute(
        "UPDATE elbv2_target SET state = ?, reason = ?, description = ?"
        " WHERE target_group_arn = ? AND id = ? AND port = ? AND registered_at = ?",
        (state, reason, description, target.target_group_arn, target.id, target.port, target.registered_at),
    )


def remove(db: sqlite3.Connection, target: RegisteredTarget) -> None:
    """Remove a target that has drained; nothing if it was registered anew meanwhile."""
    db.execute(
        "DELETE FROM elbv2_target WHERE target_group_arn = ? AND id = ? AND port = ? AND deregistered_at = ?",
        (target.target_group_arn, target.id, target.port, target.deregistered_at),
    )


def _select(db: sqlite3.Connection, where: str, *arguments: str) -> tuple[RegisteredTarget, ...]:
    rows = db.execute(
        f"SELECT {_COLUMNS}, EXISTS (SELECT 1 FROM elbv2_forward f"
        " WHERE f.target_group_arn = elbv2_target.target_group_arn) AS in_use"
        f" FROM elbv2_target {where} ORDER BY target_group_arn, registered_at, id, port",
        arguments,
    )
    return tuple(_target(row) for row in rows)


def _target(row: sqlite3.Row) -> RegisteredTarget:
    values = dict(zip(row.keys(), row, strict=True))
    if values.pop("in_use") == 0:
        values |= {
            "state": "unused",
            "reason": "Target.NotInUse",
            "description": "Target group is not configured to receive traffic from the load balancer",
        }
    elif values["deregistered_at"] is not None:
        values |= {
            "state": "draining",
            "reason": "Target.DeregistrationInProgress",
            "description": "Target deregistration is in progress",
        }
    return RegisteredTarget(**values)
