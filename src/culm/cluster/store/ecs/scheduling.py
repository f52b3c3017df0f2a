"""What the control loop reads of many tasks at once: narrow rows, aggregates, and what is due."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Connection, Row
from typing import NamedTuple

from culm.cluster.store.ecs import tasks
from culm.cluster.store.ecs.task_targets import TaskTarget
from culm.core.model.tasks import Status, Task, TaskOverride


class Load(NamedTuple):
    """What the tasks of one group that are not STOPPED take from one instance."""

    container_instance_arn: str
    task_group: str
    cpu: int
    """CPU units."""
    memory: int
    """MiB."""
    tasks: int
    staying: int
    """Those that are to go on running."""
    running: int


def outlines(db: Connection, cluster: str, service_arns: Iterable[str], stopped_before: float) -> Sequence[Task]:
    """Return the tasks of these services, and those that stopped long ago, without containers, for the scheduler."""
    rows = db.execute(
        "SELECT arn, cluster, task_definition_arn, task_group, container_instance_arn, last_status, desired_status,"
        " started_by, health_status, version, created_at, started_at, stopping_at, stopped_at, stop_code,"
        " stopped_reason, healthy_at, protected_until, CASE WHEN service_arn IS NULL THEN asked END AS asked"
        " FROM ecs_task WHERE service_arn IN (SELECT value FROM json_each(?))"
        " OR (cluster = ? AND stopped_at <= ?) ORDER BY rowid",
        (json.dumps(list(service_arns)), cluster, stopped_before),
    )
    return [_outline(row) for row in rows]


def any_stopped_before(db: Connection, cluster: str, moment: float) -> bool:
    row = db.execute("SELECT 1 FROM ecs_task WHERE cluster = ? AND stopped_at <= ? LIMIT 1", (cluster, moment))
    return row.fetchone() is not None


def loads(db: Connection, cluster: str) -> Sequence[Load]:
    """Return what is taken of every instance of a cluster, but for the host ports."""
    rows = db.execute(
        "SELECT container_instance_arn, task_group, cpu, memory, tasks, staying, running FROM ecs_load"
        " WHERE cluster = ? ORDER BY container_instance_arn, task_group",
        (cluster,),
    )
    return [Load(*row) for row in rows]


def reservations(db: Connection, cluster: str, container_instance_arn: str) -> Sequence[tuple[str, str, int, int]]:
    """Return (task ARN, group, CPU units, MiB) of every task that takes something of one instance."""
    return db.execute(
        "SELECT arn, task_group, counted_cpu, counted_memory FROM ecs_task"
        " WHERE cluster = ? AND container_instance_arn = ? AND last_status != 'STOPPED'",
        (cluster, container_instance_arn),
    ).fetchall()


def host_ports(db: Connection, cluster: str) -> Sequence[tuple[str, int, str]]:
    """Return (instance ARN, port, protocol) of every fixed host port that is taken."""
    rows = db.execute(
        "SELECT container_instance_arn, host_ports FROM ecs_task"
        " WHERE cluster = ? AND last_status != 'STOPPED' AND host_ports != '[]'",
        (cluster,),
    )
    ports = [(row[0], *port.split("/")) for row in rows for port in json.loads(row[1])]
    return [(arn, int(port), protocol) for arn, port, protocol in ports]


def pending(db: Connection) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Return (task ARN, "RUNNING" or "STOPPED") of the tasks that agents have yet to start or stop, by instance."""
    rows = db.execute(
        "SELECT container_instance_arn, arn, iif(last_status = 'STOPPING', 'STOPPED', 'RUNNING')"
        " FROM ecs_task INDEXED BY ecs_task_pending WHERE last_status IN ('PROVISIONING', 'PENDING', 'STOPPING')"
        " AND (last_status = 'STOPPING' OR desired_status = 'RUNNING') ORDER BY rowid"
    )
    by_instance: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for instance, arn, wish in rows:
        by_instance[instance].append((arn, wish))
    return by_instance


def unregistered(db: Connection, service_arns: Iterable[str]) -> Sequence[tuple[Task, str]]:
    """Return running tasks of these services that are not in their target groups yet, each with its service's ARN."""
    rows = db.execute(
        "SELECT t.* FROM ecs_task t WHERE t.service_arn IN (SELECT value FROM json_each(?))"
        " AND t.last_status = 'RUNNING' AND t.load_balanced = 1 AND t.desired_status = 'RUNNING'"
        " AND NOT EXISTS (SELECT 1 FROM ecs_task_target r WHERE r.task_arn = t.arn)",
        (json.dumps(list(service_arns)),),
    )
    return [(tasks.task_of(row), row["service_arn"]) for row in rows.fetchall()]


def registered(db: Connection, service_arns: Iterable[str]) -> Sequence[tuple[Task, TaskTarget]]:
    """Return running tasks of these services, each with every target that it is registered as."""
    rows = db.execute(
        "SELECT t.*, r.target_group_arn, r.id AS target_id, r.port FROM ecs_task t"
        " JOIN ecs_task_target r ON r.task_arn = t.arn"
        " WHERE t.service_arn IN (SELECT value FROM json_each(?))"
        " AND t.last_status = 'RUNNING' AND t.desired_status = 'RUNNING' AND r.deregistered = 0",
        (json.dumps(list(service_arns)),),
    )
    return [(tasks.task_of(row), _task_target(row)) for row in rows.fetchall()]


def leaving(db: Connection, cluster: str) -> Sequence[tuple[str, Status, str]]:
    """Return (ARN, status, service's ARN) of tasks that are to stop, and of stopped ones that left targets behind."""
    columns = "SELECT arn, last_status, coalesce(service_arn, '') FROM ecs_task"
    rows = db.execute(
        f"{columns} WHERE cluster = ? AND last_status != 'STOPPED' AND desired_status = 'STOPPED' UNION ALL"
        f" {columns} WHERE arn IN (SELECT task_arn FROM ecs_task_target WHERE leaving = 1)"
        " AND cluster = ? AND last_status = 'STOPPED'",
        (cluster, cluster),
    )
    return [(row[0], Status(row[1]), row[2]) for row in rows.fetchall()]


def due(db: Connection, cluster: str, now: float) -> Sequence[str]:
    """Return the services that the scheduler has to look at, by ARN: something changed, or their time has come."""
    rows = db.execute(
        "SELECT arn FROM ecs_service WHERE cluster = ? AND drained_at IS NULL AND look_at <= ?", (cluster, now)
    )
    return [row[0] for row in rows]


def look_again(db: Connection, service_arn: str, at: float, *, wants_room: bool) -> None:
    """Let a service rest until then, or until something that concerns it changes: nothing is to be done for it now."""
    db.execute("UPDATE ecs_service SET look_at = ?, wants_room = ? WHERE arn = ?", (at, int(wants_room), service_arn))


def _task_target(row: Row) -> TaskTarget:
    return TaskTarget(
        task_arn=row["arn"], target_group_arn=row["target_group_arn"], id=row["target_id"], port=row["port"]
    )


def _outline(row: Row) -> Task:
    overrides = tasks.ASKED.decode(row["asked"]).overrides if row["asked"] else TaskOverride()
    return Task(**tasks.columns(row), overrides=overrides)
