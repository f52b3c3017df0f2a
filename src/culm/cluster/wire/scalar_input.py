"""Readers of scalar members: text, numbers, times, bytes; each checks what its shape says of them."""

import base64
import binascii
import datetime
import math
import re
from collections.abc import Callable
from typing import Any

from culm.cluster.wire.invalid import Invalid, mistyped
from culm.cluster.wire.models import Shape

Reader = Callable[[Any], Any]
"""From a member as it came to the value that the service gets. Raises Invalid."""

EARLIEST, LATEST = -62_135_596_800.0, 253_402_300_800.0
"""Epoch seconds of the years that can be written down."""
NO_TEXT = re.compile("[\ud800-\udfff]")
"""Halves of characters: no encoding has them."""
NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What no XML can carry: a service that answers in it could never describe the resource again."""
UNSHOWN = ("LogGroupIdentifier", "StartLiveTailLogGroupIdentifiers")
"""Shapes whose values AWS's refusals leave out, besides those that are sensitive."""
XML_PATTERN = r"[\u0009\u000A\u000D\u0020-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]*"

SHOWN = 1024
"""Characters of a value that a refusal repeats; AWS repeats all of it."""

PATTERNED = ("iam", "logs", "sts")
"""The services that hold members to their models' patterns; the others say it in words of their own."""
UNPATTERNED = ("MetricNamespace",)
"""Shapes that AWS takes more of than their patterns allow."""


def _string(shape: Shape) -> Reader:
    check = bounds(shape, "length")
    pattern = pattern_of(shape)
    allowed = frozenset(shape.traits.get("enum", ()))
    listed = ", ".join(enumerated(shape))
    unfit_for = NO_XML if shape.answers_in_xml else NO_TEXT

    def read(value: Any) -> str:
        if type(value) is not str:
            raise mistyped(value, "string")
        if not value.isprintable() and (unfit := unfit_for.search(value)):
            raise Invalid(
                f"Value at '{{path}}' failed to satisfy constraint: Member must satisfy regular expression pattern: "
                f"{XML_PATTERN} (it has the character U+{ord(unfit[0]):04X})"
            )
        if check:
            check(len(value), value)
        if allowed and value not in allowed:
            raise Invalid(
                f"Value '{value}' at '{{path}}' failed to satisfy constraint: "
                f"Member must satisfy enum value set: [{listed}]"
            )
        if pattern and not pattern.fullmatch(value):
            shown = "" if unshown(shape) else f" '{value:.{SHOWN}}'"
            raise Invalid(
                f"Value{shown} at '{{path}}' failed to satisfy constraint: "
                f"Member must satisfy regular expression pattern: {pattern.pattern}"
            )
        return value

    return read


def _integer(shape: Shape) -> Reader:
    check = bounds(shape, "value")
    greatest = 1 << (31 if shape.type == "integer" else 63)

    def read(value: Any) -> Any:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int:
            raise mistyped(value, "integer")
        if not -greatest <= value < greatest:
            raise Invalid(f"Value at '{{path}}' must be of type {shape.type}: it has too many digits")
        if check:
            check(value, value)
        return value

    return read


def _number(shape: Shape) -> Reader:
    check = bounds(shape, "value")

    def read(value: Any) -> float:
        if type(value) is str and value in ("NaN", "Infinity", "-Infinity"):
            value = float(value)
        if type(value) is not int and type(value) is not float:
            raise mistyped(value, "number")
        try:
            finite = math.isfinite(value)
        except OverflowError:
            finite = False
        if not finite:
            raise Invalid("Value at '{path}' must be a finite number")
        if check:
            check(value, value)
        return float(value)

    return read


def _boolean(shape: Shape) -> Reader:
    def read(value: Any) -> bool:
        if type(value) is not bool:
            raise mistyped(value, "boolean")
        return value

    return read


def _timestamp(shape: Shape) -> Reader:
    def read(value: Any) -> float:
        try:
            if type(value) is int or type(value) is float:
                seconds = float(value)
            elif type(value) is datetime.datetime:
                seconds = value.timestamp()
            else:
                seconds = datetime.datetime.fromisoformat(value).timestamp()
        except (TypeError, ValueError, OverflowError):
            raise mistyped(value, "timestamp") from None
        if not EARLIEST <= seconds < LATEST:
            raise Invalid("Value at '{path}' must be a timestamp from the year 1 to the year 9999")
        return seconds

    return read


def _blob(shape: Shape) -> Reader:
    check = bounds(shape, "length")

    def read(value: Any) -> bytes:
        if type(value) is not bytes:
            try:
                value = base64.b64decode(value, validate=True)
            except (TypeError, ValueError, binascii.Error):
                raise mistyped(value, "blob") from None
        if check:
            check(len(value), value)
        return bytes(value)

    return read


def pattern_of(shape: Shape) -> re.Pattern[str] | None:
    """Return what the text has to be like; None too where the pattern is none for Python, such as `\\p{L}`."""
    text = shape.traits.get("pattern")
    if text is None or shape.service not in PATTERNED or shape.name in UNPATTERNED:
        return None
    try:
        return re.compile(text, re.ASCII | re.DOTALL)
    except re.error:
        return None


def bounds(shape: Shape, what: str) -> Callable[[float, Any], None] | None:
    """Return the check of a shape's `min` and `max`, if it has any."""
    low, high = shape.traits.get("min"), shape.traits.get("max")
    if low is None and high is None:
        return None

    def check(size: float, value: Any) -> None:
        if low is not None and size < low:
            side, bound = "greater", low
        elif high is not None and size > high:
            side, bound = "less", high
        else:
            return
        have = f"length {side} than or equal to" if what == "length" else f"value {side} than or equal to"
        shown = "" if shape.name in UNSHOWN else " '***'" if unshown(shape) else f" '{value!s:.{SHOWN}}'"
        raise Invalid(f"Value{shown} at '{{path}}' failed to satisfy constraint: Member must have {have} {bound}")

    return check


def unshown(shape: Shape) -> bool:
    """Return whether a refusal must not repeat the value."""
    return bool(shape.traits.get("sensitive")) or shape.name in UNSHOWN


def enumerated(shape: Shape) -> list[str]:
    """Return the values of an enum in the order in which its service's refusals list them.

    ECR's are those of a Java `HashSet`: by hash code, folded, in a table of at least 16 places that is at most three
    quarters full. Other services' are taken as their models have them.
    """
    values = list(shape.traits.get("enum", ()))
    if shape.service != "ecr":
        return values
    places = 16
    while len(values) > places * 3 // 4:
        places *= 2

    def place(value: str) -> int:
        code = 0
        for character in value:
            code = (31 * code + ord(character)) & 0xFFFFFFFF
        return (code ^ code >> 16) & (places - 1)

    return sorted(values, key=place)


SCALARS: dict[str, Callable[[Shape], Reader]] = {
    "string": _string,
    "character": _string,
    "integer": _integer,
    "long": _integer,
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "blob": _blob,
}
"""A shape's type -> what makes its reader."""
