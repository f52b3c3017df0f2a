"""Searching the events of a group's streams.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

import heapq
from collections.abc import Iterator, Sequence
from typing import Any

from culm.cluster.services.logs import patterns, positions
from culm.cluster.services.logs.events import EVER_MS, PAGE_BYTES, PAGE_EVENTS, visible_from
from culm.cluster.services.logs.groups import existing, named
from culm.cluster.services.logs.streams import existing_stream
from culm.cluster.store.logs import events, streams
from culm.cluster.wire.operations import Call, operation
from culm.core.model.logs import LogEvent, LogGroup, LogStream, Position
from culm.core.model.record import Stored, record
from culm.errors import AwsError

_SEARCHED_EVENTS = 50_000
"""That one call looks at, so that a search that finds nothing gives way to others; its token goes on from there."""

_PASSED_EVENTS = 200_000
"""The same where SQLite passes over events that cannot match, ten times as fast."""

_NO_STREAM = 10**18 - 1
"""Behind all streams of a millisecond: the most that a token can say."""


@record
class FilterLogEventsInput:
    log_group_name: str | None = None
    log_group_identifier: str | None = None
    log_stream_names: tuple[str, ...] = ()
    log_stream_name_prefix: str = ""
    start_time: int | None = None
    end_time: int | None = None
    filter_pattern: str = ""
    next_token: str | None = None
    limit: int = PAGE_EVENTS
    start_from_head: bool = True
    interleaved: Stored[bool] = True
    """Ignored since 2019, by AWS too: the events of all streams come in order of time."""
    unmask: Stored[bool] = False


@operation("logs", "FilterLogEvents", long=True)
def filter_log_events(call: Call, req: FilterLogEventsInput) -> dict[str, Any]:
    """Return a page of a group's events that match a pattern, from all streams in the order of time.

    A page may be empty and have a token, when much was looked through. Raises InvalidParameterException for a bad
    pattern.
    """
    group = existing(call.db, named(req.log_group_name, req.log_group_identifier))
    try:
        matches = patterns.compile(req.filter_pattern)
        needles = patterns.needles(req.filter_pattern)
    except patterns.InvalidPattern as wrong:
        raise AwsError("InvalidParameterException", f"Invalid filter pattern: {wrong}") from None
    position = positions.position(req.next_token) if req.next_token else None
    forward = req.next_token.startswith("f") if req.next_token else req.start_from_head
    start_ms = visible_from(group, req.start_time, int(call.now * 1000))
    end_ms = EVER_MS if req.end_time is None else req.end_time + 1  # here, unlike in GetLogEvents, it is inclusive
    searched = _searched(call, req, group)
    within = [s for s in searched if overlaps(s, start_ms, end_ms)]
    if needles:
        window = (_window if forward else _window_backward)(call, within, (start_ms, end_ms), position)
        read = events.forward_with if forward else events.backward_with
        candidates = (read(call.db, each.id, window, needles, position) for each in within)
        page, went_to = _search(heapq.merge(*candidates, reverse=not forward), matches, req.limit)
        went_to = went_to or _edge(window, (start_ms, end_ms), forward=forward)
    else:
        read_all = events.forward if forward else events.backward
        merged = heapq.merge(
            *(read_all(call.db, stream.id, start_ms, end_ms, position) for stream in within), reverse=not forward
        )
        page, went_to = _search(merged, matches, req.limit)
    names = {stream.id: stream.name for stream in searched}
    return {
        "events": [
            {
                "log_stream_name": names[event.stream_id],
                "timestamp": event.timestamp_ms,
                "message": event.message,
                "ingestion_time": event.ingested_ms,
                "event_id": positions.digits(event.position),
            }
            for event in page
        ],
        "searched_log_streams": [],  # as AWS has answered since 2019
        "next_token": positions.token("f" if forward else "b", went_to) if went_to else None,
    }


def _window(
    call: Call, within: Sequence[LogStream], span: tuple[int, int], position: Position | None
) -> tuple[int, int]:
    """Return the times (start, end) in ms that one call looks at: no more than _PASSED_EVENTS of all streams.

    It is a millisecond at least. `span` is (start, end); `position` is where an earlier call came to.
    """
    start_ms, end_ms = span
    first_ms = start_ms
    if position is not None:
        done = position.stream_id == _NO_STREAM  # the whole millisecond, as the end of a window says it
        first_ms = max(start_ms, position.timestamp_ms + (1 if done else 0))
    each = _PASSED_EVENTS // max(len(within), 1)
    times = [events.reached_forward(call.db, stream.id, first_ms, each) for stream in within]
    return start_ms, min(end_ms, max(min((time for time in times if time is not None), default=end_ms), first_ms + 1))


def _window_backward(
    call: Call, within: Sequence[LogStream], span: tuple[int, int], position: Position | None
) -> tuple[int, int]:
    """Return the times as `_window` does, from the end of `span`."""
    start_ms, end_ms = span
    last_ms = end_ms
    if position is not None:
        done = position.stream_id == 0
        last_ms = min(end_ms, position.timestamp_ms + (0 if done else 1))
    each = _PASSED_EVENTS // max(len(within), 1)
    times = [events.reached(call.db, stream.id, last_ms, each) for stream in within]
    return max(start_ms, min(max((time for time in times if time is not None), default=start_ms), last_ms - 1)), end_ms


def _edge(window: tuple[int, int], span: tuple[int, int], *, forward: bool) -> Position | None:
    """Return from where the next call goes on when all of `window` was looked at; None: that was all of `span`."""
    if forward:
        return Position(window[1] - 1, _NO_STREAM, 0) if window[1] < span[1] else None
    return Position(window[0], 0, 0) if window[0] > span[0] else None


def overlaps(stream: LogStream, start_ms: int, end_ms: int) -> bool:
    """Return whether a stream may have events from `start_ms` to before `end_ms`."""
    if stream.first_event_ms is None or stream.last_event_ms is None:
        return False
    return stream.first_event_ms < end_ms and stream.last_event_ms >= start_ms


def _searched(call: Call, req: FilterLogEventsInput, group: LogGroup) -> list[LogStream]:
    if req.log_stream_names and req.log_stream_name_prefix:
        raise AwsError(
            "InvalidParameterException", "logStreamNames and logStreamNamePrefix cannot be specified together."
        )
    if req.log_stream_names:
        return [existing_stream(call, group, name) for name in dict.fromkeys(req.log_stream_names)]
    return [s for s in streams.in_group(call.db, group.id) if s.name.startswith(req.log_stream_name_prefix)]


def _search(
    candidates: Iterator[LogEvent], matches: patterns.Matches, limit: int
) -> tuple[list[LogEvent], Position | None]:
    """Return a page of the events that match, and where the search has to go on if it is not at the end."""
    page: list[LogEvent] = []
    size = 0
    last: LogEvent | None = None
    for looked_at, event in enumerate(candidates):
        if len(page) == limit or looked_at == _SEARCHED_EVENTS or size > PAGE_BYTES:
            return page, last.position if last else None
        if matches(event.message):
            size += len(event.message) + events.OVERHEAD_BYTES
            page.append(event)
        last = event
    return page, None
