"""CloudWatch's metrics: points of one minute, made coarser as they age, so that what is kept stays small."""

from collections.abc import Iterable, Sequence
from sqlite3 import Connection

import msgspec

from culm.core.model.metrics import MINUTE, Metric, Point

HOUR = 3600
DAY = 24 * HOUR
COARSER = ((3 * HOUR, 5 * MINUTE), (3 * DAY, HOUR))
"""Points older than the first are merged into points of the second, seconds.

CloudWatch does the same, later: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""
KEPT = 15 * DAY
MOST_METRICS = 5000
"""The ones that were silent longest go first."""
ADD = """
INSERT INTO metric_point VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    samples = samples + excluded.samples, sum = sum + excluded.sum,
    minimum = min(minimum, excluded.minimum), maximum = max(maximum, excluded.maximum)
"""


def add(db: Connection, points: Iterable[tuple[Metric, Point]]) -> None:
    """Add each point to the minute that it is in."""
    for about, point in points:
        [key] = db.execute(
            "INSERT INTO metric (namespace, name, dimensions, unit, last_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at) RETURNING id",
            (about.namespace, about.metric_name, _text(about.dimensions), point.unit, point.at),
        ).fetchone()
        minute = int(point.at) // MINUTE * MINUTE
        db.execute(ADD, (key, minute, point.samples, point.sum, point.minimum, point.maximum))


def find(db: Connection, about: Metric, start: float, end: float) -> Sequence[Point]:
    """Return those whose period begins at `start` or later and before `end`, oldest first; in every unit."""
    rows = db.execute(
        "SELECT at, samples, sum, minimum, maximum, unit FROM metric JOIN metric_point ON metric_id = id"
        " WHERE namespace = ? AND name = ? AND dimensions = ? AND at >= ? AND at < ? ORDER BY at",
        (about.namespace, about.metric_name, _text(about.dimensions), start, end),
    )
    return [Point(**dict(row)) for row in rows]


def matching(db: Connection, *, namespace: str | None, name: str | None, since: float) -> Sequence[Metric]:
    """Return metrics in the order of their names; `since` is when they must have been seen last."""
    rows = db.execute(
        "SELECT DISTINCT namespace, name, dimensions FROM metric"
        " WHERE namespace = coalesce(?, namespace) AND name = coalesce(?, name) AND last_at >= ?"
        " ORDER BY namespace, name, dimensions",
        (namespace, name, since),
    )
    return [
        Metric(
            namespace=space, metric_name=name, dimensions=msgspec.json.decode(text, type=tuple[tuple[str, str], ...])
        )
        for space, name, text in rows
    ]


def age(db: Connection, now: float) -> int:
    """Merge and delete old points; returns the number of rows removed. `now` is in epoch seconds."""
    before = db.execute("SELECT count(*) FROM metric_point").fetchone()[0]
    db.execute("DELETE FROM metric_point WHERE at < ?", (now - KEPT,))
    for older, period in COARSER:
        old = int(now - older) // period * period
        merged = db.execute(
            "SELECT metric_id, at / :p * :p, sum(samples), sum(sum), min(minimum), max(maximum) FROM metric_point"
            " WHERE at < :old AND at % :p GROUP BY 1, 2",
            {"p": period, "old": old},
        ).fetchall()
        db.execute("DELETE FROM metric_point WHERE at < ? AND at % ?", (old, period))
        db.executemany(ADD, merged)
    db.execute("DELETE FROM metric WHERE last_at < ?", (now - KEPT,))
    db.execute(
        "DELETE FROM metric WHERE id IN (SELECT id FROM metric ORDER BY last_at DESC LIMIT -1 OFFSET ?)",
        (MOST_METRICS,),
    )
    return int(before - db.execute("SELECT count(*) FROM metric_point").fetchone()[0])


def _text(dimensions: tuple[tuple[str, str], ...]) -> str:
    return msgspec.json.encode(dimensions).decode()
