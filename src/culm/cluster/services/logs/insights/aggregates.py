"""The functions of many rows that `stats` has: each is fed values and gives one at the end.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Stats.html
"""

import math
from collections.abc import Callable, Mapping, Sequence

from culm.cluster.services.logs.insights.values import Value, compare, number, text
from culm.core.model.record import record

Summary = Callable[[Sequence[Value]], Value]
"""Of the values of a group that are not missing, newest first."""


@record
class Aggregate:
    summarize: Summary
    numeric: bool = True
    """Whether values that are no numbers are left out."""


def percentile(numbers: Sequence[float], percent: float) -> Value:
    """Return the value that `percent` of the numbers do not exceed, between two of them by proportion."""
    ordered = sorted(numbers)
    at = (len(ordered) - 1) * percent / 100
    low, high = math.floor(at), math.ceil(at)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def _numbers(values: Sequence[Value]) -> list[float]:
    return [each for value in values if (each := number(value)) is not None]


def _deviation(values: Sequence[Value]) -> Value:
    numbers = _numbers(values)
    mean = sum(numbers) / len(numbers)
    return math.sqrt(sum((each - mean) ** 2 for each in numbers) / len(numbers))


def _average(values: Sequence[Value]) -> Value:
    numbers = _numbers(values)
    return sum(numbers) / len(numbers)


def _extreme(wanted: int) -> Summary:
    def summarize(values: Sequence[Value]) -> Value:
        best = values[0]
        for value in values:
            if compare(value, best) == wanted:
                best = value
        return best

    return summarize


AGGREGATES: Mapping[str, Aggregate] = {
    "avg": Aggregate(summarize=_average),
    "sum": Aggregate(summarize=lambda values: sum(_numbers(values))),
    "min": Aggregate(summarize=_extreme(-1), numeric=False),
    "max": Aggregate(summarize=_extreme(1), numeric=False),
    "stddev": Aggregate(summarize=_deviation),
    "median": Aggregate(summarize=lambda values: percentile(_numbers(values), 50)),
    "count": Aggregate(summarize=len, numeric=False),
    "count_distinct": Aggregate(summarize=lambda values: len(set(map(text, values))), numeric=False),
    "latest": Aggregate(summarize=lambda values: values[0], numeric=False),
    "earliest": Aggregate(summarize=lambda values: values[-1], numeric=False),
    "sortsfirst": Aggregate(summarize=lambda values: min(values, key=text), numeric=False),
    "sortslast": Aggregate(summarize=lambda values: max(values, key=text), numeric=False),
}
"""By name in lower case, besides `pct`, which takes a percentage."""
COUNTS = ("count", "count_distinct")
"""What has a result where there is nothing to sum up: zero."""
PERCENTILES = ("pct", "percentile")
