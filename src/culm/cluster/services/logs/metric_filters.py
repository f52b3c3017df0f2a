"""Metric filters: rules that count what is put into a log group.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html
"""

from dataclasses import asdict
from typing import Any

from culm.cluster.services.logs import json_patterns, patterns
from culm.cluster.services.logs.groups import existing
from culm.cluster.store.logs import metric_filters
from culm.cluster.wire.operations import Call, operation
from culm.core.model.logs import MetricFilter, MetricTransformation
from culm.core.model.record import Stored, record
from culm.errors import AwsError

_MOST_FILTERS = 100
_MOST_DIMENSIONS = 3


@record
class PutMetricFilterInput:
    log_group_name: str
    filter_name: str
    filter_pattern: str
    metric_transformations: tuple[MetricTransformation, ...]
    apply_on_transformed_logs: Stored[bool] = False
    """There are no transformers: events are always as they were put."""


@operation("logs", "PutMetricFilter")
def put_metric_filter(call: Call, req: PutMetricFilterInput) -> None:
    """Save a filter that counts a group's events from now on.

    Raises InvalidParameterException for its pattern or its values, and LimitExceededException for one too many.
    """
    compiled(req.filter_pattern)
    for transformation in req.metric_transformations:
        _check_transformation(transformation)
    group = existing(call.db, req.log_group_name)
    others = [each for each in metric_filters.of_group(call.db, group.id) if each.filter_name != req.filter_name]
    if len(others) >= _MOST_FILTERS:
        raise AwsError("LimitExceededException", "Resource limit exceeded.")
    metric_filters.save(
        call.db,
        group.id,
        MetricFilter(
            filter_name=req.filter_name,
            filter_pattern=req.filter_pattern,
            metric_transformations=req.metric_transformations,
            creation_time=int(call.now * 1000),
            apply_on_transformed_logs=req.apply_on_transformed_logs,
        ),
    )


def compiled(pattern: str) -> patterns.Matches:
    """Return what says whether a message matches. Raises InvalidParameterException."""
    try:
        return patterns.compile(pattern)
    except patterns.InvalidPattern as wrong:
        raise AwsError("InvalidParameterException", f"Invalid filter pattern: {wrong}") from None


def _check_transformation(transformation: MetricTransformation) -> None:
    value = transformation.metric_value
    if not value.startswith("$") and json_patterns.number_in(value) is None:
        raise _invalid(f"metricValue must be a number or a selector such as $size or $.size, not '{value}'")
    dimensions = transformation.dimensions or {}
    if dimensions and transformation.default_value is not None:
        raise _invalid("dimensions and default value are mutually exclusive properties.")
    if len(dimensions) > _MOST_DIMENSIONS:
        raise _invalid(f"there are more than {_MOST_DIMENSIONS} dimensions.")
    for name, selector in dimensions.items():
        if not selector.startswith("$"):
            raise _invalid(f"the dimension {name} must be a selector such as $ip or $.ip, not '{selector}'")


def _invalid(what: str) -> AwsError:
    return AwsError("InvalidParameterException", f"Invalid metric transformation: {what}")


@record
class DescribeMetricFiltersInput:
    log_group_name: str | None = None
    filter_name_prefix: str = ""
    metric_name: str | None = None
    metric_namespace: str | None = None


@operation("logs", "DescribeMetricFilters")
def describe_metric_filters(call: Call, req: DescribeMetricFiltersInput) -> dict[str, Any]:
    """Return the filters of a group, of a metric, or all.

    Raises InvalidParameterException for half of a metric's name.
    """
    if (req.metric_name is None) != (req.metric_namespace is None):
        raise AwsError("InvalidParameterException", "metricName and metricNamespace must be specified together.")
    if req.log_group_name is not None:
        group = existing(call.db, req.log_group_name)
        there = [(group.name, each) for each in metric_filters.of_group(call.db, group.id)]
    else:
        there = sorted(metric_filters.list_all(call.db), key=lambda pair: pair[1].filter_name)
    return {
        "metric_filters": [{**asdict(each), "log_group_name": group} for group, each in there if _wanted(req, each)]
    }


def _wanted(req: DescribeMetricFiltersInput, each: MetricFilter) -> bool:
    if not each.filter_name.startswith(req.filter_name_prefix):
        return False
    return req.metric_name is None or any(
        (transformation.metric_name, transformation.metric_namespace) == (req.metric_name, req.metric_namespace)
        for transformation in each.metric_transformations
    )


@record
class DeleteMetricFilterInput:
    log_group_name: str
    filter_name: str


@operation("logs", "DeleteMetricFilter")
def delete_metric_filter(call: Call, req: DeleteMetricFilterInput) -> None:
    """Delete a filter; what it has counted stays. Raises ResourceNotFoundException."""
    group = existing(call.db, req.log_group_name)
    if not metric_filters.delete(call.db, group.id, req.filter_name):
        raise AwsError("ResourceNotFoundException", "The specified metric filter does not exist.")


@record
class TestMetricFilterInput:
    filter_pattern: str
    log_event_messages: tuple[str, ...]


@operation("logs", "TestMetricFilter")
def test_metric_filter(call: Call, req: TestMetricFilterInput) -> dict[str, Any]:
    """Return which of the messages a pattern matches, and the values that it takes out of them.

    Raises InvalidParameterException for a bad pattern.
    """
    matches = compiled(req.filter_pattern)
    values = patterns.values(req.filter_pattern)
    return {
        "matches": [
            {"event_number": number, "event_message": message, "extracted_values": values(message)}
            for number, message in enumerate(req.log_event_messages)
            if matches(message)
        ]
    }
