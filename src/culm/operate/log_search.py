"""Searching what was written: the newest matching lines of several log groups, and the lines around one."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from culm.core.model.record import record
from culm.operate.logs import LogLine
from culm.target.connection import Target
from culm.target.observe import or_none

MIGRATION_STREAMS = "migrate/"
"""How the names of migrations' log streams begin."""
MISSING = "ResourceNotFoundException"
MOST_PAGES = 40
"""Of one search and group: a search for what is nowhere ends after so many."""
PATTERN = re.compile(r'^\s*[{\[]|"|(^|\s)[?-]\S|%.+%')
"""What makes a text a filter pattern rather than words to look for."""


@record
class Wanted:
    """What to look for. Times are epoch milliseconds, `end` included."""

    start: int
    end: int | None = None
    text: str = ""
    """Plain text, or a CloudWatch Logs filter pattern."""
    limit: int = 500
    stream: str = ""
    """Only streams whose names begin with this."""


def is_pattern(text: str) -> bool:
    """Return whether the text is a CloudWatch filter pattern rather than plain words."""
    return PATTERN.search(text.strip()) is not None


def pattern_of(text: str) -> str:
    """Return a filter pattern for what a person typed: plain words become one phrase.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """
    text = text.strip()
    return text if not text or is_pattern(text) else '"' + text.replace("\\", "\\\\") + '"'


def newest(target: Target, groups: Iterable[str], wanted: Wanted) -> list[LogLine]:
    """Return the last `limit` matching lines of all groups together, oldest first."""
    names = list(groups)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=min(max(len(names), 1), 8)) as pool:
        by_group = list(pool.map(lambda group: _of_group(target, group, wanted), names))
    lines = sorted((line for some in by_group for line in some), key=lambda line: line.at)
    return lines[max(len(lines) - wanted.limit, 0) :]


def _of_group(target: Target, group: str, wanted: Wanted) -> list[LogLine]:
    logs = target.client("logs")
    asked: dict[str, Any] = {
        "logGroupName": group,
        "startTime": max(wanted.start, 0),
        "startFromHead": False,
        "limit": min(wanted.limit, 10_000),
    }
    if wanted.end is not None:
        asked["endTime"] = wanted.end
    if pattern := pattern_of(wanted.text):
        asked["filterPattern"] = pattern
    if wanted.stream:
        asked["logStreamNamePrefix"] = wanted.stream
    lines: list[LogLine] = []
    for _ in range(MOST_PAGES):
        answer: Mapping[str, Any] | None = or_none(lambda: logs.filter_log_events(**asked), MISSING)
        if answer is None:
            return lines
        lines += [
            LogLine(group=group, stream=event["logStreamName"], at=event["timestamp"], text=event["message"])
            for event in answer["events"]
        ]
        token = answer.get("nextToken")
        if not token or len(lines) >= wanted.limit:
            break
        asked["nextToken"] = token
    lines.reverse()  # the newest came first; those of one millisecond have no other order than this
    return lines


def lines_around(target: Target, group: str, stream: str, at: int, *, each: int = 20) -> list[LogLine]:
    """Return the lines of one stream before and after a moment, `each` of both, oldest first."""
    logs = target.client("logs")

    def read(**span: Any) -> list[LogLine]:
        answer = or_none(
            lambda: logs.get_log_events(logGroupName=group, logStreamName=stream, limit=each, **span), MISSING
        )
        return [
            LogLine(group=group, stream=stream, at=event["timestamp"], text=event["message"])
            for event in (answer["events"] if answer else ())
        ]

    return [*read(endTime=at, startFromHead=False), *read(startTime=at, startFromHead=True)]
