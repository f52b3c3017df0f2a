"""From a request's members to an operation's input record: validate, rename, refuse; compiled once per operation.

A protocol hands over members under AWS's names; what comes out is what `msgspec.convert` takes. A member that the
record lacks is refused by name, unless it is null or an empty list or map, which say nothing; one that AWS's model
lacks, too, is ignored where AWS ignores it. `scalar_input` reads
text, numbers, times and bytes; `invalid` is what a client is told; `kinds` reads the record's types.
"""

import typing
from collections.abc import Callable
from typing import Any

import msgspec

from culm.cluster.wire.invalid import Invalid, Key, mistyped
from culm.cluster.wire.kinds import element_of, fields_of, needed_by, unwrap, value_of
from culm.cluster.wire.models import Operation, Shape, snake
from culm.cluster.wire.scalar_input import SCALARS, Reader, bounds

IGNORING = ("json", "rest-json", "smithy-rpc-v2-cbor")
"""The protocols of services that pass over members which no model of theirs has: a client may be newer than AWS."""
EMPTY_IS_NONE = ("rds",)
"""The services that take empty optional text as if it were not there."""


def compile_input(operation: Operation, record: type, paged: frozenset[str] = frozenset()) -> Reader:
    """Return a function from wire members to `record`; members of `paged` belong to the wire and are only validated."""
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
    """Return a function from wire members to what `kind`, a record or anything, is made of."""
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
            self._known[key] = make(shape, kind) if make else narrowed(SCALARS[shape.type](shape), shape, kind)
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
        ignores_unknown = shape.protocol in IGNORING
        union = bool(shape.traits.get("union"))

        def read(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise mistyped(value, "structure")
            values = {}
            for name, item in value.items():
                if item is None:
                    continue
                if name not in members and ignores_unknown:
                    continue
                own, reader = members.get(name, ("", None))
                if reader is None:
                    if says_nothing(item) and name not in TRUE_BY_DEFAULT:
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


TRUE_BY_DEFAULT = frozenset({"AutoMinorVersionUpgrade", "RotateImmediately"})
"""Members for which `false` asks for something: without them AWS does it."""


def says_nothing(value: Any) -> bool:
    """Return whether a member that is not supported may be there all the same: it is empty or false, however deep.

    Clients that are made of Amazon's models send what is off as `false`, such as Terraform's provider each volume's
    `configuredAtLaunch`.
    """
    if isinstance(value, dict):
        return all(each is None or says_nothing(each) for each in value.values())
    return value is False or value in ("false", "") or value == []


def narrowed(read: Reader, shape: Shape, kind: Any) -> Reader:
    """Return `read`, with a refusal by name of the values that AWS takes and culm does not."""
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
    """Return all that a field takes; none where it takes whatever AWS does."""
    taken = typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()
    everything = (True, False) if shape.type == "boolean" else shape.traits.get("enum", ())
    return () if everything and set(everything) <= set(taken) else taken


def shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
