"""Custom attributes that people put on container instances."""

from collections.abc import Sequence
from sqlite3 import Connection

from culm.core.model.instances import Attribute


def of(db: Connection, cluster: str, target_id: str) -> Sequence[Attribute]:
    rows = db.execute(
        "SELECT name, value FROM ecs_attribute WHERE cluster = ? AND target_id = ? ORDER BY name", (cluster, target_id)
    )
    return [Attribute(name=name, value=value) for name, value in rows]


def by_target(db: Connection, cluster: str) -> dict[str, tuple[Attribute, ...]]:
    """Return those of every instance of a cluster, by its ARN."""
    by_instance: dict[str, tuple[Attribute, ...]] = {}
    rows = db.execute(
        "SELECT target_id, name, value FROM ecs_attribute WHERE cluster = ? ORDER BY target_id, name", (cluster,)
    )
    for target_id, name, value in rows:
        by_instance[target_id] = (*by_instance.get(target_id, ()), Attribute(name=name, value=value))
    return by_instance


def put(db: Connection, cluster: str, target_id: str, attribute: Attribute) -> None:
    db.execute(
        "INSERT INTO ecs_attribute VALUES (?, ?, ?, ?)"
        " ON CONFLICT (cluster, target_id, name) DO UPDATE SET value = excluded.value",
        (cluster, target_id, attribute.name, attribute.value),
    )


def delete(db: Connection, cluster: str, target_id: str, name: str) -> bool:
    """Delete an attribute; return whether it was there."""
    values = (cluster, target_id, name)
    return db.execute("DELETE FROM ecs_attribute WHERE cluster = ? AND target_id = ? AND name = ?", values).rowcount > 0


def clear(db: Connection, cluster: str, target_id: str) -> None:
    db.execute("DELETE FROM ecs_attribute WHERE cluster = ? AND target_id = ?", (cluster, target_id))
