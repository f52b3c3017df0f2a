"""Application Auto Scaling's targets, their policies, and what was done."""

from collections.abc import Sequence
from sqlite3 import Connection

import msgspec

from culm.core.model.scaling import ScalableTarget, ScalingActivity, ScalingPolicy

KEPT_ACTIVITIES = 50
"""Of each target."""


def save_target(db: Connection, target: ScalableTarget) -> None:
    db.execute(
        "INSERT INTO scalable_target VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
        (target.resource_id, msgspec.json.encode(target).decode()),
    )


def find_target(db: Connection, resource_id: str) -> ScalableTarget | None:
    row = db.execute("SELECT body FROM scalable_target WHERE resource_id = ?", (resource_id,)).fetchone()
    return msgspec.json.decode(row[0], type=ScalableTarget) if row else None


def resource_ids(db: Connection) -> Sequence[str]:
    """Return the resource ids of all targets, in order; this reads no row that might be damaged."""
    return [row[0] for row in db.execute("SELECT resource_id FROM scalable_target ORDER BY resource_id").fetchall()]


def targets(db: Connection) -> Sequence[ScalableTarget]:
    """Return the targets, by resource."""
    rows = db.execute("SELECT body FROM scalable_target ORDER BY resource_id").fetchall()
    return [msgspec.json.decode(row[0], type=ScalableTarget) for row in rows]


def delete_target(db: Connection, resource_id: str) -> bool:
    """Delete a target with its policies; return whether it was there."""
    return db.execute("DELETE FROM scalable_target WHERE resource_id = ?", (resource_id,)).rowcount > 0


def save_policy(db: Connection, policy: ScalingPolicy) -> None:
    db.execute(
        "INSERT INTO scaling_policy VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
        (policy.resource_id, policy.policy_name, msgspec.json.encode(policy).decode()),
    )


def policies(db: Connection, resource_id: str | None = None) -> Sequence[ScalingPolicy]:
    """Return the policies of one target, or all, by name."""
    rows = db.execute(
        "SELECT body FROM scaling_policy WHERE resource_id = coalesce(?, resource_id) ORDER BY resource_id, name",
        (resource_id,),
    ).fetchall()
    return [msgspec.json.decode(row[0], type=ScalingPolicy) for row in rows]


def delete_policy(db: Connection, resource_id: str, name: str) -> bool:
    """Delete a policy; return whether it was there."""
    where = (resource_id, name)
    return db.execute("DELETE FROM scaling_policy WHERE resource_id = ? AND name = ?", where).rowcount > 0


def add_activity(db: Connection, activity: ScalingActivity) -> None:
    """Add an activity of a service, and delete the oldest beyond those that are kept."""
    db.execute(
        "INSERT INTO scaling_activity (id, resource_id, at, body) VALUES (?, ?, ?, ?)",
        (activity.activity_id, activity.resource_id, activity.at, msgspec.json.encode(activity).decode()),
    )
    db.execute(
        "DELETE FROM scaling_activity WHERE resource_id = :resource AND id NOT IN (SELECT id FROM scaling_activity"
        " WHERE resource_id = :resource ORDER BY at DESC LIMIT :kept)",
        {"resource": activity.resource_id, "kept": KEPT_ACTIVITIES},
    )


def activities(db: Connection, resource_id: str | None) -> Sequence[ScalingActivity]:
    """Return the activities of one resource, or of all; newest first."""
    rows = db.execute(
        "SELECT body FROM scaling_activity WHERE resource_id = coalesce(?, resource_id) ORDER BY at DESC",
        (resource_id,),
    ).fetchall()
    return [msgspec.json.decode(row[0], type=ScalingActivity) for row in rows]
