"""Tags of every ECS resource, by its ARN."""

from collections.abc import Iterable
from sqlite3 import Connection

from culm.core.model.task_definitions import Tag


def of(db: Connection, resource_arn: str) -> list[Tag]:
    rows = db.execute("SELECT key, value FROM ecs_tag WHERE resource_arn = ? ORDER BY key", (resource_arn,))
    return [Tag(key=key, value=value) for key, value in rows]


def of_cluster(db: Connection, name: str) -> list[Tag]:
    """Return a cluster's tags, whatever region its creator named."""
    query = "SELECT key, value FROM ecs_tag WHERE resource_arn GLOB ? ORDER BY key"
    return [Tag(key=key, value=value) for key, value in db.execute(query, (f"arn:aws:ecs:*:cluster/{name}",))]


def put(db: Connection, resource_arn: str, tags: Iterable[Tag]) -> None:
    """Add these to what is there; a key that is there already gets the new value."""
    db.executemany(
        "INSERT INTO ecs_tag VALUES (?, ?, ?) ON CONFLICT (resource_arn, key) DO UPDATE SET value = excluded.value",
        [(resource_arn, tag.key, tag.value) for tag in tags],
    )


def remove(db: Connection, resource_arn: str, keys: Iterable[str]) -> None:
    db.executemany("DELETE FROM ecs_tag WHERE resource_arn = ? AND key = ?", [(resource_arn, key) for key in keys])


def clear(db: Connection, resource_arn: str) -> None:
    db.execute("DELETE FROM ecs_tag WHERE resource_arn = ?", (resource_arn,))
