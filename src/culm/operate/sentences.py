"""A log line as a sentence: its level, its message and the rest as `key=value`; pure.

Services write JSON objects, `key=value` pairs or plain text. Whatever a line is, nothing of it is lost: what is not
recognised is shown as it came.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from culm.core.model.record import record

Level = Literal["debug", "info", "warning", "error", ""]
LEVELS: Mapping[str, Level] = {
    "trace": "debug", "debug": "debug", "info": "info", "notice": "info", "log": "info",
    "warn": "warning", "warning": "warning",
    "error": "error", "err": "error", "severe": "error", "fatal": "error", "critical": "error", "panic": "error",
    "alert": "error", "emerg": "error",
}  # fmt: skip
NUMBERED: tuple[tuple[int, Level], ...] = ((50, "error"), (40, "warning"), (30, "info"), (0, "debug"))
"""Levels as numbers, as pino and bunyan write them: https://getpino.io/#/docs/api?id=levels"""
MESSAGE_KEYS = ("message", "msg", "event", "text")
LEVEL_KEYS = ("level", "severity", "levelname", "lvl", "log.level")
TIME_KEYS = ("time", "timestamp", "ts", "@timestamp", "asctime", "t")
WORD = re.compile(r"\b(DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|FATAL|CRITICAL|SEVERE|PANIC)\b|^\s*(Traceback|panic:)")
LATE = frozenset({"logger", "name", "pid", "hostname", "thread", "v", "process"})
OPAQUE = re.compile(r"(\w+=)?[0-9A-Za-z;=_-]*[0-9a-f]{16,}[0-9A-Za-z;=_-]*")
"""An id: nothing to read, only to search for."""
STATUS_KEYS = ("status", "status_code", "statusCode")


@record
class Sentence:
    level: Level
    """Empty: the line does not say."""
    text: str
    fields: tuple[tuple[str, str], ...] = ()
    """What else the line has, in its own order; without time and level."""


def sentence(line: str) -> Sentence:
    """Read one line. Never fails: a line that only looks like JSON is plain text."""
    stripped = line.strip()
    if stripped.startswith("{") and stripped.endswith("}"):
        try:
            read = json.loads(stripped)
        except (ValueError, RecursionError):
            read = None
        if isinstance(read, dict) and read:
            return _of_object(read)
    level = WORD.search(line[:200])
    return Sentence(level=_level(level[1] or "error") if level else "", text=line.rstrip("\n"))


def _of_object(read: Mapping[str, Any]) -> Sentence:
    message_key = next((key for key in MESSAGE_KEYS if isinstance(read.get(key), str)), None)
    level_key = next((key for key in LEVEL_KEYS if key in read), None)
    level = _level(read[level_key]) if level_key else ""
    if not level or level == "info":
        status = next((read[key] for key in STATUS_KEYS if isinstance(read.get(key), int)), 0)
        level = "error" if status >= 500 else level
    time_key = next((key for key in TIME_KEYS if key in read), None)
    skipped = {message_key, level_key, time_key}
    text = str(read[message_key]) if message_key else ""
    fields = tuple((str(key), _value(value)) for key, value in read.items() if key not in skipped)
    return Sentence(level=level, text=text, fields=fields)


def _level(value: Any) -> Level:
    if isinstance(value, str):
        return LEVELS.get(value.lower(), "")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return next((level for least, level in NUMBERED if value >= least), "")
    return ""


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def in_reading_order(fields: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return the fields, what says something first, ids and the logger's name last; otherwise in their own order."""
    return tuple(sorted(fields, key=lambda pair: pair[0] in LATE or OPAQUE.fullmatch(pair[1]) is not None))


def one_line(read: Sentence) -> str:
    """Return a log entry as one line: `request  method=GET path=/orders/ status=200`."""
    pairs = " ".join(f"{key}={_quoted(value)}" for key, value in in_reading_order(read.fields))
    return "  ".join(part for part in (read.text, pairs) if part)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if not value or re.search(r'[\s="]', value) else value
