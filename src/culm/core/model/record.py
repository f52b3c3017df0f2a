"""The one way to write a value: a frozen, slotted, keyword-only dataclass."""

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Make a class a value. Change one with `dataclasses.replace`."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


def filled(value: T, **fields: Any) -> T:
    """A record that was just decoded, and that nobody else has yet, with what is kept beside it; not a copy."""
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
