"""Whose role each task has, and until when its keys are good. The keys themselves are kept nowhere."""

from sqlite3 import Connection

from culm.core.model.record import record


@record
class Grant:
    role_arn: str
    expiration: float
    """Epoch seconds."""


def find(db: Connection, task_arn: str) -> Grant | None:
    row = db.execute("SELECT role_arn, expiration FROM ecs_task_grant WHERE task_arn = ?", (task_arn,)).fetchone()
    return Grant(**dict(row)) if row else None


def expiring(db: Connection, before: float) -> list[str]:
    """Return the ARNs of the tasks whose keys end before then."""
    return [row[0] for row in db.execute("SELECT task_arn FROM ecs_task_grant WHERE expiration <= ?", (before,))]


def save(db: Connection, task_arn: str, grant: Grant) -> None:
    db.execute(
        "INSERT INTO ecs_task_grant VALUES (?, ?, ?) ON CONFLICT (task_arn)"
        " DO UPDATE SET role_arn = excluded.role_arn, expiration = excluded.expiration",
        (task_arn, grant.role_arn, grant.expiration),
    )


def delete(db: Connection, task_arn: str) -> None:
    db.execute("DELETE FROM ecs_task_grant WHERE task_arn = ?", (task_arn,))
