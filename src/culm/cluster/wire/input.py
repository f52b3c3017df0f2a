"""From a request's members to an operation's input record: validate, rename, refuse; compiled once per operation.

A protocol hands over members under AWS's names; what comes out is what `msgspec.convert` takes. A member that the
record lacks is refused by name, unless it is null or an empty list or map, which say nothing.
"""

import base64
import binascii
import dataclasses
import datetime
import math
import re
import types
import typing
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from culm.cluster.wire.models import Operation, Shape, snake

Reader = Callable[[Any], Any]


class Key(str):
    """A step into a map: what stands there is the client's own word."""


class Invalid(Exception):
    """What is wrong with one member; `path` is filled, innermost first, on the way out."""

    def __init__(self, problem: str, *, missing: bool = False, unsupported: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.missing = missing
        self.unsupported = unsupported
        self._path: list[str | int] = []

    def within(self, step: str | int) -> "Invalid":
        """Add the step outside of those known so far."""
        self._path.append(step)
        return self

    @property
    def path(self) -> str:
        """`containerDefinitions[0].name`."""
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in reversed(self._path))
        return text.removeprefix(".")

    @property
    def amazons_path(self) -> str:
        """As AWS's validators spell it: `containerDefinitions.1.member.name`; members begin small, lists with 1."""
        steps = (
            f"{step + 1}.member"
            if isinstance(step, int)
            else step
            if isinstance(step, Key)
            else step[0].lower() + step[1:]
            for step in reversed(self._path)
        )
        return ".".join(steps)

    @property
    def message(self) -> str:
        if self.unsupported:
            return f"culm does not support {self.path}{self.problem}"
        return f"1 validation error detected: {self.problem.replace('{path}', self.amazons_path)}"


def compile_input(operation: Operation, record: type, paged: frozenset[str] = frozenset()) -> Reader:
    """A function from wire members to `record`; members of `paged` belong to the wire and are only validated."""
    if operation.input is None:
        return lambda members: record()
    read = compile_members(operation.input, record, paged)

    def build(members: Any) -> Any:
        values = read(members)
        try:
            return msgspec.convert(values, record)
        except msgspec.ValidationError as refusal:
            raise Invalid(f"this value: {refusal}", unsupported=True) from refusal

    return build


def compile_members(shape: Shape, kind: Any = Any, paged: frozenset[str] = frozenset()) -> Reader:
    """A function from wire members to what `kind`, a record or anything, is made of."""
    return _InputCompiler(paged).reader(shape, kind)


