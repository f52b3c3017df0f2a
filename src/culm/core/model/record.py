"""Records: frozen, slotted, keyword-only dataclasses."""

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Make a class a record. Change one with `dataclasses.replace`."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def members(cls: type[T]) -> type[T]:
    """Make a class a set of fields that records can have beside another base; itself it has no instances.

    A class may have one base with slots, so these have none: the record that takes them in has them.
    """
    return dataclass(frozen=True, kw_only=True)(cls)


def filled(value: T, **fields: Any) -> T:
    """Set fields of a frozen record in place. Only for one just decoded that nothing else refers to."""
    for name, field in fields.items():
        object.__setattr__(value, name, field)
    return value


STORED = "stored"
"""Marks a field that is kept and described back but changes nothing here."""

Stored = Annotated[T, STORED]
"""`tags: Stored[tuple[Tag, ...]]`: doing nothing with this field is harmless, so it is only remembered.

A field without the mark is honoured; a field that a record lacks is refused by name
(see `culm.cluster.wire.operations`).
"""
