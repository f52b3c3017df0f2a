"""Tasks: what was asked for, whether they shall run, and what their instances' agents reported."""

import json
from collections.abc import Iterator, Sequence
from sqlite3 import Connection, Row
from typing import Any

import msgspec

from culm.core.decide.ledger import Need
from culm.core.model.arn import last
from culm.core.model.record import record
from culm.core.model.task_definitions import Tag
from culm.core.model.tasks import Container, NetworkInterface, Status, StopCode, Task, TaskOverride


@record
class Asked:
    """What was asked for when the task was started; never changes."""

    overrides: TaskOverride = TaskOverride()
    cpu: str | None = None
    memory: str | None = None
    tags: tuple[Tag, ...] = ()
    enable_execute_command: bool = False
    capacity_provider_name: str | None = None
    interface: NetworkInterface | None = None


@record
class Reported:
    """What the instance's agent said last. Times are epoch seconds."""

    containers: tuple[Container, ...] = ()
    pull_started_at: float | None = None
    pull_stopped_at: float | None = None
    execution_stopped_at: float | None = None


ASKED = msgspec.json.Decoder(Asked)
_reported = msgspec.json.Decoder(Reported)


def insert(
    db: Connection,
    task: Task,
    *,
    service_arn: str | None,
    need: Need,
    load_balanced: bool = False,
) -> None:
    """Keep a new task that takes `need` from its instance."""
    ports = [f"{port}/tcp" for port in need.ports] + [f"{port}/udp" for port in need.ports_udp]
    asked = Asked(
        overrides=task.overrides,
        cpu=task.cpu,
        memory=task.memory,
        tags=task.tags,
        enable_execute_command=task.enable_execute_command,
        capacity_provider_name=task.capacity_provider_name,
        interface=task.interface,
    )
    reported = Reported(containers=task.containers)
    db.execute(
        "INSERT INTO ecs_task (arn, cluster, family, task_definition_arn, task_group, started_by, service_arn,"
        " container_instance_arn, launch_type, created_at, counted_cpu, counted_memory, host_ports,"
        " load_balanced, asked, desired_status, last_status, health_status, reported)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            task.task_arn,
            last(task.cluster_arn),
            last(task.task_definition_arn).rpartition(":")[0],
            task.task_definition_arn,
            task.group,
            task.started_by,
            service_arn,
            task.container_instance_arn,
            task.launch_type,
            task.created_at,
            need.cpu,
            need.memory,
            json.dumps(ports),
            int(load_balanced),
            _text(asked),
            task.desired_status,
            task.last_status,
            task.health_status,
            _text(reported),
        ),
    )


def find(db: Connection, arn: str) -> Task | None:
    row = db.execute("SELECT * FROM ecs_task WHERE arn = ?", (arn,)).fetchone()
    return task_of(row) if row else None


def by_arns(db: Connection, arns: Sequence[str]) -> list[Task]:
    """Return those of them that there are, in their order."""
    return [task for arn in arns if (task := find(db, arn)) is not None]


def select(db: Connection, where: str, values: Sequence[object]) -> Iterator[Task]:
    """Yield tasks by a condition on the columns."""
    for row in db.execute(f"SELECT * FROM ecs_task WHERE {where}", tuple(values)):
        yield task_of(row)


def arns(db: Connection, where: str, values: Sequence[object]) -> list[str]:
    """Return the ARNs of tasks by a condition on the columns, oldest first."""
    return [row[0] for row in db.execute(f"SELECT arn FROM ecs_task WHERE {where} ORDER BY rowid", tuple(values))]


def stop(db: Connection, arn: str, code: StopCode, reason: str, now: float) -> bool:
    """Wish that a task stops; return False if that was wished already. The first reason stays."""
    changed = db.execute(
        "UPDATE ecs_task SET desired_status = 'STOPPED', stop_code = ?, stopped_reason = ?, stopping_at = ?,"
        " version = version + 1 WHERE arn = ? AND desired_status = 'RUNNING'",
        (code, reason, now, arn),
    )
    db.execute("UPDATE ecs_task_target SET leaving = 1 WHERE task_arn = ?", (arn,))
    return changed.rowcount > 0


def protect(db: Connection, arn: str, until: float | None) -> None:
    """Protect a task until then (epoch seconds), or end that with None."""
    db.execute("UPDATE ecs_task SET protected_until = ?, version = version + 1 WHERE arn = ?", (until, arn))


