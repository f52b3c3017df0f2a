"""Looks at every alarm's metric, and writes down what has changed."""

from sqlite3 import Connection

from culm.cluster.store import alarms, metrics
from culm.core.decide.alarms import evaluated, span

EVERY_SECONDS = 10.0


def look(db: Connection, now: float) -> int:
    """How many alarms changed their state."""
    changed = 0
    for alarm in alarms.list(db):
        after = evaluated(alarm, metrics.find(db, alarm.metric, *span(alarm, now)), now)
        if after is not alarm:
            alarms.save(db, after)
            changed += 1
    return changed
