"""Services: what their owners want. Their deployments and events have files of their own."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from sqlite3 import Connection, Row
from typing import Literal

import msgspec

from culm.cluster.store.ecs import deployments
from culm.core.model.arn import last
from culm.core.model.record import filled
from culm.core.model.services import Service

_decoder = msgspec.json.Decoder(Service)
_COLUMNS = "SELECT desired_count, task_definition, deleted_at, drained_at, body FROM ecs_service"


def find(db: Connection, arn: str) -> Service | None:
    """Return a service with its deployments, newest first, and without its events and tags."""
    row = db.execute(_COLUMNS + " WHERE arn = ?", (arn,)).fetchone()
    return _service(db, row) if row else None


def find_by_resource(db: Connection, resource: str) -> Service | None:
    """Return the service `service/<cluster>/<name>` of whatever region; of several the ACTIVE one."""
    order = "ORDER BY drained_at IS NOT NULL, created_at DESC"
    row = db.execute(f"{_COLUMNS} WHERE arn GLOB ? {order}", (f"arn:aws:ecs:*:{resource}",)).fetchone()
    return _service(db, row) if row else None


def in_cluster(db: Connection, cluster: str) -> Sequence[Service]:
    """Return ACTIVE and DRAINING services, oldest first."""
    rows = db.execute(_COLUMNS + " WHERE cluster = ? AND drained_at IS NULL ORDER BY created_at, arn", (cluster,))
    return [_service(db, row) for row in rows.fetchall()]


def by_arns(db: Connection, arns: Iterable[str]) -> Sequence[Service]:
    """Return those of them that there are."""
    return [service for arn in arns if (service := find(db, arn)) is not None]


def arns(db: Connection, cluster: str, launch_type: str | None, scheduling_strategy: str | None) -> Sequence[str]:
    """Return the ARNs of a cluster's services by name; None lets every launch type or strategy through."""
    rows = db.execute(
        "SELECT arn FROM ecs_service WHERE cluster = :cluster AND deleted_at IS NULL AND task_set_of IS NULL"
        " AND (:launch_type IS NULL OR launch_type = :launch_type)"
        " AND (:scheduling_strategy IS NULL OR scheduling_strategy = :scheduling_strategy) ORDER BY name",
        {"cluster": cluster, "launch_type": launch_type, "scheduling_strategy": scheduling_strategy},
    )
    return [row[0] for row in rows]


def task_sets(db: Connection, arn: str) -> Sequence[Service]:
    """Return the task sets of a service that are not gone, oldest first."""
    rows = db.execute(_COLUMNS + " WHERE task_set_of = ? AND drained_at IS NULL ORDER BY created_at, rowid", (arn,))
    return [_service(db, row) for row in rows.fetchall()]


def create(db: Connection, service: Service) -> None:
    """Save a new service; an INACTIVE one of the same name gives way."""
    text = _text(service)
    db.execute("DELETE FROM ecs_service WHERE arn = ?", (service.service_arn,))
    db.execute(
        "INSERT INTO ecs_service (arn, cluster, name, created_at, scheduling_strategy, launch_type, desired_count,"
        " task_definition, body, task_set_of) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            service.service_arn,
            last(service.cluster_arn),
            service.service_name,
            service.created_at,
            service.scheduling_strategy,
            service.launch_type,
            service.desired_count,
            service.task_definition,
            text,
            service.task_set.service_arn if service.task_set else None,
        ),
    )
    deployments.save(db, service, text)


def save_wish(db: Connection, service: Service) -> None:
    """Save what the owner wants from now on; the counts of its task sets follow."""
    text = _text(service)
    db.execute(
        "UPDATE ecs_service SET desired_count = ?, task_definition = ?, body = ?, look_at = 0 WHERE arn = ?",
        (service.desired_count, service.task_definition, text, service.service_arn),
    )
    deployments.save(db, service, text)
    if service.deployment_controller == "EXTERNAL":
        _rescale(db, service)


def delete(db: Connection, arn: str, now: float) -> None:
    """Wish it gone: DRAINING until its last task has stopped."""
    db.execute("UPDATE ecs_service SET deleted_at = ?, desired_count = 0, look_at = 0 WHERE arn = ?", (now, arn))


def save_facts(db: Connection, service: Service, now: float) -> None:
    """Save how far a service's deployments have come, and whether the last task of a deleted one is gone."""
    db.execute(
        "UPDATE ecs_service SET task_definition = ?, drained_at = ?, look_at = 0 WHERE arn = ?",
        (service.task_definition, now if service.status == "INACTIVE" else None, service.service_arn),
    )
    deployments.save(db, service, _text(service))


def _rescale(db: Connection, service: Service) -> None:
    for each in task_sets(db, service.service_arn):
        if each.task_set is not None and each.status == "ACTIVE":
            desired = each.task_set.desired(service.desired_count)
            db.execute(
                "UPDATE ecs_service SET desired_count = ?, look_at = 0 WHERE arn = ?", (desired, each.service_arn)
            )


def _service(db: Connection, row: Row) -> Service:
    service = _decoder.decode(row["body"])
    status: Literal["ACTIVE", "DRAINING", "INACTIVE"] = (
        "INACTIVE" if row["drained_at"] is not None else "DRAINING" if row["deleted_at"] is not None else "ACTIVE"
    )
    return filled(
        service,
        desired_count=row["desired_count"],
        task_definition=row["task_definition"],
        status=status,
        deployments=deployments.current(db, service.service_arn),
    )


def _text(service: Service) -> str:
    return msgspec.json.encode(replace(service, deployments=(), events=(), tags=())).decode()
