"""What metrics say of a span of time.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
"""

from typing import Any, Literal

from culm.cluster.services.cloudwatch.metrics import Dimension, about, invalid
from culm.cluster.store import metrics
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.metrics import SIMPLE, gather, is_statistic, statistic
from culm.core.model.metrics import MINUTE, Point
from culm.core.model.record import Stored, record

MOST_QUERIES = 500
MOST_DATAPOINTS = 100_800
MOST_OF_STATISTICS = 1440


@record
class MetricInput:
    namespace: str = ""
    metric_name: str = ""
    dimensions: tuple[Dimension, ...] = ()


@record
class MetricStat:
    metric: MetricInput
    period: int
    """Seconds."""
    stat: str
    unit: str | None = None


@record
class MetricDataQuery:
    id: str
    metric_stat: MetricStat | None = None
    label: str | None = None
    return_data: bool = True


@record
class GetMetricDataInput:
    metric_data_queries: tuple[MetricDataQuery, ...]
    start_time: float
    end_time: float
    scan_by: Literal["TimestampDescending", "TimestampAscending"] = "TimestampDescending"
    max_datapoints: int = MOST_DATAPOINTS
    next_token: str | None = None
    """How many points were given before: the pages are of points, not of results."""
    label_options: Stored[dict[str, Any] | None] = None


@operation("cloudwatch", "GetMetricData")
def get_metric_data(call: Call, req: GetMetricDataInput) -> dict[str, Any]:
    """Return the points that several queries ask for, a page at a time.

    Raises ValidationError for an empty span, too many queries or ids that repeat, and InvalidNextToken for a token that
    was not given out here.
    """
    if req.start_time >= req.end_time:
        raise invalid("The parameter StartTime must be less than the parameter EndTime.", "ValidationError")
    if len(req.metric_data_queries) > MOST_QUERIES:
        raise invalid(
            f"The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}.", "ValidationError"
        )
    ids = [query.id for query in req.metric_data_queries]
    if len(set(ids)) < len(ids):
        raise invalid("The values for parameter id in MetricDataQueries are not unique.", "ValidationError")
    if req.next_token is not None and not req.next_token.isdecimal():
        raise invalid("The NextToken is not one that GetMetricData gave out.", "InvalidNextToken")
    skip = int(req.next_token or 0)
    room = req.max_datapoints
    results = []
    more = False
    for query in req.metric_data_queries:
        if not query.return_data:
            continue
        points = _values(call, req, query)
        skipped = min(skip, len(points))
        shown = points[skipped : skipped + room]
        skip, room = skip - skipped, room - len(shown)
        cut = skipped + len(shown) < len(points)
        more = more or cut
        results.append(
            {
                "id": query.id,
                "label": query.label or (query.metric_stat.metric.metric_name if query.metric_stat else query.id),
                "timestamps": [at for at, _ in shown],
                "values": [value for _, value in shown],
                "status_code": "PartialData" if cut else "Complete",
            }
        )
    token = str(int(req.next_token or 0) + req.max_datapoints) if more else None
    return {"metric_data_results": results, "messages": [], "next_token": token}


def _values(call: Call, req: GetMetricDataInput, query: MetricDataQuery) -> list[tuple[float, float]]:
    asked = query.metric_stat
    if asked is None:
        raise invalid("culm does not support MetricDataQueries without MetricStat", "ValidationError")
    _check_period(asked.period, "ValidationError")
    if not is_statistic(asked.stat):
        raise invalid(
            f"The value {asked.stat} for parameter MetricDataQueries.member.MetricStat.Stat is not supported.",
            "ValidationError",
        )
    points = _points(call, asked.metric, _span(req, asked.period), asked.unit)
    values = [(point.at, value) for point in points if (value := statistic(point, asked.stat)) is not None]
    return values if req.scan_by == "TimestampAscending" else values[::-1]


@record
class GetMetricStatisticsInput:
    namespace: str
    metric_name: str
    start_time: float
    end_time: float
    period: int
    dimensions: tuple[Dimension, ...] = ()
    statistics: tuple[str, ...] = ()
    extended_statistics: tuple[str, ...] = ()
    unit: str | None = None


@operation("cloudwatch", "GetMetricStatistics")
def get_metric_statistics(call: Call, req: GetMetricStatisticsInput) -> dict[str, Any]:
    """Return the points of one metric, by period.

    Raises InvalidParameterCombination without a statistic, for an empty span and for more than 1,440 points, and
    InvalidParameterValue for an unknown statistic.
    """
    wrong = "InvalidParameterCombination"
    if not req.statistics and not req.extended_statistics:
        raise invalid("At least one of the parameters Statistics and ExtendedStatistics must be specified.", wrong)
    if req.start_time >= req.end_time:
        raise invalid("The parameter StartTime must be less than the parameter EndTime.", wrong)
    _check_period(req.period, "InvalidParameterValue")
    for name in req.extended_statistics:
        if name in SIMPLE or not is_statistic(name):
            raise invalid(f"The value {name} for parameter ExtendedStatistics is not supported.")
    many = int((req.end_time - req.start_time) / req.period)
    if many > MOST_OF_STATISTICS:
        raise invalid(
            f"You have requested up to {many} datapoints, which exceeds the limit of 1,440. You may reduce the "
            "datapoints requested by increasing Period, or decreasing the time range.",
            wrong,
        )
    asked = MetricInput(namespace=req.namespace, metric_name=req.metric_name, dimensions=req.dimensions)
    points = _points(call, asked, _span(req, req.period), req.unit)
    return {"label": req.metric_name, "datapoints": [_datapoint(point, req) for point in points]}


def _datapoint(point: Point, req: GetMetricStatisticsInput) -> dict[str, Any]:
    members = {"SampleCount": "sample_count", **{name: name.lower() for name in SIMPLE[1:]}}
    extended = {name: value for name in req.extended_statistics if (value := statistic(point, name)) is not None}
    return {
        "timestamp": point.at,
        "unit": point.unit,
        **{members[name]: statistic(point, name) for name in req.statistics},
        "extended_statistics": extended or None,
    }


@record
class _Span:
    """Epoch seconds, cut into periods of so many seconds."""

    start: float
    end: float
    period: int


def _span(req: GetMetricDataInput | GetMetricStatisticsInput, period: int) -> _Span:
    """Return the time that is asked for, in whole periods: one that it begins within is all in it."""
    return _Span(start=req.start_time // period * period, end=req.end_time, period=period)


def _points(call: Call, asked: MetricInput, span: _Span, unit: str | None) -> list[Point]:
    metric = about(asked.namespace, asked.metric_name, asked.dimensions)
    fine = span.period < MINUTE
    return gather(metrics.find(call.db, metric, span.start, span.end, fine=fine), span.period, unit)


def _check_period(period: int, code: str) -> None:
    if period not in (1, 5, 10, 20, 30) and (period <= 0 or period % MINUTE):
        raise invalid("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.", code)
