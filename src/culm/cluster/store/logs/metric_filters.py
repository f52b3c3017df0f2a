"""Metric filters of log groups."""

import sqlite3

import msgspec

from culm.core.model.logs import MetricFilter

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(MetricFilter).decode


def of_group(db: sqlite3.Connection, group_id: int) -> tuple[MetricFilter, ...]:
    """Return a group's filters in the order of their names."""
    rows = db.execute("SELECT body FROM log_metric_filter WHERE group_id = ? ORDER BY name", (group_id,))
    return tuple(_decode(row["body"]) for row in rows)


def list_all(db: sqlite3.Connection) -> tuple[tuple[str, MetricFilter], ...]:
    """Return (name of the group, filter) pairs, sorted."""
    rows = db.execute(
        "SELECT g.name AS log_group, f.body AS body FROM log_metric_filter AS f JOIN log_group AS g"
        " ON g.id = f.group_id ORDER BY g.name, f.name"
    )
    return tuple((row["log_group"], _decode(row["body"])) for row in rows)


def counts(db: sqlite3.Connection) -> dict[int, int]:
    """Return how many filters groups have, by the group's id; groups without one are left out."""
    return dict(db.execute("SELECT group_id, count(*) FROM log_metric_filter GROUP BY group_id").fetchall())


def save(db: sqlite3.Connection, group_id: int, metric_filter: MetricFilter) -> None:
    """Add a filter, or replace the one of its name."""
    db.execute(
        "INSERT OR REPLACE INTO log_metric_filter (group_id, name, created_ms, body) VALUES (?, ?, ?, ?)",
        (group_id, metric_filter.filter_name, metric_filter.creation_time, _encode(metric_filter).decode()),
    )


def delete(db: sqlite3.Connection, group_id: int, name: str) -> bool:
    """Remove a filter; false if there is none of this name."""
    gone = db.execute("DELETE FROM log_metric_filter WHERE group_id = ? AND name = ?", (group_id, name))
    return gone.rowcount > 0
