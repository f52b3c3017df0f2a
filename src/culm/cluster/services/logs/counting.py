"""What metric filters make of events: points of CloudWatch metrics, in the minutes of the events.

An event that matches becomes one sample: the number in the transformation, or the one that its selector finds; an
event without that number, or without one of the dimensions, becomes none. The default value is a sample of a minute
in which events came, and none of them has matched so far.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html
"""

import functools
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

from culm.cluster.services.logs import patterns
from culm.cluster.services.logs.json_patterns import number_in
from culm.cluster.store import metrics
from culm.cluster.store.logs import metric_filters
from culm.core.model.logs import MetricTransformation
from culm.core.model.metrics import MINUTE, Metric, Point, metric, sample

Events = Sequence[tuple[int, str]]
"""(Timestamp in ms, message) pairs."""


def count(db: sqlite3.Connection, group_id: int, events: Events) -> None:
    """Add to the metrics of a group's filters what these events, just put, are to them."""
    for each in metric_filters.of_group(db, group_id):
        for transformation in each.metric_transformations:
            metrics.add(db, points(each.filter_pattern, transformation, events))
            if transformation.default_value is not None:
                metrics.add(db, list(_defaults(db, transformation, events)))


def points(pattern: str, transformation: MetricTransformation, events: Events) -> Iterator[tuple[Metric, Point]]:
    """Yield the samples that events are to a filter of this pattern."""
    matches, values = _compiled(pattern, tuple(_selectors(transformation)))
    for timestamp_ms, message in events:
        if not matches(message):
            continue
        about, value = _sample(transformation, values(message))
        if about is not None and value is not None:
            yield about, sample(timestamp_ms / 1000, value, transformation.unit or "None")


def _selectors(transformation: MetricTransformation) -> Iterator[str]:
    for text in (transformation.metric_value, *(transformation.dimensions or {}).values()):
        if text.startswith("$"):
            yield text


@functools.lru_cache(maxsize=256)
def _compiled(pattern: str, selectors: tuple[str, ...]) -> tuple[patterns.Matches, patterns.Values]:
    return patterns.compile(pattern), patterns.values(pattern, *selectors)


def _sample(transformation: MetricTransformation, values: Mapping[str, str]) -> tuple[Metric | None, float | None]:
    text = transformation.metric_value
    value = number_in(values.get(text, "") if text.startswith("$") else text)
    if value is None or not math.isfinite(value):
        return None, None
    dimensions = {name: values.get(selector) for name, selector in (transformation.dimensions or {}).items()}
    present = {name: text for name, text in dimensions.items() if text}
    if len(present) < len(dimensions):
        return None, None
    return _metric(transformation, present), value


def _defaults(
    db: sqlite3.Connection, transformation: MetricTransformation, events: Events
) -> Iterator[tuple[Metric, Point]]:
    """Yield a default sample for each minute of the events in which the metric has no point yet."""
    about = _metric(transformation, {})
    for minute in sorted(_minutes(events)):
        if not metrics.find(db, about, minute, minute + MINUTE):
            yield about, sample(minute, transformation.default_value or 0.0, transformation.unit or "None")


def _minutes(events: Iterable[tuple[int, str]]) -> set[int]:
    return {timestamp_ms // 1000 // MINUTE * MINUTE for timestamp_ms, _ in events}


def _metric(transformation: MetricTransformation, dimensions: Mapping[str, str]) -> Metric:
    return metric(transformation.metric_namespace, transformation.metric_name, **dimensions)
