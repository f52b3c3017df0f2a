"""Listener rules, the default rule of each listener among them."""

import sqlite3
from collections.abc import Mapping

import msgspec

from culm.cluster.store.elbv2 import sign_ins
from culm.core.model.load_balancers import Rule
from culm.core.model.record import filled


def save(db: sqlite3.Connection, rule: Rule) -> None:
    """Save a rule, and note which target groups it forwards to; the secret of a client is kept sealed."""
    bare = sign_ins.without_secret(rule)
    db.execute(
        "INSERT INTO elbv2_rule (arn, listener_arn, priority, body) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (arn) DO UPDATE SET priority = excluded.priority, body = excluded.body",
        (rule.rule_arn, rule.listener_arn, rule.priority, msgspec.json.encode(bare).decode()),
    )
    sign_ins.save(db, rule)
    db.execute("DELETE FROM elbv2_forward WHERE rule_arn = ?", (rule.rule_arn,))
    groups = {group.target_group_arn for action in rule.actions for group in action.target_groups}
    db.executemany("INSERT INTO elbv2_forward VALUES (?, ?)", [(rule.rule_arn, group) for group in sorted(groups)])


def set_priorities(db: sqlite3.Connection, priorities: Mapping[str, int]) -> None:
    """Give rules, by ARN, new priorities, all at once: two rules can change places."""
    db.executemany("UPDATE elbv2_rule SET priority = NULL WHERE arn = ?", [(arn,) for arn in priorities])
    db.executemany("UPDATE elbv2_rule SET priority = ? WHERE arn = ?", [(p, arn) for arn, p in priorities.items()])


def find(db: sqlite3.Connection, arn: str) -> Rule | None:
    return next(iter(_select(db, "WHERE arn = ?", arn)), None)


def default(db: sqlite3.Connection, listener_arn: str) -> Rule:
    """Return the default rule, which every listener has."""
    return _select(db, "WHERE listener_arn = ? AND priority IS NULL", listener_arn)[0]


def of_listener(db: sqlite3.Connection, listener_arn: str) -> tuple[Rule, ...]:
    """Return those of one listener, in the order of evaluation: the default rule is last."""
    return _select(db, "WHERE listener_arn = ?", listener_arn)


def delete(db: sqlite3.Connection, arn: str) -> None:
    db.execute("DELETE FROM elbv2_rule WHERE arn = ?", (arn,))


def _select(db: sqlite3.Connection, where: str, *arguments: str) -> tuple[Rule, ...]:
    rows = db.execute(f"SELECT body, priority FROM elbv2_rule {where} ORDER BY priority IS NULL, priority", arguments)
    return tuple(filled(msgspec.json.decode(row["body"], type=Rule), priority=row["priority"]) for row in rows)
