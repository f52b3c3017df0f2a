"""The functions of a row's values.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html
"""

import ipaddress
import math
from collections.abc import Callable, Mapping
from typing import Any

from culm.cluster.services.logs.insights.values import Time, Value, compare, number, text
from culm.core.model.record import record

Compute = Callable[..., Value]


@record
class Function:
    compute: Compute
    least: int
    most: int = 99
    """Numbers of arguments."""


def _numeric(compute: Callable[..., float | None]) -> Compute:
    """Return a function of numbers: none of them may be missing, and what has no result gives none."""

    def call(*values: Value) -> Value:
        numbers = [number(value) for value in values]
        if any(each is None for each in numbers):
            return None
        try:
            return compute(*numbers)
        except (ValueError, OverflowError, ZeroDivisionError):
            return None

    return call


def _textual(compute: Callable[..., Value]) -> Compute:
    """Return a function whose first argument is text: without that there is no result."""
    return lambda value, *more: None if value is None else compute(text(value), *more)


def _substr(value: str, start: Value, length: Value = None) -> Value:
    first, count = int(number(start) or 0), number(length)
    return value[first:] if count is None else value[first : first + int(count)]


def _extreme(wanted: int) -> Compute:
    def call(*values: Value) -> Value:
        best: Value = None
        for value in values:
            if value is not None and (best is None or compare(value, best) == wanted):
                best = value
        return best

    return call


def _floor(value: Value, period: Value) -> Value:
    at, size = number(value), number(period)
    return None if at is None or not size else Time(at // size * size)


def _ceil(value: Value, period: Value) -> Value:
    at, size = number(value), number(period)
    return None if at is None or not size else Time(-(-at // size) * size)


def _time(value: Value) -> Value:
    at = number(value)
    return None if at is None else Time(at)


def _milliseconds(value: Value) -> Value:
    at = number(value)
    return None if at is None else int(at)


def _address(value: Value, version: int | None = None) -> Any:
    try:
        address = ipaddress.ip_address(text(value))
    except ValueError:
        return None
    return address if version in (None, address.version) else None


def _in_subnet(version: int | None) -> Compute:
    def call(value: Value, subnet: Value) -> Value:
        address = _address(value, version)
        try:
            return address is not None and address in ipaddress.ip_network(text(subnet), strict=False)
        except ValueError:
            return False

    return call


def _first(*values: Value) -> Value:
    return next((value for value in values if value is not None), None)


def _strip(side: Callable[[str, str | None], str]) -> Compute:
    return _textual(lambda value, letters=None: side(value, None if letters is None else text(letters)))


FUNCTIONS: Mapping[str, Function] = {
    "abs": Function(compute=_numeric(abs), least=1, most=1),
    "ceil": Function(compute=_numeric(math.ceil), least=1, most=1),
    "floor": Function(compute=_numeric(math.floor), least=1, most=1),
    "greatest": Function(compute=_extreme(1), least=1),
    "least": Function(compute=_extreme(-1), least=1),
    "log": Function(compute=_numeric(math.log), least=1, most=1),
    "sqrt": Function(compute=_numeric(math.sqrt), least=1, most=1),
    "concat": Function(compute=lambda *values: "".join(map(text, values)), least=1),
    "ltrim": Function(compute=_strip(str.lstrip), least=1, most=2),
    "rtrim": Function(compute=_strip(str.rstrip), least=1, most=2),
    "trim": Function(compute=_strip(str.strip), least=1, most=2),
    "strlen": Function(compute=_textual(len), least=1, most=1),
    "toupper": Function(compute=_textual(str.upper), least=1, most=1),
    "tolower": Function(compute=_textual(str.lower), least=1, most=1),
    "substr": Function(compute=_textual(_substr), least=2, most=3),
    "replace": Function(compute=_textual(lambda value, old, new: value.replace(text(old), text(new))), least=3, most=3),
    "strcontains": Function(compute=_textual(lambda value, part: text(part) in value), least=2, most=2),
    "isempty": Function(compute=lambda value: value is None or value == "", least=1, most=1),
    "isblank": Function(compute=lambda value: not text(value).strip(), least=1, most=1),
    "ispresent": Function(compute=lambda value: value is not None, least=1, most=1),
    "coalesce": Function(compute=_first, least=1),
    "datefloor": Function(compute=_floor, least=2, most=2),
    "dateceil": Function(compute=_ceil, least=2, most=2),
    "frommillis": Function(compute=_time, least=1, most=1),
    "tomillis": Function(compute=_milliseconds, least=1, most=1),
    "isvalidip": Function(compute=lambda value: _address(value) is not None, least=1, most=1),
    "isvalidipv4": Function(compute=lambda value: _address(value, 4) is not None, least=1, most=1),
    "isvalidipv6": Function(compute=lambda value: _address(value, 6) is not None, least=1, most=1),
    "isipinsubnet": Function(compute=_in_subnet(None), least=2, most=2),
    "isipv4insubnet": Function(compute=_in_subnet(4), least=2, most=2),
    "isipv6insubnet": Function(compute=_in_subnet(6), least=2, most=2),
}
"""By name in lower case: names are taken in any case. `bin` is read by the parser, since it names no field."""
