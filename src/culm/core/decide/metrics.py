"""Statistics of metrics: gather points into periods, and compute a statistic of each.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

import re
from collections import Counter
from collections.abc import Sequence

from culm.core.model.metrics import Point

SIMPLE = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_PERCENTILE = re.compile(r"p(100|[1-9]?\d)(\.\d+)?")


def gather(points: Sequence[Point], period: int, unit: str | None = None) -> list[Point]:
    """Return one point for each period of `period` seconds that has data, oldest first.

    Periods begin at multiples of their length. Without a `unit` all are taken, and named after the last.
    """
    periods: dict[float, Point] = {}
    for point in points:
        if unit is not None and point.unit != unit:
            continue
        at = float(point.at // period * period)
        before = periods.get(at)
        periods[at] = Point(
            at=at,
            samples=point.samples + (before.samples if before else 0.0),
            sum=point.sum + (before.sum if before else 0.0),
            minimum=min(point.minimum, before.minimum if before else point.minimum),
            maximum=max(point.maximum, before.maximum if before else point.maximum),
            unit=point.unit,
            values=dict(Counter(point.values) + Counter(before.values if before else {})),
        )
    return [periods[at] for at in sorted(periods)]


def is_statistic(name: str) -> bool:
    return name in SIMPLE or _PERCENTILE.fullmatch(name) is not None


def statistic(point: Point, name: str) -> float | None:
    """Return the statistic, or None where it cannot be known: percentiles need all values, unless all are the same.

    "...the SampleCount value of the statistic set is 1 [or] the Min and the Max values of the statistic set are equal"
    """
    match name:
        case "SampleCount":
            return point.samples
        case "Sum":
            return point.sum
        case "Average":
            return point.sum / point.samples if point.samples else None
        case "Minimum":
            return point.minimum
        case "Maximum":
            return point.maximum
        case _ if point.minimum == point.maximum or point.samples == 1:
            return point.maximum
        case _:
            return _percentile(point, float(name.removeprefix("p")))


def _percentile(point: Point, percent: float) -> float | None:
    """Return the least value that so many per cent of the samples do not exceed; None unless all values are known."""
    if sum(point.values.values()) < point.samples:
        return None
    wanted, below = point.samples * percent / 100, 0.0
    for value in sorted(point.values):
        below += point.values[value]
        if below >= wanted:
            return min(max(value, point.minimum), point.maximum)
    return point.maximum
