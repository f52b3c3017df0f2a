"""Values of a query's fields: text, numbers, times, or none; how they compare, sort and are shown."""

import datetime
import math
from typing import Any


class Time(int):
    """A point in time, epoch milliseconds: a number to compute with, shown as a date."""


Value = str | int | float | bool | None
"""None: the row has no such field."""


def number(value: Value) -> float | int | None:
    """Return the number that a value is; None if it is none."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if not value:
        return None
    try:
        return int(value)
    except ValueError:
        pass
    try:
        read = float(value)
    except ValueError:
        return None
    return read if math.isfinite(read) else None


def text(value: Value) -> str:
    """Return a value as a query's result shows it: numbers with four decimal places at most, times as dates in UTC."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Time):
        return _date(value)
    if isinstance(value, float):
        rounded = round(value, 4)
        return str(int(rounded)) if rounded.is_integer() else repr(rounded)
    return str(value)


def _date(milliseconds: int) -> str:
    moment = datetime.datetime.fromtimestamp(milliseconds // 1000, datetime.UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{milliseconds % 1000:03d}"


def compare(left: Value, right: Value) -> int | None:
    """Return -1, 0 or 1: as numbers if both are, else as text. None if one of them is missing."""
    if left is None or right is None:
        return None
    first: Any = number(left)
    second: Any = number(right)
    if first is None or second is None:
        first, second = text(left), text(right)
    return int(first > second) - int(first < second)


def sort_key(value: Value) -> tuple[int, Any]:
    """Return what `sort` orders by: missing values first, then text, then numbers."""
    if value is None:
        return (0, 0)
    as_number = number(value)
    return (1, text(value)) if as_number is None else (2, as_number)


def truth(value: Value) -> bool:
    """Return whether a condition holds."""
    return bool(number(value)) if isinstance(value, str) else bool(value)
