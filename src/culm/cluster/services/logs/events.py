"""Log events: put, and read from one stream.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any

from culm.cluster.services.logs import counting, positions
from culm.cluster.services.logs.groups import existing, named
from culm.cluster.services.logs.streams import existing_stream
from culm.cluster.store.logs import events
from culm.cluster.wire.operations import Call, operation
from culm.core.model.logs import LogEvent, LogGroup, Position
from culm.core.model.record import Stored, record
from culm.errors import AwsError

_BATCH_BYTES = 1_048_576
PAGE_BYTES = 1_048_576
PAGE_EVENTS = 10_000
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
EVER_MS = 1 << 62
_TIMESTAMP = itemgetter(0)


@record
class InputLogEvent:
    timestamp: int
    message: str


@record
class PutLogEventsInput:
    log_group_name: str
    log_stream_name: str
    log_events: tuple[InputLogEvent, ...]
    sequence_token: Stored[str | None] = None
    """Ignored since 2023, by AWS too."""


@operation("logs", "PutLogEvents")
def put_log_events(call: Call, req: PutLogEventsInput) -> dict[str, Any]:
    """Add events to a stream, and say which of them were too old or too new.

    Raises InvalidParameterException for a batch that is out of order or spans more than a day.
    """
    group = existing(call.db, req.log_group_name)
    stream = existing_stream(call, group, req.log_stream_name)
    batch = [(event.timestamp, event.message) for event in req.log_events]
    _check_batch(batch)
    now_ms = int(call.now * 1000)
    taken, rejected = _accepted(batch, group, now_ms)
    if taken:
        if taken[-1][0] - taken[0][0] > _DAY_MS:
            raise AwsError(
                "InvalidParameterException",
                "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
            )
        events.append(call.db, stream.id, taken, now_ms)
        counting.count(call.db, group.id, taken)
    return {"next_sequence_token": f"{now_ms:056d}", "rejected_log_events_info": rejected or None}


@record
class GetLogEventsInput:
    log_stream_name: str
    log_group_name: str | None = None
    log_group_identifier: str | None = None
    start_time: int | None = None
    end_time: int | None = None
    next_token: str | None = None
    limit: int = PAGE_EVENTS
    start_from_head: bool = False
    unmask: Stored[bool] = False


@operation("logs", "GetLogEvents", long=True)
def get_log_events(call: Call, req: GetLogEventsInput) -> dict[str, Any]:
    """Return a page, oldest event first, with tokens both ways; at either end that way's token comes back unchanged."""
    group = existing(call.db, named(req.log_group_name, req.log_group_identifier))
    stream = existing_stream(call, group, req.log_stream_name)
    start_ms = visible_from(group, req.start_time, int(call.now * 1000))
    end_ms = EVER_MS if req.end_time is None else req.end_time
    position = positions.position(req.next_token) if req.next_token else None
    forward = req.next_token.startswith("f") if req.next_token else req.start_from_head
    if forward:
        page = _page(events.forward(call.db, stream.id, start_ms, end_ms, position), req.limit)
    else:
        page = _page(events.backward(call.db, stream.id, start_ms, end_ms, position), req.limit)[::-1]
    first, last = _ends(page, forward, position or Position(start_ms, stream.id, 0))
    return {
        "events": [
            {"timestamp": event.timestamp_ms, "message": event.message, "ingestion_time": event.ingested_ms}
            for event in page
        ],
        "next_forward_token": positions.token("f", last),
        "next_backward_token": positions.token("b", first),
    }


def _ends(page: Sequence[LogEvent], forward: bool, here: Position) -> tuple[Position, Position]:
    """Return where backward and forward go on. From an empty page the way back begins with the event it came from."""
    if page:
        return page[0].position, page[-1].position
    if forward:
        return here._replace(sequence=here.sequence + 1), here
    return here, here._replace(sequence=max(here.sequence - 1, 0))


def visible_from(group: LogGroup, start_ms: int | None, now_ms: int) -> int:
    """Return from when on events are visible: expired ones are gone at once, whenever they are removed."""
    asked = start_ms or 0
    return max(asked, now_ms - group.retention_days * _DAY_MS) if group.retention_days else asked


def _check_batch(batch: Sequence[tuple[int, str]]) -> None:
    total = events.OVERHEAD_BYTES * len(batch)
    before = 0
    for timestamp, message in batch:
        size = events.size_of(message)
        total += size
        if size > _BATCH_BYTES - events.OVERHEAD_BYTES:
            raise AwsError(
                "InvalidParameterException",
                f"Log event too large: {size + events.OVERHEAD_BYTES} bytes exceeds limit of {_BATCH_BYTES}",
            )
        if timestamp < before:
            raise AwsError(
                "InvalidParameterException",
                "Log events in a single PutLogEvents request must be in chronological order.",
            )
        before = timestamp
    if total > _BATCH_BYTES:
        raise AwsError("InvalidParameterException", f"Upload too large: {total} bytes exceeds limit of {_BATCH_BYTES}")


def _accepted(
    batch: Sequence[tuple[int, str]], group: LogGroup, now_ms: int
) -> tuple[Sequence[tuple[int, str]], dict[str, int]]:
    """Return the events that are neither too old, expired nor too new, and where in the batch the others are."""
    rejected: dict[str, int] = {}
    first, end = 0, bisect_right(batch, now_ms + 2 * _HOUR_MS, key=_TIMESTAMP)
    if too_old := bisect_left(batch, now_ms - 14 * _DAY_MS, key=_TIMESTAMP):
        first = rejected["too_old_log_event_end_index"] = too_old
    if expired := bisect_left(batch, visible_from(group, 0, now_ms), key=_TIMESTAMP):
        first = max(first, expired)
        rejected["expired_log_event_end_index"] = expired
    if end < len(batch):
        rejected["too_new_log_event_start_index"] = end
    return batch[first:end], rejected


def _page(matching: Iterator[LogEvent], limit: int) -> list[LogEvent]:
    """At most `limit` events and about a megabyte, but one event whatever its size."""
    page: list[LogEvent] = []
    size = 0
    for event in islice(matching, limit):
        size += len(event.message) + events.OVERHEAD_BYTES
        if page and size > PAGE_BYTES:
            break
        page.append(event)
    return page
