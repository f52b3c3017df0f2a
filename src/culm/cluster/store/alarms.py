"""CloudWatch's alarms."""

from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Connection

import msgspec

from culm.core.model.alarms import Alarm

_decoder = msgspec.json.Decoder(Alarm)


def save(db: Connection, alarm: Alarm) -> None:
    db.execute(
        "INSERT INTO cloudwatch_alarm VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " state = excluded.state, state_updated_at = excluded.state_updated_at, body = excluded.body",
        (alarm.alarm_name, alarm.state_value, alarm.state_updated_at, msgspec.json.encode(alarm).decode()),
    )


def find(db: Connection, name: str) -> Alarm | None:
    row = db.execute("SELECT body FROM cloudwatch_alarm WHERE name = ?", (name,)).fetchone()
    return _decoder.decode(row[0]) if row else None


def list_all(db: Connection) -> Sequence[Alarm]:
    """Return all alarms by name."""
    return [_decoder.decode(row[0]) for row in db.execute("SELECT body FROM cloudwatch_alarm ORDER BY name")]


def names(db: Connection) -> Sequence[str]:
    """Return the alarms' names, in order."""
    return [row[0] for row in db.execute("SELECT name FROM cloudwatch_alarm ORDER BY name")]


def delete(db: Connection, name: str) -> None:
    db.execute("DELETE FROM cloudwatch_alarm WHERE name = ?", (name,))


def going_off(db: Connection, names: Iterable[str]) -> Mapping[str, float]:
    """Return since when those of these alarms are in ALARM that are."""
    rows = db.execute(
        "SELECT name, state_updated_at FROM cloudwatch_alarm WHERE state = 'ALARM'"
        " AND name IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode([*names]).decode(),),
    )
    return dict(rows.fetchall())
