"""Scalars that travel as text: form fields, headers, query strings, XML.

What does not parse stays text, and `culm.wire.input` says which member it is and what was wanted.
"""

import datetime
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

from culm.wire.models import Shape


def of(shape: Shape, *, header: bool = False) -> Callable[[str], Any]:
    """How a member's text becomes its value; HTTP's own date format is the default in headers."""
    if shape.type == "timestamp":
        return http_time if header else time
    if shape.type == "list":
        element = of(shape.member)
        return lambda text: [element(item.strip()) for item in text.split(",")]
    return _SCALARS.get(shape.type, str)


def boolean(text: str) -> Any:
    return {"true": True, "false": False}.get(text.lower(), text)


def integer(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return text


def number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def time(text: str) -> Any:
    """Epoch seconds from ISO 8601, or from a number of them."""
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError:
        return number(text)


def http_time(text: str) -> Any:
    """Epoch seconds from `Thu, 01 Jan 2026 00:00:00 GMT`."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return time(text)


_SCALARS: dict[str, Callable[[str], Any]] = {
    "boolean": boolean,
    "integer": integer,
    "long": integer,
    "float": number,
    "double": number,
}
