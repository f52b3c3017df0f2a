"""Metrics: which there are, and points of one's own.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from culm.cluster.store import metrics
from culm.cluster.wire.operations import Call, operation
from culm.core.model.metrics import Metric, Point, rounded, sample
from culm.core.model.record import Stored, record
from culm.errors import AwsError

MOST_DATA = 1000
RECENT = 3 * 3600
OLDEST = 14 * 24 * 3600
AHEAD = 2 * 3600


@record
class Dimension:
    name: str
    value: str


@record
class StatisticSet:
    sample_count: float
    sum: float
    minimum: float
    maximum: float


@record
class MetricDatum:
    metric_name: str
    dimensions: tuple[Dimension, ...] = ()
    timestamp: float | None = None
    value: float | None = None
    statistic_values: StatisticSet | None = None
    values: tuple[float, ...] = ()
    counts: tuple[float, ...] = ()
    unit: str = "None"
    storage_resolution: Stored[int | None] = None


@record
class PutMetricDataInput:
    namespace: str
    metric_data: tuple[MetricDatum, ...] = ()
    strict_entity_validation: Stored[bool] = False


def invalid(message: str, code: str = "InvalidParameterValue") -> AwsError:
    """Return an error of CloudWatch's with this message."""
    return AwsError(code, message)


def about(namespace: str, name: str, dimensions: Sequence[Dimension]) -> Metric:
    """Return the metric of this name; its dimensions are in the order of their names, whatever order they came in."""
    pairs = sorted((each.name, each.value) for each in dimensions)
    return Metric(namespace=namespace, metric_name=name, dimensions=tuple(pairs))


@operation("cloudwatch", "PutMetricData")
def put_metric_data(call: Call, req: PutMetricDataInput) -> None:
    """Keep samples.

    Raises InvalidParameterValue for AWS's own namespaces and for too many samples at once, MissingParameter for none.
    """
    if req.namespace.startswith("AWS/"):
        raise invalid("The value AWS/ for parameter Namespace is invalid.")
    if not req.metric_data:
        raise invalid("The parameter MetricData is required.", "MissingParameter")
    if len(req.metric_data) > MOST_DATA:
        raise invalid(f"The collection MetricData must not have a size greater than {MOST_DATA}.")
    for index, datum in enumerate(req.metric_data, start=1):
        where = f"MetricData.member.{index}"
        metrics.add(
            call.db,
            [
                (about(req.namespace, datum.metric_name, datum.dimensions), point)
                for point in _points(datum, where, call.now)
            ],
        )


def _points(datum: MetricDatum, where: str, now: float) -> Iterator[Point]:
    at = now if datum.timestamp is None else datum.timestamp
    if not now - OLDEST <= at <= now + AHEAD:
        raise invalid(
            f"The parameter {where}.Timestamp must specify a time no more than two weeks in the past "
            "or two hours in the future."
        )
    given = [datum.value is not None, datum.statistic_values is not None, bool(datum.values)]
    if sum(given) != 1:
        raise invalid(
            f"Exactly one of {where}.Value, {where}.StatisticValues and {where}.Values must be given.",
            "InvalidParameterCombination",
        )
    if datum.value is not None:
        yield replace(sample(at, datum.value, datum.unit), values={rounded(datum.value): 1.0})
    elif (given_set := datum.statistic_values) is not None:
        yield Point(
            at=at,
            samples=given_set.sample_count,
            sum=given_set.sum,
            minimum=given_set.minimum,
            maximum=given_set.maximum,
            unit=datum.unit,
        )
    else:
        counts = datum.counts or (1.0,) * len(datum.values)
        if len(counts) != len(datum.values):
            raise invalid(
                f"The parameters {where}.Values and {where}.Counts must be of the same length.",
                "InvalidParameterCombination",
            )
        for value, count in zip(datum.values, counts, strict=True):
            yield Point(
                at=at,
                samples=count,
                sum=value * count,
                minimum=value,
                maximum=value,
                unit=datum.unit,
                values={rounded(value): count},
            )


@record
class DimensionFilter:
    name: str
    value: str | None = None


@record
class ListMetricsInput:
    namespace: str | None = None
    metric_name: str | None = None
    dimensions: tuple[DimensionFilter, ...] = ()
    recently_active: Literal["PT3H"] | None = None
    include_linked_accounts: Stored[bool] = False


@operation("cloudwatch", "ListMetrics")
def list_metrics(call: Call, req: ListMetricsInput) -> dict[str, Any]:
    """Return metrics.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
    """
    since = call.now - RECENT if req.recently_active else 0.0
    matching = metrics.matching(call.db, namespace=req.namespace, name=req.metric_name, since=since)
    return {"metrics": [described(metric) for metric in matching if _has(metric, req.dimensions)]}


def _has(metric: Metric, wanted: Sequence[DimensionFilter]) -> bool:
    have = dict(metric.dimensions)
    return all(each.name in have and each.value in (None, have[each.name]) for each in wanted)


def described(metric: Metric) -> dict[str, Any]:
    return {
        "namespace": metric.namespace,
        "metric_name": metric.metric_name,
        "dimensions": [{"name": name, "value": value} for name, value in metric.dimensions],
    }
