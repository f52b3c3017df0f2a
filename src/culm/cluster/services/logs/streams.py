"""Log streams.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogStreams.html
"""

from typing import Any, Literal

from culm.cluster.services.logs.groups import existing, group_arn, named
from culm.cluster.store.logs import streams
from culm.cluster.wire.operations import Call, operation
from culm.core.model.logs import LogGroup, LogStream
from culm.core.model.record import record
from culm.errors import AwsError


@record
class CreateLogStreamInput:
    log_group_name: str
    log_stream_name: str


@operation("logs", "CreateLogStream")
def create_log_stream(call: Call, req: CreateLogStreamInput) -> None:
    """Create a stream. Raises ResourceAlreadyExistsException."""
    group = existing(call.db, req.log_group_name)
    if streams.find(call.db, group.id, req.log_stream_name):
        raise AwsError("ResourceAlreadyExistsException", "The specified log stream already exists")
    streams.create(call.db, group.id, req.log_stream_name, int(call.now * 1000))


@record
class DeleteLogStreamInput:
    log_group_name: str
    log_stream_name: str


@operation("logs", "DeleteLogStream", long=True)
def delete_log_stream(call: Call, req: DeleteLogStreamInput) -> None:
    """Delete a stream with its events. Raises ResourceNotFoundException."""
    group = existing(call.db, req.log_group_name)
    streams.delete(call.db, existing_stream(call, group, req.log_stream_name).id)


@record
class DescribeLogStreamsInput:
    log_group_name: str | None = None
    log_group_identifier: str | None = None
    log_stream_name_prefix: str = ""
    order_by: Literal["LogStreamName", "LastEventTime"] = "LogStreamName"
    descending: bool = False


@operation("logs", "DescribeLogStreams")
def describe_log_streams(call: Call, req: DescribeLogStreamsInput) -> dict[str, Any]:
    """Return a group's streams by name, or by their last event.

    Raises InvalidParameterException for that order with a prefix.
    """
    if req.order_by == "LastEventTime" and req.log_stream_name_prefix:
        raise AwsError("InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")
    group = existing(call.db, named(req.log_group_name, req.log_group_identifier))
    matching = [s for s in streams.in_group(call.db, group.id) if s.name.startswith(req.log_stream_name_prefix)]
    if req.order_by == "LastEventTime":
        matching.sort(key=lambda stream: stream.last_event_ms or 0)
    if req.descending:
        matching.reverse()
    return {"log_streams": [_described(call, group, stream) for stream in matching]}


def existing_stream(call: Call, group: LogGroup, name: str) -> LogStream:
    """Return the log stream. Raises ResourceNotFoundException."""
    stream = streams.find(call.db, group.id, name)
    if stream is None:
        raise AwsError("ResourceNotFoundException", "The specified log stream does not exist.")
    return stream


def _described(call: Call, group: LogGroup, stream: LogStream) -> dict[str, Any]:
    return {
        "log_stream_name": stream.name,
        "creation_time": stream.created_ms,
        "first_event_timestamp": stream.first_event_ms,
        "last_event_timestamp": stream.last_event_ms,
        "last_ingestion_time": stream.last_ingestion_ms,
        "upload_sequence_token": None if stream.last_ingestion_ms is None else f"{stream.last_ingestion_ms:056d}",
        "arn": f"{group_arn(call, group.name)}:log-stream:{stream.name}",
        "stored_bytes": 0,  # AWS has reported it for groups only since 2019
    }
