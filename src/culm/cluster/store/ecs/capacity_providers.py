"""Capacity providers: names for the fixed fleet that people's strategies may refer to."""

from collections.abc import Mapping, Sequence
from sqlite3 import Connection
from typing import Any

import msgspec

from culm.core.model.record import record


@record
class CapacityProvider:
    name: str
    auto_scaling_group_provider: Mapping[str, Any]
    updated: bool = False
    """Whether it was ever changed: an update is done as soon as it is asked for."""


_decoder = msgspec.json.Decoder(CapacityProvider)


def find(db: Connection, name: str) -> CapacityProvider | None:
    row = db.execute("SELECT body FROM ecs_capacity_provider WHERE name = ?", (name,)).fetchone()
    return _decoder.decode(row[0]) if row else None


def list_all(db: Connection) -> Sequence[CapacityProvider]:
    return [_decoder.decode(row[0]) for row in db.execute("SELECT body FROM ecs_capacity_provider ORDER BY name")]


def save(db: Connection, provider: CapacityProvider) -> None:
    db.execute(
        "INSERT INTO ecs_capacity_provider VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body",
        (provider.name, msgspec.json.encode(provider).decode()),
    )


def delete(db: Connection, name: str) -> None:
    db.execute("DELETE FROM ecs_capacity_provider WHERE name = ?", (name,))
