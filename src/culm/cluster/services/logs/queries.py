"""Insights' queries: started, and over when the call returns, so that results are there at the first look.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html
"""

import functools
import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from culm.cluster.services.logs import positions
from culm.cluster.services.logs.events import visible_from
from culm.cluster.services.logs.groups import existing, named
from culm.cluster.services.logs.insights import queries as insights
from culm.cluster.services.logs.insights.commands import MOST_ROWS
from culm.cluster.services.logs.insights.rows import EventRow, discovered
from culm.cluster.services.logs.insights.tokens import Malformed
from culm.cluster.services.logs.insights.values import Time, Value, text
from culm.cluster.services.logs.query_definitions import uuid
from culm.cluster.services.logs.searches import overlaps
from culm.cluster.store.logs import events, groups, queries, streams
from culm.cluster.wire.operations import Call, operation
from culm.core.model.logs import LogEvent, LogGroup, QueryRun
from culm.core.model.record import Stored, record
from culm.errors import AwsError

_KEPT_MS = 7 * 24 * 3_600_000
"""As long as AWS keeps results."""
_MOST_GROUPS = 50
_PAGE_ROWS = 10_000
_SAMPLED_EVENTS = 1000
"""Whose fields GetLogGroupFields looks at."""
_EVERY_EVENTS = ("@timestamp", "@message", "@ingestionTime", "@log", "@logStream")
_SAMPLED_MS = 15 * 60_000

Status = Literal["Scheduled", "Running", "Complete", "Failed", "Cancelled", "Timeout", "Unknown"]


@record
class StartQueryInput:
    query_string: str
    start_time: int
    end_time: int
    """Both in seconds, and both within the time that is searched."""
    log_group_name: str | None = None
    log_group_names: tuple[str, ...] = ()
    log_group_identifiers: tuple[str, ...] = ()
    limit: int = MOST_ROWS
    query_language: Literal["CWLI"] = "CWLI"


@operation("logs", "StartQuery", long=True)
def start_query(call: Call, req: StartQueryInput) -> dict[str, Any]:
    """Run a query and keep its rows; it is complete when this returns.

    Raises MalformedQueryException, and InvalidParameterException for a span that ends before it begins.
    """
    if req.end_time < req.start_time:
        raise AwsError("InvalidParameterException", "The end time of a query cannot be before its start time.")
    searched = [_group(call, name) for name in _names(req)]
    query = _read(req.query_string)
    scan = _Scan(call, searched, req.start_time * 1000, req.end_time * 1000 + 1000)
    rows, matched = insights.run(query, scan.rows(), min(req.limit, MOST_ROWS))
    source = " ".join(f'"{group.name}"' for group in searched)
    run = QueryRun(
        query_id=uuid(call),
        create_time=int(call.now * 1000),
        query_string=f"SOURCE {source} START={req.start_time}000 END={req.end_time}999 | {req.query_string}",
        log_groups=tuple(group.name for group in searched),
        records_matched=matched,
        records_scanned=scan.records,
        bytes_scanned=scan.bytes,
    )
    queries.forget(call.db, run.create_time - _KEPT_MS)
    queries.add(call.db, run, rows)
    return {"query_id": run.query_id}


def _names(req: StartQueryInput) -> list[str]:
    given = [bool(req.log_group_name), bool(req.log_group_names), bool(req.log_group_identifiers)]
    if sum(given) != 1:
        raise AwsError(
            "InvalidParameterException",
            "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified.",
        )
    if req.log_group_name:
        return [req.log_group_name]
    names = [*req.log_group_names, *(named(None, identifier) for identifier in req.log_group_identifiers)]
    if len(names) > _MOST_GROUPS:
        raise AwsError("InvalidParameterException", f"A query searches at most {_MOST_GROUPS} log groups.")
    return list(dict.fromkeys(names))


def _group(call: Call, name: str) -> LogGroup:
    group = groups.find(call.db, name)
    if group is None:
        raise AwsError(
            "ResourceNotFoundException", f"Log group '{name}' does not exist for account ID '{call.account}'"
        )
    return group


def _read(source: str) -> insights.InsightsQuery:
    try:
        return insights.read(source)
    except Malformed as wrong:
        line = source.count("\n", 0, wrong.start) + 1
        column = wrong.start - (source.rfind("\n", 0, wrong.start) + 1) + 1
        message = f"{wrong.message} at line {line} and position {column}"
        where = {"startCharOffset": wrong.start, "endCharOffset": wrong.end}
        raise AwsError(
            "MalformedQueryException", message, query_compile_error={"location": where, "message": message}
        ) from None


class _Scan:
    """The events of groups within a time, newest first, as rows; it counts what it has read."""

    def __init__(self, call: Call, searched: list[LogGroup], start_ms: int, end_ms: int) -> None:
        self._call = call
        self._searched = searched
        self._start_ms, self._end_ms = start_ms, end_ms
        self.records = 0
        self.bytes = 0

    def rows(self) -> Iterator[EventRow]:
        """Read on, event by event."""
        logs: dict[int, tuple[str, str]] = {}
        sources: list[Iterator[LogEvent]] = []
        for group in self._searched:
            start_ms = visible_from(group, self._start_ms, int(self._call.now * 1000))
            there = streams.in_group(self._call.db, group.id)
            for stream in (each for each in there if overlaps(each, start_ms, self._end_ms)):
                logs[stream.id] = f"{self._call.account}:{group.name}", stream.name
                sources.append(events.backward(self._call.db, stream.id, start_ms, self._end_ms))
        for event in heapq.merge(*sources, reverse=True):
            self.records += 1
            self.bytes += len(event.message)
            values: dict[str, Value] = {"@timestamp": Time(event.timestamp_ms), "@message": event.message}
            yield EventRow(values, discover=True, own=functools.partial(_own, event, logs[event.stream_id]))


