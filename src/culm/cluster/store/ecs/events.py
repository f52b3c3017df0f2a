"""Service events: the last hundred of each service, as DescribeServices shows them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages.html
"""

from collections.abc import Sequence
from sqlite3 import Connection

from culm.core.decide.events import STEADY
from culm.core.model.services import ServiceEvent

KEPT = 100


def add(db: Connection, service_arn: str, event: ServiceEvent) -> None:
    """Add an event to a service; of the older ones those beyond what ECS keeps are deleted."""
    db.execute(
        "INSERT INTO ecs_event (id, service_arn, created_at, message) VALUES (?, ?, ?, ?)",
        (event.id, service_arn, event.created_at, event.message),
    )
    db.execute(
        "DELETE FROM ecs_event WHERE service_arn = ? AND number <="
        " (SELECT number FROM ecs_event WHERE service_arn = ? ORDER BY number DESC LIMIT 1 OFFSET ?)",
        (service_arn, service_arn, KEPT),
    )


def of_service(db: Connection, service_arn: str) -> Sequence[ServiceEvent]:
    """Return a service's events, newest first."""
    rows = db.execute(
        "SELECT id, created_at, message FROM ecs_event WHERE service_arn = ? ORDER BY number DESC", (service_arn,)
    )
    return [ServiceEvent(id=row[0], created_at=row[1], message=row[2]) for row in rows]


def newest(db: Connection) -> int:
    """Return the number of the newest event of all services; 0: there is none."""
    return int(db.execute("SELECT COALESCE(MAX(number), 0) FROM ecs_event").fetchone()[0])


def after(db: Connection, cluster: str, number: int) -> Sequence[tuple[str, str]]:
    """Return the events of a cluster's services that came after that number, oldest first: service and message."""
    rows = db.execute(
        "SELECT s.name, e.message FROM ecs_event e JOIN ecs_service s ON s.arn = e.service_arn"
        " WHERE e.number > ? AND s.cluster = ? ORDER BY e.number",
        (number, cluster),
    )
    return [(row[0], row[1]) for row in rows]


def since_steady(db: Connection, service_arn: str) -> tuple[ServiceEvent, ...]:
    """Return events, newest first, back to the one that says that the service was steady.

    They tell news from repetition.
    """
    recent = []
    for event in of_service(db, service_arn):
        recent.append(event)
        if event.message.endswith(STEADY):
            break
    return tuple(recent)
