"""Services that keep office hours, and the last boundary of these that each has followed."""

from collections.abc import Iterator
from sqlite3 import Connection

from culm.cluster.store.ecs import services, tags
from culm.core.model.services import Service


def keepers(db: Connection) -> Iterator[tuple[Service, dict[str, str]]]:
    """Yield every service with office hours, and its tags. Cheap where there is none: their key has an index."""
    rows = db.execute("SELECT resource_arn FROM ecs_tag WHERE key = 'culm:hours' ORDER BY resource_arn").fetchall()
    for (arn,) in rows:
        service = services.find(db, arn)
        if service is not None and service.status == "ACTIVE":
            yield service, {tag.key: tag.value for tag in tags.of(db, arn)}


def followed(db: Connection, arn: str) -> float | None:
    """Return the boundary that a service has followed, in epoch seconds; None: it keeps office hours since now."""
    row = db.execute("SELECT boundary FROM ecs_office_hours WHERE arn = ?", (arn,)).fetchone()
    return None if row is None else float(row[0])


def follow(db: Connection, arn: str, boundary: float) -> None:
    db.execute(
        "INSERT INTO ecs_office_hours VALUES (?, ?) ON CONFLICT (arn) DO UPDATE SET boundary = excluded.boundary",
        (arn, boundary),
    )
