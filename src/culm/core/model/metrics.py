"""Values of CloudWatch metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""

import math
from collections.abc import Mapping
from dataclasses import field

from culm.core.model.record import record

MINUTE = 60


@record
class Metric:
    """The identity of a series of points: namespace, name, dimensions."""

    namespace: str
    """`AWS/ECS`."""
    metric_name: str
    dimensions: tuple[tuple[str, str], ...] = ()
    """(Name, value) pairs, sorted: their order says nothing."""


@record
class Point:
    """The samples of a metric within one period, summed up."""

    at: float
    """The period's beginning, epoch seconds."""
    samples: float
    sum: float
    minimum: float
    maximum: float
    unit: str = "None"
    values: Mapping[float, float] = field(default_factory=dict)
    """How many samples there were of each value; empty: it is not known, so neither are percentiles."""


PRECISION = 1.05
"""Values that are kept for percentiles are rounded to powers of it, so that a period has a few of them."""


def rounded(value: float) -> float:
    """Return the value as it is kept for percentiles: at most 2.5 % off."""
    if value == 0:
        return 0.0
    return float(f"{math.copysign(PRECISION ** round(math.log(abs(value), PRECISION)), value):.6g}")


def metric(namespace: str, name: str, **dimensions: str) -> Metric:
    """Return the metric with its dimensions in their order, so that equal ones are equal."""
    return Metric(namespace=namespace, metric_name=name, dimensions=tuple(sorted(dimensions.items())))


def sample(at: float, value: float, unit: str = "None") -> Point:
    """Return the point of a single value."""
    return Point(at=at, samples=1, sum=value, minimum=value, maximum=value, unit=unit)
