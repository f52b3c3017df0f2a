"""What an input record's type hints say of its fields."""

import dataclasses
import types
import typing
from collections.abc import Collection, Mapping
from typing import Any


def unwrap(kind: Any) -> Any:
    """Return a type without `Stored` and `| None` around it."""
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
    """Return a record's fields and their types; None where the type takes anything."""
    return typing.get_type_hints(kind, include_extras=True) if dataclasses.is_dataclass(kind) else None


def needed_by(kind: Any) -> frozenset[str]:
    """Return the fields that a record cannot be made without."""
    if not dataclasses.is_dataclass(kind):
        return frozenset()
    none = dataclasses.MISSING
    return frozenset(f.name for f in dataclasses.fields(kind) if f.default is none and f.default_factory is none)


def element_of(kind: Any) -> Any:
    """Return `X` of `tuple[X, ...]`."""
    origin = typing.get_origin(kind)
    return typing.get_args(kind)[0] if origin and issubclass(origin, Collection) else Any


def value_of(kind: Any) -> Any:
    """Return `X` of `Mapping[str, X]`."""
    origin = typing.get_origin(kind)
    return typing.get_args(kind)[1] if origin and issubclass(origin, Mapping) else Any
