"""Which targets a task was registered as, so that nothing of it is left in a target group when it is gone."""

from collections.abc import Sequence
from sqlite3 import Connection

from culm.core.model.record import record


@record
class TaskTarget:
    task_arn: str
    target_group_arn: str
    id: str
    """The EC2 instance."""
    port: int
    deregistered: bool = False


def add(db: Connection, target: TaskTarget) -> None:
    """Save a task's target; a task that had this port before has it no more."""
    where = (target.target_group_arn, target.id, target.port)
    db.execute("DELETE FROM ecs_task_target WHERE target_group_arn = ? AND id = ? AND port = ?", where)
    db.execute(
        "INSERT INTO ecs_task_target (task_arn, target_group_arn, id, port) VALUES (?, ?, ?, ?)",
        (target.task_arn, *where),
    )


def of(db: Connection, task_arn: str) -> Sequence[TaskTarget]:
    return _select(db, " WHERE task_arn = ?", (task_arn,))


def _select(db: Connection, where: str, values: tuple[str, ...]) -> Sequence[TaskTarget]:
    rows = db.execute(f"SELECT task_arn, target_group_arn, id, port, deregistered FROM ecs_task_target{where}", values)
    return [TaskTarget(task_arn=r[0], target_group_arn=r[1], id=r[2], port=r[3], deregistered=bool(r[4])) for r in rows]


def mark_deregistered(db: Connection, target: TaskTarget) -> None:
    db.execute(
        "UPDATE ecs_task_target SET deregistered = 1 WHERE task_arn = ? AND target_group_arn = ? AND port = ?",
        (target.task_arn, target.target_group_arn, target.port),
    )


def remove(db: Connection, target: TaskTarget) -> None:
    db.execute(
        "DELETE FROM ecs_task_target WHERE task_arn = ? AND target_group_arn = ? AND port = ?",
        (target.task_arn, target.target_group_arn, target.port),
    )
