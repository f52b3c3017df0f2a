"""Target groups, and which load balancers use them."""

import sqlite3

import msgspec

from culm.core.model.load_balancers import TargetGroup


def save(db: sqlite3.Connection, group: TargetGroup) -> None:
    db.execute(
        "INSERT INTO elbv2_target_group (arn, name, body) VALUES (?, ?, ?)"
        " ON CONFLICT (arn) DO UPDATE SET body = excluded.body",
        (group.target_group_arn, group.target_group_name, msgspec.json.encode(group).decode()),
    )


def find(db: sqlite3.Connection, arn: str) -> TargetGroup | None:
    return _one(db.execute("SELECT body FROM elbv2_target_group WHERE arn = ?", (arn,)))


def find_by_name(db: sqlite3.Connection, name: str) -> TargetGroup | None:
    return _one(db.execute("SELECT body FROM elbv2_target_group WHERE name = ?", (name,)))


def list_all(db: sqlite3.Connection) -> tuple[TargetGroup, ...]:
    rows = db.execute("SELECT body FROM elbv2_target_group ORDER BY name")
    return tuple(msgspec.json.decode(row["body"], type=TargetGroup) for row in rows)


def delete(db: sqlite3.Connection, arn: str) -> None:
    """Delete the group and its targets; its rules must be gone."""
    db.execute("DELETE FROM elbv2_target_group WHERE arn = ?", (arn,))


def load_balancer_arns(db: sqlite3.Connection, arn: str) -> tuple[str, ...]:
    """Return those whose rules forward to the group; AWS allows one."""
    rows = db.execute(
        "SELECT DISTINCT load_balancer_arn FROM elbv2_forward"
        " JOIN elbv2_rule ON elbv2_rule.arn = rule_arn JOIN elbv2_listener ON elbv2_listener.arn = listener_arn"
        " WHERE target_group_arn = ? ORDER BY 1",
        (arn,),
    )
    return tuple(row[0] for row in rows)


def _one(rows: sqlite3.Cursor) -> TargetGroup | None:
    row = rows.fetchone()
    return row and msgspec.json.decode(row["body"], type=TargetGroup)