def _own(event: LogEvent, where: tuple[str, str], name: str) -> Value:
    """Return a field that an event has besides its time and its message.

    `where`: its group with the account, its stream.
    """
    match name:
        case "@log":
            return where[0]
        case "@logStream":
            return where[1]
        case "@ingestionTime":
            return Time(event.ingested_ms)
        case "@ptr":
            return positions.pointer(event.position)
        case _:
            return None


@record
class GetQueryResultsInput:
    query_id: str
    next_token: str | None = None
    max_items: int = _PAGE_ROWS


@operation("logs", "GetQueryResults", long=True)
def get_query_results(call: Call, req: GetQueryResultsInput) -> dict[str, Any]:
    """Return a page of the rows of a query.

    Raises ResourceNotFoundException, and InvalidParameterException for a token that was not given out.
    """
    run = _existing(call, req.query_id)
    if req.next_token is not None and not req.next_token.isdecimal():
        raise AwsError("InvalidParameterException", "The specified nextToken is invalid.")
    rows = queries.results(call.db, run.query_id)
    first = int(req.next_token or 0)
    end = first + (req.max_items or _PAGE_ROWS)
    return {
        "query_language": "CWLI",
        "results": [[{"field": field, "value": value} for field, value in row] for row in rows[first:end]],
        "statistics": {
            "records_matched": float(run.records_matched),
            "records_scanned": float(run.records_scanned),
            "estimated_records_skipped": 0.0,
            "bytes_scanned": float(run.bytes_scanned),
            "estimated_bytes_skipped": 0.0,
            "log_groups_scanned": float(len(run.log_groups)),
        },
        "status": run.status,
        "next_token": str(end) if end < len(rows) else None,
    }


def _existing(call: Call, id: str) -> QueryRun:
    run = queries.find(call.db, id)
    if run is None:
        raise AwsError("ResourceNotFoundException", "The specified query does not exist.")
    return run


@record
class StopQueryInput:
    query_id: str


@operation("logs", "StopQuery")
def stop_query(call: Call, req: StopQueryInput) -> None:
    """Raise InvalidParameterException: a query is complete before anybody could stop it."""
    run = _existing(call, req.query_id)
    raise AwsError("InvalidParameterException", f"The query {run.query_id} is not running: its status is {run.status}.")


@record
class DescribeQueriesInput:
    log_group_name: str | None = None
    status: Status | None = None
    query_language: Literal["CWLI"] | None = None


@operation("logs", "DescribeQueries")
def describe_queries(call: Call, req: DescribeQueriesInput) -> dict[str, Any]:
    return {
        "queries": [
            {
                "query_language": "CWLI",
                "query_id": run.query_id,
                "query_string": run.query_string,
                "status": run.status,
                "create_time": run.create_time,
                "log_group_name": run.log_groups[0],
            }
            for run in queries.list_all(call.db)
            if req.log_group_name is None or req.log_group_name in run.log_groups
            if req.status in (None, run.status)
        ]
    }


@record
class GetLogRecordInput:
    log_record_pointer: str
    unmask: Stored[bool] = False


@operation("logs", "GetLogRecord")
def get_log_record(call: Call, req: GetLogRecordInput) -> dict[str, Any]:
    """Return all fields of the event that a query's `@ptr` names."""
    event = events.at(call.db, positions.pointed(req.log_record_pointer))
    if event is None:
        raise AwsError("ResourceNotFoundException", "The specified log record does not exist.")
    group, stream = streams.names(call.db, event.stream_id)
    fields: dict[str, Value] = {
        **discovered(event.message),
        "@timestamp": event.timestamp_ms,
        "@message": event.message,
        "@ingestionTime": event.ingested_ms,
        "@log": f"{call.account}:{group}",
        "@logStream": stream,
        "@ptr": req.log_record_pointer,
    }
    return {"log_record": {name: text(value) for name, value in fields.items()}}


@record
class GetLogGroupFieldsInput:
    log_group_name: str | None = None
    log_group_identifier: str | None = None
    time: int | None = None
    """Seconds; the events of eight minutes on both sides are looked at. None: those of the last fifteen."""


@operation("logs", "GetLogGroupFields", long=True)
def get_log_group_fields(call: Call, req: GetLogGroupFieldsInput) -> dict[str, Any]:
    """Return the fields of recent events, and how many percent of the events have them."""
    group = existing(call.db, named(req.log_group_name, req.log_group_identifier))
    now_ms = int(call.now * 1000)
    start_ms, end_ms = now_ms - _SAMPLED_MS, now_ms + 1
    if req.time is not None:
        start_ms, end_ms = req.time * 1000 - _SAMPLED_MS // 2 - 30_000, req.time * 1000 + _SAMPLED_MS // 2 + 30_000
    counted, total = _counted(call, group, start_ms, end_ms)
    return {
        "log_group_fields": [
            {"name": name, "percent": round(100 * count / total)}
            for name, count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
        ]
    }


def _counted(call: Call, group: LogGroup, start_ms: int, end_ms: int) -> tuple[Mapping[str, int], int]:
    counts: Counter[str] = Counter()
    total = 0
    for row in _Scan(call, [group], start_ms, end_ms).rows():
        if total == _SAMPLED_EVENTS:
            break
        total += 1
        counts.update([*_EVERY_EVENTS, *discovered(str(row.get("@message")))])
    return counts, total
