"""Account settings: what a principal, or the account (principal ''), has set."""

from sqlite3 import Connection

ACCOUNT_DEFAULT = ""


def of(db: Connection, principal: str) -> dict[str, str]:
    """Return a principal's settings, name to value."""
    return dict(db.execute("SELECT name, value FROM ecs_setting WHERE principal = ?", (principal,)).fetchall())


def put(db: Connection, principal: str, name: str, value: str) -> None:
    db.execute(
        "INSERT INTO ecs_setting VALUES (?, ?, ?) ON CONFLICT (principal, name) DO UPDATE SET value = excluded.value",
        (principal, name, value),
    )


def delete(db: Connection, principal: str, name: str) -> None:
    db.execute("DELETE FROM ecs_setting WHERE principal = ? AND name = ?", (principal, name))
