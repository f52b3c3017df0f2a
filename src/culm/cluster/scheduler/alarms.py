"""Looks at every alarm's metric, and writes down what has changed."""

from sqlite3 import Connection

from culm.cluster.loop import Isolated
from culm.cluster.store import alarms, metrics
from culm.cluster.store.db import savepoint
from culm.core.decide.alarms import evaluated, span

EVERY_SECONDS = 10.0

_isolated = Isolated("alarm")


def look(db: Connection, now: float, isolated: Isolated = _isolated) -> int:
    """Evaluate every alarm; returns how many changed their state."""
    changed = 0
    for name in alarms.names(db):
        with isolated.item(name), savepoint(db):
            alarm = alarms.find(db, name)
            after = alarm and evaluated(alarm, metrics.find(db, alarm.metric, *span(alarm, now)), now)
            if after is not None and after is not alarm:
                alarms.save(db, after)
                changed += 1
    return changed
