"""Deployments of services; finished ones stay as service deployments and service revisions.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
"""

from collections.abc import Mapping, Sequence
from sqlite3 import Connection, Row
from typing import Literal

import msgspec

from culm.core.model.record import filled, record
from culm.core.model.services import Deployment, Service

_decoder = msgspec.json.Decoder(Deployment)
_revision = msgspec.json.Decoder(Service)


@record
class Kept:
    """A deployment with what is remembered about it beyond its life."""

    deployment: Deployment
    revision: Service
    """The service as it was when the deployment began."""
    finished_at: float | None
    digests: Mapping[str, str]
    """Container name to image digest."""


def current(db: Connection, service_arn: str) -> tuple[Deployment, ...]:
    """Return the PRIMARY and ACTIVE deployments, newest first."""
    rows = db.execute(
        "SELECT body, stop_requested FROM ecs_deployment WHERE service_arn = ? AND status != 'INACTIVE'"
        " ORDER BY created_at DESC, rowid DESC",
        (service_arn,),
    )
    return tuple(filled(_decoder.decode(row[0]), stop_requested=row[1]) for row in rows)


def save(db: Connection, service: Service, revision: str) -> None:
    """Keep the deployments of a service; those that it no longer names become INACTIVE.

    `revision`: the JSON of the service alone, which a new deployment remembers.
    """
    for deployment in reversed(service.deployments):
        over = deployment.rollout_state != "IN_PROGRESS"
        db.execute(
            "INSERT INTO ecs_deployment (id, service_arn, created_at, status, finished_at, revision, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET status = excluded.status,"
            " body = excluded.body, finished_at = coalesce(finished_at, excluded.finished_at)",
            (
                deployment.id,
                service.service_arn,
                deployment.created_at,
                deployment.status,
                deployment.updated_at if over else None,
                revision,
                msgspec.json.encode(deployment).decode(),
            ),
        )
    named = [d.id for d in service.deployments]
    marks = ", ".join("?" * len(named))
    db.execute(
        "UPDATE ecs_deployment SET status = 'INACTIVE'"
        f" WHERE service_arn = ? AND status != 'INACTIVE' AND id NOT IN ({marks})",
        (service.service_arn, *named),
    )


def find(db: Connection, id: str) -> Kept | None:
    row = db.execute("SELECT * FROM ecs_deployment WHERE id = ?", (id,)).fetchone()
    return _kept(row) if row else None


def of_service(db: Connection, service_arn: str) -> Sequence[Kept]:
    """Return all that are remembered, newest first."""
    rows = db.execute(
        "SELECT * FROM ecs_deployment WHERE service_arn = ? ORDER BY created_at DESC, rowid DESC", (service_arn,)
    )
    return [_kept(row) for row in rows]


def request_stop(db: Connection, kept: Kept, how: Literal["ROLLBACK"]) -> None:
    """Wish that the deployment is undone."""
    db.execute("UPDATE ecs_deployment SET stop_requested = ? WHERE id = ?", (how, kept.deployment.id))
    db.execute("UPDATE ecs_service SET look_at = 0 WHERE arn = ?", (kept.revision.service_arn,))


def pin(db: Connection, id: str, digests: Mapping[str, str]) -> None:
    """Remember which image each container's tag meant when the deployment's first task started."""
    db.execute("UPDATE ecs_deployment SET digests = ? WHERE id = ?", (msgspec.json.encode(digests).decode(), id))


def _kept(row: Row) -> Kept:
    return Kept(
        deployment=filled(_decoder.decode(row["body"]), status=row["status"], stop_requested=row["stop_requested"]),
        revision=_revision.decode(row["revision"]),
        finished_at=row["finished_at"],
        digests=msgspec.json.decode(row["digests"]),
    )
