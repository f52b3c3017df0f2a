"""Clusters: what their owners asked for; what runs on them is counted, not stored."""

from collections.abc import Mapping, Sequence
from sqlite3 import Connection, Row
from typing import Any

import msgspec

from culm.core.model.record import record


@record
class Cluster:
    name: str
    created_at: float
    deleted_at: float | None = None
    settings: tuple[Mapping[str, str], ...] = ()
    configuration: Mapping[str, Any] | None = None
    service_connect_defaults: Mapping[str, Any] | None = None
    capacity_providers: tuple[str, ...] = ()
    default_capacity_provider_strategy: tuple[Mapping[str, Any], ...] = ()

    @property
    def status(self) -> str:
        return "ACTIVE" if self.deleted_at is None else "INACTIVE"


@record
class Counts:
    container_instances: int
    running_tasks: int
    pending_tasks: int
    active_services: int
    draining_services: int


_decoder = msgspec.json.Decoder(Cluster)


def find(db: Connection, name: str) -> Cluster | None:
    row = db.execute("SELECT body FROM ecs_cluster WHERE name = ?", (name,)).fetchone()
    return _cluster(row) if row else None


def list_all(db: Connection) -> Sequence[Cluster]:
    """Return the ACTIVE ones, by name."""
    rows = db.execute("SELECT body FROM ecs_cluster WHERE deleted_at IS NULL ORDER BY name")
    return [_cluster(row) for row in rows]


def save(db: Connection, cluster: Cluster) -> None:
    db.execute(
        "INSERT INTO ecs_cluster VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
        " created_at = excluded.created_at, deleted_at = excluded.deleted_at, body = excluded.body",
        (cluster.name, cluster.created_at, cluster.deleted_at, msgspec.json.encode(cluster).decode()),
    )


def counts(db: Connection, name: str) -> Counts:
    """Return what is in the cluster."""
    row = db.execute(
        "SELECT"
        " (SELECT count(*) FROM ecs_container_instance WHERE cluster = :cluster AND status != 'INACTIVE'),"
        " (SELECT count(*) FROM ecs_task WHERE cluster = :cluster AND last_status = 'RUNNING'),"
        " (SELECT count(*) FROM ecs_task WHERE cluster = :cluster"
        "  AND last_status IN ('PROVISIONING', 'PENDING', 'ACTIVATING')),"
        " (SELECT count(*) FROM ecs_service WHERE cluster = :cluster AND deleted_at IS NULL AND task_set_of IS NULL),"
        " (SELECT count(*) FROM ecs_service WHERE cluster = :cluster"
        "  AND deleted_at IS NOT NULL AND drained_at IS NULL AND task_set_of IS NULL)",
        {"cluster": name},
    ).fetchone()
    return Counts(
        container_instances=row[0],
        running_tasks=row[1],
        pending_tasks=row[2],
        active_services=row[3],
        draining_services=row[4],
    )


def _cluster(row: Row) -> Cluster:
    return _decoder.decode(row["body"])
