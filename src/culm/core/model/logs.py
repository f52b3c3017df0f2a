"""Log groups, their streams and events. Times are epoch milliseconds, as everywhere in CloudWatch Logs' API.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogStream.html
"""

from typing import NamedTuple

from culm.core.model.record import record


@record
class LogGroup:
    id: int
    name: str
    created_ms: int
    retention_days: int | None = None
    """None: events never expire."""
    log_group_class: str = "STANDARD"
    kms_key_id: str | None = None
    deletion_protection_enabled: bool = False
    tags: dict[str, str]


@record
class LogStream:
    id: int
    name: str
    created_ms: int
    first_event_ms: int | None = None
    last_event_ms: int | None = None
    last_ingestion_ms: int | None = None
    stored_bytes: int = 0


@record
class MetricTransformation:
    """The point of a metric that an event becomes."""

    metric_name: str
    metric_namespace: str
    metric_value: str
    """A number, or the selector of one: `$.size`, `$size`."""
    default_value: float | None = None
    """For a minute in which events came and none matched; None: no point."""
    dimensions: dict[str, str] | None = None
    """Names to selectors."""
    unit: str | None = None


@record
class MetricFilter:
    filter_name: str
    filter_pattern: str
    metric_transformations: tuple[MetricTransformation, ...]
    creation_time: int
    apply_on_transformed_logs: bool = False


class Position(NamedTuple):
    """A position in a group's events, in the order in which they are read."""

    timestamp_ms: int
    stream_id: int
    sequence: int
    """Rises by one with each event of a stream; the first is 1."""


class LogEvent(NamedTuple):
    """A plain tuple in the order of `Position`, so that events of many streams merge as they are."""

    timestamp_ms: int
    stream_id: int
    sequence: int
    ingested_ms: int
    message: str

    @property
    def position(self) -> Position:
        return Position(*self[:3])
