"""StartLiveTail: the events of groups as they come in, in an event stream that goes on.

The operation checks what is asked and answers with the beginning of the stream; `Tail` gives what follows, once a
second, for who keeps the connection.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html
"""

import json
import sqlite3
from typing import Any

from culm.cluster.services.logs import patterns
from culm.cluster.services.logs.groups import existing, of_arn
from culm.cluster.services.logs.metric_filters import compiled
from culm.cluster.services.logs.query_definitions import uuid
from culm.cluster.store.logs import groups, tailing
from culm.cluster.store.logs.tailing import Head
from culm.cluster.wire.event_stream import event, exception
from culm.cluster.wire.operations import Call, operation
from culm.core.model.logs import LogEvent, LogGroup
from culm.core.model.record import record
from culm.errors import AwsError

TARGET = "Logs_20140328.StartLiveTail"
LONGEST_SECONDS = 3 * 3600
_MOST_EVENTS = 500
"""In one update; of more, the newest are shown, and the update says that it is a sample."""


@record
class StartLiveTailInput:
    log_group_identifiers: tuple[str, ...]
    log_stream_names: tuple[str, ...] = ()
    log_stream_name_prefixes: tuple[str, ...] = ()
    log_event_filter_pattern: str = ""


@operation("logs", "StartLiveTail")
def start_live_tail(call: Call, req: StartLiveTailInput) -> dict[str, Any]:
    """Begin to stream events as they come in.

    Raises InvalidParameterException for groups that are not named by ARN, and for streams of more than one group.
    """
    for identifier in req.log_group_identifiers:
        if not identifier.startswith("arn:"):
            raise AwsError("InvalidParameterException", f"The log group identifier {identifier} must be an ARN.")
        existing(call.db, of_arn(identifier))
    if req.log_stream_names and req.log_stream_name_prefixes:
        raise AwsError(
            "InvalidParameterException", "Only one of logStreamNames or logStreamNamePrefixes can be provided."
        )
    if len(req.log_group_identifiers) > 1 and (req.log_stream_names or req.log_stream_name_prefixes):
        raise AwsError(
            "InvalidParameterException",
            "logStreamNames and logStreamNamePrefixes can only be used with a single log group.",
        )
    compiled(req.log_event_filter_pattern)
    return {
        "response_stream": {
            "session_start": {
                "request_id": call.request_id,
                "session_id": uuid(call),
                "log_group_identifiers": req.log_group_identifiers,
                "log_stream_names": req.log_stream_names,
                "log_stream_name_prefixes": req.log_stream_name_prefixes,
                "log_event_filter_pattern": req.log_event_filter_pattern,
            }
        }
    }


class Tail:
    """One session: it knows how far it has come in each stream; streams that appear later are read from their start."""

    def __init__(self, db: sqlite3.Connection, members: dict[str, Any]) -> None:
        """`members`: of a request that `start_live_tail` has taken. What comes in from now on is new."""
        self._groups = {each: of_arn(each) for each in members["logGroupIdentifiers"]}
        self._names = frozenset(members.get("logStreamNames") or ())
        self._prefixes = tuple(members.get("logStreamNamePrefixes") or ())
        self._matches = patterns.compile(members.get("logEventFilterPattern") or "")
        self._last: dict[int, int] = {
            head.stream_id: head.last_sequence
            for group in self._present(db).values()
            for head in tailing.heads(db, group.id)
        }

    def update(self, db: sqlite3.Connection) -> bytes:
        """Return the message with the events that are new; there is one even if nothing is."""
        events: list[tuple[str, Head, LogEvent]] = []
        for identifier, group in self._present(db).items():
            for head in tailing.heads(db, group.id):
                last = self._last.get(head.stream_id, 0)
                self._last[head.stream_id] = head.last_sequence
                if head.last_sequence > last and self._wanted(head.name):
                    new = tailing.newer(db, head, last)
                    events += [(identifier, head, each) for each in new if self._matches(each.message)]
        events.sort(key=lambda item: item[2].ingested_ms)
        shown = [
            {
                "logStreamName": head.name,
                "logGroupIdentifier": identifier,
                "message": each.message,
                "timestamp": each.timestamp_ms,
                "ingestionTime": each.ingested_ms,
            }
            for identifier, head, each in events[-_MOST_EVENTS:]
        ]
        payload = {"sessionMetadata": {"sampled": len(events) > _MOST_EVENTS}, "sessionResults": shown}
        return event("sessionUpdate", json.dumps(payload).encode())

    def _present(self, db: sqlite3.Connection) -> dict[str, LogGroup]:
        there = {identifier: groups.find(db, name) for identifier, name in self._groups.items()}
        return {identifier: group for identifier, group in there.items() if group is not None}

    def _wanted(self, stream: str) -> bool:
        if self._names:
            return stream in self._names
        return not self._prefixes or stream.startswith(self._prefixes)


def timed_out() -> bytes:
    """Return the message that ends a session after three hours."""
    return exception("SessionTimeoutException", json.dumps({"message": "Session has timed out."}).encode())