def save_facts(db: Connection, task: Task) -> None:
    """Keep what an agent reported, and what follows from it; the wishes of the row are left alone."""
    reported = Reported(
        containers=task.containers,
        pull_started_at=task.pull_started_at,
        pull_stopped_at=task.pull_stopped_at,
        execution_stopped_at=task.execution_stopped_at,
    )
    db.execute(
        "UPDATE ecs_task SET last_status = ?, health_status = ?, started_at = ?, stopped_at = ?, reported = ?,"
        " version = version + 1 WHERE arn = ?",
        (task.last_status, task.health_status, task.started_at, task.stopped_at, _text(reported), task.task_arn),
    )


def set_last_status(db: Connection, arn: str, status: Status) -> None:
    db.execute("UPDATE ecs_task SET last_status = ?, version = version + 1 WHERE arn = ?", (status, arn))


def set_healthy(db: Connection, arn: str, now: float) -> None:
    """Note that a task is healthy; only the first time is kept."""
    db.execute(
        "UPDATE ecs_task SET healthy_at = coalesce(healthy_at, ?), version = version + 1 WHERE arn = ?", (now, arn)
    )


def delete(db: Connection, arn: str) -> None:
    db.execute("DELETE FROM ecs_task WHERE arn = ?", (arn,))
    db.execute("DELETE FROM ecs_tag WHERE resource_arn = ?", (arn,))


def counts(db: Connection, service_arn: str) -> dict[str, tuple[int, int]]:
    """Return running and pending tasks of each deployment of a service, by the deployment's id."""
    rows = db.execute(
        "SELECT started_by, sum(last_status = 'RUNNING'), sum(last_status IN ('PROVISIONING', 'PENDING', 'ACTIVATING'))"
        " FROM ecs_task WHERE service_arn = ? AND last_status != 'STOPPED' GROUP BY started_by",
        (service_arn,),
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def live_by_instance(db: Connection) -> dict[str, int]:
    """Return how many tasks that are not STOPPED each instance has, by its ARN; none of an instance without any."""
    rows = db.execute(
        "SELECT container_instance_arn, count(*) FROM ecs_task WHERE last_status != 'STOPPED'"
        " GROUP BY container_instance_arn"
    )
    return {row[0]: row[1] for row in rows}


def counts_on(db: Connection, container_instance_arn: str) -> tuple[int, int]:
    """Return running and pending tasks of an instance."""
    row = db.execute(
        "SELECT coalesce(sum(last_status = 'RUNNING'), 0),"
        " coalesce(sum(last_status IN ('PROVISIONING', 'PENDING', 'ACTIVATING')), 0)"
        " FROM ecs_task WHERE container_instance_arn = ? AND last_status != 'STOPPED'",
        (container_instance_arn,),
    ).fetchone()
    return row[0], row[1]


def task_of(row: Row) -> Task:
    """Return the task of a whole row."""
    asked = ASKED.decode(row["asked"])
    reported = _reported.decode(row["reported"])
    return Task(
        **columns(row),
        containers=reported.containers,
        cpu=asked.cpu,
        memory=asked.memory,
        launch_type=row["launch_type"],
        capacity_provider_name=asked.capacity_provider_name,
        pull_started_at=reported.pull_started_at,
        pull_stopped_at=reported.pull_stopped_at,
        execution_stopped_at=reported.execution_stopped_at,
        overrides=asked.overrides,
        enable_execute_command=asked.enable_execute_command,
        interface=asked.interface,
        tags=asked.tags,
    )


def columns(row: Row) -> dict[str, Any]:
    """Return the fields of a task that have columns of their own, all that the scheduler reads of it."""
    arn = row["arn"]
    return {
        "task_arn": arn,
        "cluster_arn": f"{arn.partition(':task/')[0]}:cluster/{row['cluster']}",
        "task_definition_arn": row["task_definition_arn"],
        "group": row["task_group"],
        "container_instance_arn": row["container_instance_arn"],
        "last_status": Status(row["last_status"]),
        "desired_status": row["desired_status"],
        "started_by": row["started_by"],
        "health_status": row["health_status"],
        "version": row["version"],
        "created_at": row["created_at"],
        "started_at": row["started_at"],
        "stopping_at": row["stopping_at"],
        "stopped_at": row["stopped_at"],
        "stop_code": StopCode(row["stop_code"]) if row["stop_code"] else None,
        "stopped_reason": row["stopped_reason"],
        "healthy_at": row["healthy_at"],
        "protected_until": row["protected_until"],
    }


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
