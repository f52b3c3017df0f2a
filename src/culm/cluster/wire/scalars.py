"""Scalars that travel as text: form fields, headers, query strings, XML.

What does not parse stays text, and `culm.cluster.wire.input` says which member it is and what was wanted.
"""

import datetime
import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

from culm.cluster.wire.models import Shape

_INTEGER = re.compile("[+-]?[0-9]{1,30}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?|[+-]?Infinity|NaN")


def of(shape: Shape) -> Callable[[str], Any]:
    """Return how a member's text becomes its value; a list is comma-separated, as in headers."""
    if shape.type == "list":
        element = of(shape.member)
        return lambda text: [element(item.strip()) for item in text.split(",")]
    return _SCALARS.get(shape.type, str)


def boolean(text: str) -> Any:
    return {"true": True, "false": False}.get(text.lower(), text)


def integer(text: str) -> Any:
    return int(text) if _INTEGER.fullmatch(text) else text


def number(text: str) -> Any:
    return float(text) if _NUMBER.fullmatch(text) else text


def time(text: str) -> Any:
    """Return epoch seconds from ISO 8601, from HTTP's `Thu, 01 Jan 2026 00:00:00 GMT`, or from a number of them."""
    for parse in (datetime.datetime.fromisoformat, parsedate_to_datetime):
        try:
            return parse(text).timestamp()
        except (ValueError, OverflowError):
            pass
    return number(text)


_SCALARS: dict[str, Callable[[str], Any]] = {
    "boolean": boolean,
    "integer": integer,
    "long": integer,
    "float": number,
    "double": number,
    "timestamp": time,
}