class _InputCompiler:
    def __init__(self, paged: frozenset[str]) -> None:
        self._paged = paged
        self._known: dict[tuple[str, Any], Reader] = {}

    def reader(self, shape: Shape, kind: Any) -> Reader:
        kind = unwrap(kind)
        key = (shape.name, kind)
        if key not in self._known:
            # while it is made, a shape that contains itself finds this, and calls the table when it is needed
            self._known[key] = lambda value: self._known[key](value)
            make: Callable[[Shape, Any], Reader] | None = getattr(self, f"_{shape.type}", None)
            self._known[key] = make(shape, kind) if make else narrowed(_SCALARS[shape.type](shape), shape, kind)
        return self._known[key]

    def _structure(self, shape: Shape, kind: Any) -> Reader:
        if shape.traits.get("document"):
            return lambda value: value
        fields = fields_of(kind)
        members: dict[str, tuple[str, Reader | None]] = {}
        for name, member in shape.members.items():
            own = snake(name)
            if fields is None or own in fields:
                members[name] = own, self.reader(member, fields[own] if fields else Any)
            elif name in self._paged:
                members[name] = "", self.reader(member, Any)
            else:
                members[name] = own, None
        required = [
            *shape.required,
            *(name for name in shape.members if snake(name) in needed_by(kind) and name not in shape.required),
        ]
        emptiable = {
            name
            for name, member in shape.members.items()
            if member.type == "string" and "enum" not in member.traits and name not in required
            if fields and snake(name) in fields
            if shape.service in EMPTY_IS_NONE or values_taken(member, unwrap(fields[snake(name)]))
        }
        """Optional members for which empty text is none: AWS takes any text there, or takes empty text for none."""
        union = bool(shape.traits.get("union"))

        def read(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise mistyped(value, "structure")
            values = {}
            for name, item in value.items():
                if item is None:
                    continue
                own, reader = members.get(name, ("", None))
                if reader is None:
                    if says_nothing(item):
                        continue
                    raise Invalid("", unsupported=True).within(name)
                if item == "" and name in emptiable:
                    continue  # Terraform's and others' clients send every optional string
                try:
                    got = reader(item)
                except Invalid as problem:
                    problem.within(name)
                    raise
                if own:
                    values[own] = got
            for name in required:
                if value.get(name) is None:
                    raise Invalid(
                        "Value null at '{path}' failed to satisfy constraint: Member must not be null", missing=True
                    ).within(name)
            if union and len(values) != 1:
                raise Invalid(f"Exactly one of {', '.join(members)} must be set at '{{path}}'")
            return values

        return read

    def _list(self, shape: Shape, kind: Any) -> Reader:
        element = self.reader(shape.member, element_of(kind))
        check = bounds(shape, "length")

        def read(value: Any) -> list[Any]:
            if type(value) is not list:
                raise mistyped(value, "list")
            if check:
                check(len(value), value)
            values = []
            for item in value:
                try:
                    values.append(element(item))
                except Invalid as problem:
                    problem.within(len(values))
                    raise
            return values

        return read

    def _map(self, shape: Shape, kind: Any) -> Reader:
        keys = self.reader(shape.key, Any)
        element = self.reader(shape.value, value_of(kind))
        check = bounds(shape, "length")

        def read(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise mistyped(value, "map")
            if check:
                check(len(value), value)
            values = {}
            for key, item in value.items():
                try:
                    values[keys(key)] = element(item)
                except Invalid as problem:
                    problem.within(Key(key))
                    raise
            return values

        return read


def _string(shape: Shape) -> Reader:
    check = bounds(shape, "length")
    pattern = pattern_of(shape)
    allowed = frozenset(shape.traits.get("enum", ()))
    listed = ", ".join(shape.traits.get("enum", ()))
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
            shown = "" if shape.traits.get("sensitive") else f" '{value:.200}'"
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


_SCALARS: dict[str, Callable[[Shape], Reader]] = {
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


EARLIEST, LATEST = -62_135_596_800.0, 253_402_300_800.0
"""Epoch seconds of the years that can be written down."""
NO_TEXT = re.compile("[\ud800-\udfff]")
"""Halves of characters: no encoding has them."""
NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What no XML can carry: a service that answers in it could never describe the resource again."""
XML_PATTERN = r"[\u0009\u000A\u000D\u0020-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]*"

EMPTY_IS_NONE = ("rds",)
"""The services that take empty optional text as if it were not there."""
PATTERNED = ("iam", "sts")
"""The services that hold members to their models' patterns; the others say it in words of their own."""


def pattern_of(shape: Shape) -> re.Pattern[str] | None:
    """What the text has to be like; None too where the pattern has what Python does not know, such as `\\p{L}`."""
    text = shape.traits.get("pattern")
    if text is None or shape.service not in PATTERNED:
        return None
    try:
        return re.compile(text, re.ASCII | re.DOTALL)
    except re.error:
        return None


def bounds(shape: Shape, what: str) -> Callable[[float, Any], None] | None:
    """The check of a shape's `min` and `max`, if it has any."""
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
        shown = "'***'" if shape.traits.get("sensitive") else f"'{value!s:.200}'"
        raise Invalid(f"Value {shown} at '{{path}}' failed to satisfy constraint: Member must have {have} {bound}")

    return check


def says_nothing(value: Any) -> bool:
    """Whether a member that is not supported may be there all the same: it is empty, however deep that is."""
    if isinstance(value, dict):
        return all(each is None or says_nothing(each) for each in value.values())
    return value in ([], "")


def narrowed(read: Reader, shape: Shape, kind: Any) -> Reader:
    """`read`, and a refusal by name of the values that AWS takes and culm does not."""
    taken = values_taken(shape, kind)
    if not taken:
        return read
    listed = ", ".join(map(shown, taken))

    def check(value: Any) -> Any:
        got = read(value)
        if got not in taken:
            raise Invalid(f" = {shown(got)}; it takes {listed}", unsupported=True)
        return got

    return check


def values_taken(shape: Shape, kind: Any) -> tuple[Any, ...]:
    """All that a field takes; none where it takes whatever AWS does."""
    taken = typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()
    everything = (True, False) if shape.type == "boolean" else shape.traits.get("enum", ())
    return () if everything and set(everything) <= set(taken) else taken


def shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def mistyped(value: Any, wanted: str) -> Invalid:
    return Invalid(f"Value at '{{path}}' must be of type {wanted}, not {type(value).__name__}")


def unwrap(kind: Any) -> Any:
    """A type without `Stored` and `| None` around it."""
    while True:
        origin = typing.get_origin(kind)
        if origin is typing.Annotated:
            kind = typing.get_args(kind)[0]
        elif origin in (typing.Union, types.UnionType):
            rest = [part for part in typing.get_args(kind) if part is not types.NoneType]
            if len(rest) != 1:
                return kind
            kind = rest[0]
        else:
            return kind


def fields_of(kind: Any) -> dict[str, Any] | None:
    """A record's fields and their types; None where the type takes anything."""
    return typing.get_type_hints(kind, include_extras=True) if dataclasses.is_dataclass(kind) else None


def needed_by(kind: Any) -> frozenset[str]:
    """The fields that a record cannot be made without."""
    if not dataclasses.is_dataclass(kind):
        return frozenset()
    none = dataclasses.MISSING
    return frozenset(f.name for f in dataclasses.fields(kind) if f.default is none and f.default_factory is none)


def element_of(kind: Any) -> Any:
    """`X` of `tuple[X, ...]`."""
    origin = typing.get_origin(kind)
    return typing.get_args(kind)[0] if origin and issubclass(origin, Collection) else Any


def value_of(kind: Any) -> Any:
    """`X` of `Mapping[str, X]`."""
    origin = typing.get_origin(kind)
    return typing.get_args(kind)[1] if origin and issubclass(origin, Mapping) else Any
