"""When services that sleep by themselves were asked for the last time."""

from collections.abc import Sequence
from sqlite3 import Connection

from culm.cluster.store.ecs import services, tags
from culm.core.model.record import record
from culm.core.model.services import Service
from culm.core.model.sleep import called, idle_seconds, ignored


@record
class IdlePolicy:
    """A service that sleeps by itself, as its tags say."""

    service: Service
    calls: tuple[str, ...]
    after: float
    """Seconds without a request."""
    ignored: tuple[str, ...]
    """Requests that do not count: parts of User-Agents and, with a slash, beginnings of paths."""


@record
class Activity:
    last_request: float
    """Epoch seconds."""
    requests: int
    """What the load balancer had counted when it was last asked."""


def policies(db: Connection) -> Sequence[IdlePolicy]:
    """Return every service with a policy. Cheap where there is none: the table of tags has an index of this key."""
    rows = db.execute("SELECT resource_arn FROM ecs_tag WHERE key = 'culm:sleep' ORDER BY resource_arn").fetchall()
    listed = []
    for (arn,) in rows:
        service, given = services.find(db, arn), {tag.key: tag.value for tag in tags.of(db, arn)}
        after = idle_seconds(given)
        if service is not None and service.status == "ACTIVE" and after is not None:
            listed.append(IdlePolicy(service=service, calls=called(given), after=after, ignored=ignored(given)))
    return listed


def of_service(db: Connection, arn: str) -> Activity | None:
    """Return what was last noted of a service; None: it sleeps, or nobody has looked yet."""
    row = db.execute("SELECT last_request, requests FROM ecs_activity WHERE arn = ?", (arn,)).fetchone()
    return None if row is None else Activity(last_request=row[0], requests=row[1])


def save(db: Connection, arn: str, activity: Activity) -> None:
    db.execute(
        "INSERT INTO ecs_activity VALUES (?, ?, ?) ON CONFLICT (arn) DO UPDATE SET"
        " last_request = excluded.last_request, requests = excluded.requests",
        (arn, activity.last_request, activity.requests),
    )


def forget(db: Connection, arn: str) -> None:
    """Forget a service's activity, which begins anew when it is awake again."""
    db.execute("DELETE FROM ecs_activity WHERE arn = ?", (arn,))
