"""Auto scaling groups: how many simulated instances of which type join which ECS cluster."""

import sqlite3
from collections.abc import Mapping
from dataclasses import field
from math import ceil
from typing import Any

import msgspec

from culm.core.model.record import record


@record
class GroupTag:
    key: str
    value: str = ""
    propagate_at_launch: bool = False


@record
class AutoScalingGroup:
    name: str
    created_at: float
    cluster: str
    """The ECS cluster that the user data of its launch template names."""
    instance_type: str
    """Of instances that are started from now on."""
    min_size: int
    max_size: int
    desired: int
    weight: int = 1
    """How many units of the desired capacity one instance is."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What else was given, under the API's names in lower case."""
    tags: tuple[GroupTag, ...] = ()
    protection: Mapping[str, bool] = field(default_factory=dict)
    """By instance id, of those for which it was set: else that of new instances holds."""

    @property
    def instances(self) -> int:
        """How many there shall be."""
        return ceil(self.desired / self.weight)

    def protects(self, ec2_instance_id: str) -> bool:
        """Return whether an instance stays although fewer are desired."""
        return self.protection.get(ec2_instance_id, bool(self.settings.get("new_instances_protected_from_scale_in")))


_decoder = msgspec.json.Decoder(AutoScalingGroup)


def list_all(db: sqlite3.Connection) -> list[AutoScalingGroup]:
    return [_decoder.decode(row["body"]) for row in db.execute("SELECT body FROM autoscaling_group ORDER BY name")]


def find(db: sqlite3.Connection, name: str) -> AutoScalingGroup | None:
    row = db.execute("SELECT body FROM autoscaling_group WHERE name = ?", (name,)).fetchone()
    return _decoder.decode(row["body"]) if row else None


def save(db: sqlite3.Connection, group: AutoScalingGroup) -> None:
    db.execute(
        "INSERT INTO autoscaling_group VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body",
        (group.name, msgspec.json.encode(group).decode()),
    )


def delete(db: sqlite3.Connection, name: str) -> None:
    db.execute("DELETE FROM autoscaling_group WHERE name = ?", (name,))
