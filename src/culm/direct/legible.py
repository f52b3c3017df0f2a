"""Log lines for people: one JSON object a line is good for searching, and hard to read. Pure."""

import json
from typing import Any

COLOURS = {"debug": "2", "warning": "33", "warn": "33", "error": "31", "critical": "31", "fatal": "31"}
"""ANSI, by level; others stay as they are."""
KNOWN = ("time", "timestamp", "ts", "@timestamp", "level", "severity", "message", "msg", "event")


def legible(line: str, *, coloured: bool) -> str:
    """Return `02:02:19 info  request method=GET status=200`; anything but a JSON log line stays as it is."""
    if not line.startswith("{"):
        return line
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    message = first(entry, "message", "msg", "event") if isinstance(entry, dict) else None
    if not isinstance(message, str):
        return line
    level = str(first(entry, "level", "severity") or "").lower()
    rest = " ".join(f"{name}={value}" for name, value in entry.items() if name not in KNOWN and value not in (None, ""))
    text = " ".join(
        filter(None, [clock(first(entry, "time", "timestamp", "ts", "@timestamp")), f"{level:<5}", message, rest])
    )
    return f"\x1b[{COLOURS[level]}m{text}\x1b[0m" if coloured and level in COLOURS else text


def first(entry: dict[str, Any], *names: str) -> Any:
    return next((entry[name] for name in names if name in entry), None)


def clock(moment: Any) -> str:
    """Return the time of day of an ISO 8601 moment."""
    return moment[11:19] if isinstance(moment, str) and moment[10:11] in ("T", " ") else ""
