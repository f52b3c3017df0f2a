"""Lines of CloudWatch Logs: the last ones of a task, and all of a project's as they come."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from culm.core.model.record import record
from culm.target.connection import Target
from culm.target.observe import or_none

MISSING = "ResourceNotFoundException"
SEEN_KEPT_MILLISECONDS = 60_000
"""How long an event's id is remembered: as late as an older event may still arrive."""


@record
class LogLine:
    group: str
    stream: str
    at: int
    """Epoch milliseconds, as CloudWatch Logs has them."""
    text: str


class Follower:
    """Reads log groups from a time on, again and again, each event once."""

    def __init__(self, target: Target, groups: Iterable[str], since: int) -> None:
        self.target = target
        self.since = dict.fromkeys(groups, since)
        self.shown: dict[str, int] = {}

    def read(self) -> list[LogLine]:
        """Return the events that were not read before, in order of time."""
        lines = sorted((line for group in self.since for line in self._group(group)), key=lambda line: line.at)
        if lines:
            oldest = lines[-1].at - SEEN_KEPT_MILLISECONDS
            self.shown = {id: at for id, at in self.shown.items() if at >= oldest}
        return lines

    def _group(self, group: str) -> Iterator[LogLine]:
        pages = self.target.client("logs").get_paginator("filter_log_events")
        lines: list[Mapping[str, Any]] = (
            or_none(lambda: events(pages.paginate(logGroupName=group, startTime=self.since[group])), MISSING) or []
        )
        for event in lines:
            if event["eventId"] in self.shown:
                continue
            self.shown[event["eventId"]] = event["timestamp"]
            yield LogLine(group=group, stream=event["logStreamName"], at=event["timestamp"], text=event["message"])
        if lines:
            self.since[group] = max(self.since[group], lines[-1]["timestamp"] - SEEN_KEPT_MILLISECONDS)


def events(pages: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the events of all pages, in their order."""
    return [event for page in pages for event in page["events"]]
