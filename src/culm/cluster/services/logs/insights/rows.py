"""Rows: an event with the fields that are discovered in its message, or a group of events that was summed up."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from culm.cluster.services.logs.insights.values import Value

MOST_FIELDS = 200
"""That are discovered in one event."""


class EventRow:
    """Fields by name. What most queries do not ask for is made when it is asked for."""

    __slots__ = ("_own", "_unread", "values")

    def __init__(
        self, values: dict[str, Value], *, discover: bool = False, own: Callable[[str], Value] | None = None
    ) -> None:
        """`discover`: whether the message may be JSON with more fields. `own`: gives other fields that begin with @."""
        self.values = values
        self._unread = discover
        self._own = own

    def get(self, name: str) -> Value:
        """Return a field's value; None if there is none."""
        if name in self.values:
            return self.values[name]
        if name.startswith("@"):
            return self._own(name) if self._own else None
        if self._unread:
            self._discover()
            return self.values.get(name)
        return None

    def _discover(self) -> None:
        self._unread = False
        self.values = {**discovered(str(self.values.get("@message", ""))), **self.values}


def discovered(message: str) -> dict[str, Value]:
    """Return the fields of a message that is JSON, `{"user": {"id": 1}, "tags": ["a"]}` as `user.id`, `tags.0`."""
    start = message.find("{")
    if start < 0:
        return {}
    try:
        parsed = json.loads(message) if not start else json.JSONDecoder().raw_decode(message, start)[0]
    except (ValueError, RecursionError):
        return {}
    if not isinstance(parsed, dict):
        return {}
    fields: dict[str, Value] = {}
    for name, value in _flat(parsed, ""):
        fields[name] = value
        if len(fields) == MOST_FIELDS:
            break
    return fields


def _flat(value: Any, name: str) -> Iterator[tuple[str, Value]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _flat(item, f"{name}.{place}")
    elif value is not None:
        yield name, value
