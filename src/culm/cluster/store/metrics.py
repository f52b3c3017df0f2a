"""CloudWatch's metrics: points of one minute, made coarser as they age, and a day of finer ones; all bounded."""

from collections.abc import Iterable, Sequence
from sqlite3 import Connection

import msgspec

from culm.core.model.metrics import MINUTE, Metric, Point

HOUR = 3600
DAY = 24 * HOUR
FINE_SECONDS = 10
"""What the finer points are of. They are asked for with a period below a minute."""
FINE = DAY
"""How long points of a minute and finer ones are kept; the former are then merged into points of COARSE seconds.

CloudWatch does the same, later: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""
COARSE = 5 * MINUTE
KEPT = 31 * DAY
MOST_METRICS = 5000
"""The ones that were silent longest go first."""
MOST_POINTS = 1_000_000
"""Of each table: about 60 MB, a hundred metrics for a month. The oldest go first."""
TABLES = ("metric_point", "metric_value")
FINE_TABLES = ("metric_fine_point", "metric_fine_value")
ADD = """
INSERT INTO {} VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    samples = samples + excluded.samples, sum = sum + excluded.sum,
    minimum = min(minimum, excluded.minimum), maximum = max(maximum, excluded.maximum)
"""
ADD_VALUE = "INSERT INTO {} VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET samples = samples + excluded.samples"


def add(db: Connection, points: Iterable[tuple[Metric, Point]]) -> None:
    """Add each point to the minute and to the ten seconds that it is in."""
    for (about, unit, _), point in together(points).items():
        [key] = db.execute(
            "INSERT INTO metric (namespace, name, dimensions, unit, last_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at) RETURNING id",
            (about.namespace, about.metric_name, _text(about.dimensions), unit, point.at),
        ).fetchone()
        for (points_table, values_table), seconds in ((TABLES, MINUTE), (FINE_TABLES, FINE_SECONDS)):
            at = int(point.at) // seconds * seconds
            db.execute(ADD.format(points_table), (key, at, point.samples, point.sum, point.minimum, point.maximum))
            values = [(key, at, value, samples) for value, samples in point.values.items()]
            db.executemany(ADD_VALUE.format(values_table), values)


def together(points: Iterable[tuple[Metric, Point]]) -> dict[tuple[Metric, str, int], Point]:
    """Return the points summed up by metric, unit and ten seconds, each at the time of its latest.

    The tasks of a service on one instance tell of the service together: it is written once.
    """
    periods: dict[tuple[Metric, str, int], Point] = {}
    for about, point in points:
        key = (about, point.unit, int(point.at) // FINE_SECONDS)
        before = periods.get(key)
        periods[key] = point if before is None else _sum(before, point)
    return periods


def _sum(point: Point, other: Point) -> Point:
    values = dict(point.values)
    for value, samples in other.values.items():
        values[value] = values.get(value, 0.0) + samples
    return Point(
        at=max(point.at, other.at),
        samples=point.samples + other.samples,
        sum=point.sum + other.sum,
        minimum=min(point.minimum, other.minimum),
        maximum=max(point.maximum, other.maximum),
        unit=point.unit,
        values=values,
    )


def find(db: Connection, about: Metric, start: float, end: float, *, fine: bool = False) -> Sequence[Point]:
    """Return those whose period begins at `start` or later and before `end`, oldest first; in every unit.

    `fine`: those of ten seconds each.
    """
    points_table, values_table = FINE_TABLES if fine else TABLES
    asked = (about.namespace, about.metric_name, _text(about.dimensions), start, end)
    values: dict[tuple[int, int], dict[float, float]] = {}
    for key, at, value, samples in db.execute(
        f"SELECT id, at, value, samples FROM metric JOIN {values_table} ON metric_id = id"
        " WHERE namespace = ? AND name = ? AND dimensions = ? AND at >= ? AND at < ?",
        asked,
    ):
        values.setdefault((key, at), {})[value] = samples
    rows = db.execute(
        f"SELECT id, at, samples, sum, minimum, maximum, unit FROM metric JOIN {points_table} ON metric_id = id"
        " WHERE namespace = ? AND name = ? AND dimensions = ? AND at >= ? AND at < ? ORDER BY at",
        asked,
    )
    return [
        Point(
            at=row["at"],
            samples=row["samples"],
            sum=row["sum"],
            minimum=row["minimum"],
            maximum=row["maximum"],
            unit=row["unit"],
            values=values.get((row["id"], row["at"]), {}),
        )
        for row in rows
    ]


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
    before = _count(db, TABLES[0]) + _count(db, FINE_TABLES[0])
    _forget(db, TABLES, now - KEPT)
    _forget(db, FINE_TABLES, now - FINE)
    old = int(now - FINE) // COARSE * COARSE
    span = {"p": COARSE, "old": old}
    merged = db.execute(
        "SELECT metric_id, at / :p * :p, sum(samples), sum(sum), min(minimum), max(maximum) FROM metric_point"
        " WHERE at < :old AND at % :p GROUP BY 1, 2",
        span,
    ).fetchall()
    values = db.execute(
        "SELECT metric_id, at / :p * :p, value, sum(samples) FROM metric_value"
        " WHERE at < :old AND at % :p GROUP BY 1, 2, 3",
        span,
    ).fetchall()
    for table in TABLES:
        db.execute(f"DELETE FROM {table} WHERE at < :old AND at % :p", span)
    db.executemany(ADD.format(TABLES[0]), merged)
    db.executemany(ADD_VALUE.format(TABLES[1]), values)
    db.execute("DELETE FROM metric WHERE last_at < ?", (now - KEPT,))
    db.execute(
        "DELETE FROM metric WHERE id IN (SELECT id FROM metric ORDER BY last_at DESC LIMIT -1 OFFSET ?)",
        (MOST_METRICS,),
    )
    for pair in (TABLES, FINE_TABLES):
        for table in pair:
            if _count(db, table) > MOST_POINTS:
                [first] = db.execute(f"SELECT at FROM {table} ORDER BY at DESC LIMIT 1 OFFSET ?", (MOST_POINTS,))
                _forget(db, pair, first["at"] + 1)
    return before - _count(db, TABLES[0]) - _count(db, FINE_TABLES[0])


def _count(db: Connection, table: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _forget(db: Connection, tables: Iterable[str], before: float) -> None:
    for table in tables:
        db.execute(f"DELETE FROM {table} WHERE at < ?", (before,))


def _text(dimensions: tuple[tuple[str, str], ...]) -> str:
    return msgspec.json.encode(dimensions).decode()
