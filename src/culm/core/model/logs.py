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


@record
class QueryDefinition:
    """A query of Insights that is kept under a name."""

    query_definition_id: str
    name: str
    query_string: str
    last_modified: int
    log_group_names: tuple[str, ...] = ()
    query_language: str = "CWLI"


@record
class QueryRun:
    """A query of Insights that was started, and has ended: queries run at once."""

    query_id: str
    create_time: int
    query_string: str
    """With the groups and the time in which it looked: `SOURCE "g" START=0 END=999 | fields @message`."""
    log_groups: tuple[str, ...]
    status: str = "Complete"
    records_matched: float = 0
    records_scanned: float = 0
    bytes_scanned: float = 0


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
