"""Task definitions: immutable revisions of families."""

from sqlite3 import Connection, Row

import msgspec

from culm.core.model.record import filled
from culm.core.model.task_definitions import TaskDefinition

_decoder = msgspec.json.Decoder(TaskDefinition)
_COLUMNS = "SELECT status, deregistered_at, delete_requested_at, body FROM ecs_task_definition"


def next_revision(db: Connection, family: str) -> int:
    """Return the next number, which is never used twice, so that deleted revisions keep theirs."""
    row = db.execute("SELECT max(revision) FROM ecs_task_definition WHERE family = ?", (family,)).fetchone()
    return int(row[0] or 0) + 1


def insert(db: Connection, definition: TaskDefinition) -> None:
    body = msgspec.json.encode(definition).decode()
    db.execute(
        "INSERT INTO ecs_task_definition (family, revision, status, body) VALUES (?, ?, ?, ?)",
        (definition.family, definition.revision, definition.status, body),
    )


def find(db: Connection, family: str, revision: int | None = None) -> TaskDefinition | None:
    """Return that revision, or with none given the newest ACTIVE one."""
    if revision is None:
        where, values = " WHERE family = ? AND status = 'ACTIVE' ORDER BY revision DESC LIMIT 1", (family,)
        row = db.execute(_COLUMNS + where, values).fetchone()
    else:
        row = db.execute(_COLUMNS + " WHERE family = ? AND revision = ?", (family, revision)).fetchone()
    return _definition(row) if row else None


def find_arn(db: Connection, task_definition_arn: str) -> TaskDefinition | None:
    """Return the revision of an ARN; None when there is none, or it has no revision."""
    family, _, revision = task_definition_arn.rpartition("/")[2].rpartition(":")
    return find(db, family, int(revision)) if revision.isdigit() else None


def deregister(db: Connection, family: str, revision: int, now: float) -> None:
    """Mark a revision as INACTIVE; when it was so before, the first time stays."""
    db.execute(
        "UPDATE ecs_task_definition SET status = 'INACTIVE', deregistered_at = coalesce(deregistered_at, ?)"
        " WHERE family = ? AND revision = ?",
        (now, family, revision),
    )


def request_deletion(db: Connection, family: str, revision: int, now: float) -> None:
    db.execute(
        "UPDATE ecs_task_definition SET status = 'DELETE_IN_PROGRESS', delete_requested_at = ?"
        " WHERE family = ? AND revision = ?",
        (now, family, revision),
    )


def revisions(db: Connection, family: str | None, status: str) -> list[tuple[str, int]]:
    """Return (family, revision) of that status, of one family or of all, oldest revision first."""
    where = " AND family = ?" if family is not None else ""
    rows = db.execute(
        f"SELECT family, revision FROM ecs_task_definition WHERE status = ?{where} ORDER BY family, revision",
        (status, family) if family is not None else (status,),
    )
    return [(row[0], row[1]) for row in rows]


def families(db: Connection, prefix: str, status: str | None) -> list[str]:
    """Return families by prefix and status.

    ACTIVE families have an ACTIVE revision; INACTIVE ones have none left; None: both.
    """
    rows = db.execute(
        "SELECT family, max(status = 'ACTIVE') AS active FROM ecs_task_definition"
        " WHERE substr(family, 1, ?) = ? GROUP BY family ORDER BY family",
        (len(prefix), prefix),
    )
    return [family for family, active in rows if status is None or (status == "ACTIVE") == bool(active)]


def _definition(row: Row) -> TaskDefinition:
    return filled(
        _decoder.decode(row["body"]),
        status=row["status"],
        deregistered_at=row["deregistered_at"],
        delete_requested_at=row["delete_requested_at"],
    )
