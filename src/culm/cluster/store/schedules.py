"""EventBridge Scheduler's groups and schedules, when each fires next, and the firings that are still to be started."""

from collections.abc import Mapping, Sequence
from sqlite3 import Connection

import msgspec

from culm.core.model.schedules import Firing, Schedule

_decoder = msgspec.json.Decoder(Schedule)


def save(db: Connection, schedule: Schedule, next_at: float | None) -> None:
    """Write a schedule, and when it fires next (epoch seconds; None: never again)."""
    db.execute(
        "INSERT INTO schedule (group_name, name, next_at, body) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " next_at = excluded.next_at, body = excluded.body",
        (schedule.group_name, schedule.name, next_at, msgspec.json.encode(schedule).decode()),
    )


def set_next(db: Connection, schedule: Schedule, next_at: float | None) -> None:
    db.execute(
        "UPDATE schedule SET next_at = ? WHERE group_name = ? AND name = ?",
        (next_at, schedule.group_name, schedule.name),
    )


def find(db: Connection, group: str, name: str) -> Schedule | None:
    row = db.execute("SELECT body FROM schedule WHERE group_name = ? AND name = ?", (group, name)).fetchone()
    return _decoder.decode(row[0]) if row else None


def every(db: Connection) -> Sequence[Schedule]:
    """Return every schedule, by group and name."""
    return [_decoder.decode(row[0]) for row in db.execute("SELECT body FROM schedule ORDER BY group_name, name")]


def delete(db: Connection, group: str, name: str) -> bool:
    """Delete a schedule; return whether it was there."""
    return db.execute("DELETE FROM schedule WHERE group_name = ? AND name = ?", (group, name)).rowcount > 0


def due(db: Connection, now: float) -> Sequence[tuple[str, str, float]]:
    """Return group and name of schedules whose time has come, with that time.

    This reads no row that might be damaged.
    """
    rows = db.execute("SELECT group_name, name, next_at FROM schedule WHERE next_at <= ? ORDER BY next_at", (now,))
    return [(row[0], row[1], row[2]) for row in rows.fetchall()]


def soonest(db: Connection) -> float | None:
    """Return when there is something to do next; None where there is nothing."""
    row = db.execute(
        "SELECT min(at) FROM (SELECT next_at AS at FROM schedule UNION ALL SELECT try_at FROM schedule_firing)"
    ).fetchone()
    return row[0] if row else None


def add_firing(db: Connection, schedule: Schedule, firing: Firing) -> None:
    """Save a firing; the same moment counts once."""
    db.execute(
        "INSERT OR IGNORE INTO schedule_firing VALUES (?, ?, ?, ?, ?)",
        (schedule.group_name, schedule.name, firing.scheduled_at, firing.attempts, firing.try_at),
    )


def put_off(db: Connection, schedule: Schedule, firing: Firing) -> None:
    """Note that a firing has failed, how often, and when it is tried again."""
    db.execute(
        "UPDATE schedule_firing SET attempts = ?, try_at = ? WHERE group_name = ? AND name = ? AND scheduled_at = ?",
        (firing.attempts, firing.try_at, schedule.group_name, schedule.name, firing.scheduled_at),
    )


def end_firing(db: Connection, schedule: Schedule, firing: Firing) -> None:
    """Delete a firing that has started its task, or that is given up."""
    db.execute(
        "DELETE FROM schedule_firing WHERE group_name = ? AND name = ? AND scheduled_at = ?",
        (schedule.group_name, schedule.name, firing.scheduled_at),
    )


def firings(db: Connection, now: float) -> Sequence[tuple[str, str, Firing]]:
    """Return the firings that are to be tried now, the oldest first, by group and name of their schedules."""
    rows = db.execute(
        "SELECT group_name, name, scheduled_at, attempts, try_at FROM schedule_firing WHERE try_at <= ?"
        " ORDER BY scheduled_at",
        (now,),
    )
    return [(row[0], row[1], Firing(scheduled_at=row[2], attempts=row[3], try_at=row[4])) for row in rows.fetchall()]


def create_group(db: Connection, name: str, now: float) -> bool:
    """Create a group; return False where there is one of that name."""
    return db.execute("INSERT OR IGNORE INTO schedule_group VALUES (?, ?, ?)", (name, now, now)).rowcount > 0


def delete_group(db: Connection, name: str) -> bool:
    """Delete a group with its schedules; return whether it was there."""
    return db.execute("DELETE FROM schedule_group WHERE name = ?", (name,)).rowcount > 0


def groups(db: Connection) -> Sequence[tuple[str, float, float]]:
    """Return the groups' names, and when they were created and changed."""
    rows = db.execute("SELECT name, created_at, modified_at FROM schedule_group ORDER BY name")
    return [(row[0], row[1], row[2]) for row in rows]


def tags(db: Connection, arn: str) -> Mapping[str, str]:
    return {
        row[0]: row[1] for row in db.execute("SELECT key, value FROM schedule_tag WHERE arn = ? ORDER BY key", (arn,))
    }


def tag(db: Connection, arn: str, pairs: Mapping[str, str]) -> None:
    db.executemany("INSERT OR REPLACE INTO schedule_tag VALUES (?, ?, ?)", [(arn, k, v) for k, v in pairs.items()])


def untag(db: Connection, arn: str, keys: Sequence[str]) -> None:
    db.executemany("DELETE FROM schedule_tag WHERE arn = ? AND key = ?", [(arn, key) for key in keys])
