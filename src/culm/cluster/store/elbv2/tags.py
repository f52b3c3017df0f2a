"""Tags of everything that has an ARN here."""

import sqlite3
from collections.abc import Iterable, Mapping


def put(db: sqlite3.Connection, arn: str, tags: Mapping[str, str]) -> None:
    db.executemany("INSERT OR REPLACE INTO elbv2_tag VALUES (?, ?, ?)", [(arn, k, v) for k, v in tags.items()])


def find(db: sqlite3.Connection, arn: str) -> dict[str, str]:
    rows = db.execute("SELECT key, value FROM elbv2_tag WHERE arn = ? ORDER BY key", (arn,))
    return {row["key"]: row["value"] for row in rows}


def remove(db: sqlite3.Connection, arn: str, keys: Iterable[str]) -> None:
    db.executemany("DELETE FROM elbv2_tag WHERE arn = ? AND key = ?", [(arn, key) for key in keys])


def forget(db: sqlite3.Connection, arn: str) -> None:
    """Delete the tags of a resource that is gone, and of everything under it.

    An ARN of a listener or a rule begins as its load balancer's.
    """
    db.execute("DELETE FROM elbv2_tag WHERE arn = ?", (arn,))
