"""What the cluster must remember about itself: its ports, its operator's key."""

import sqlite3


def get(db: sqlite3.Connection, name: str) -> str | None:
    row = db.execute("SELECT value FROM cluster_setting WHERE name = ?", (name,)).fetchone()
    return str(row["value"]) if row else None


def put(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute(
        "INSERT INTO cluster_setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )
