"""From what an operation returns to JSON values: walks the output shape, compiled once per operation.

A value is a record or a mapping in snake_case; a member that it lacks, or that is None, is left out.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from culm.wire.models import Shape, snake

Writer = Callable[[Any], Any]


def compile_output(shape: Shape, scalars: Mapping[str, Writer] | None = None) -> Writer:
    """A function from what an operation returns to what `msgspec.json` encodes; another codec names its `scalars`."""
    return _Compiler(_SCALARS if scalars is None else scalars).writer(shape)


class _Compiler:
    def __init__(self, scalars: Mapping[str, Writer]) -> None:
        self._scalars = scalars
        self._known: dict[str, Writer] = {}

    def writer(self, shape: Shape) -> Writer:
        make: Callable[[Shape], Writer] | None = getattr(self, f"_{shape.type}", None)
        if make is None:
            return self._scalars.get(shape.type, _same)
        if shape.name not in self._known:
            # while it is made, a shape that contains itself finds this, and calls the table when it is needed
            self._known[shape.name] = lambda value: self._known[shape.name](value)
            self._known[shape.name] = make(shape)
        return self._known[shape.name]

    def _structure(self, shape: Shape) -> Writer:
        if shape.traits.get("document"):
            return _same
        members = [(name, snake(name), self.writer(member)) for name, member in shape.members.items()]
        present: dict[type, list[tuple[str, str, Writer]]] = {}

        def write(value: Any) -> dict[str, Any]:
            if type(value) is dict:
                return {wire: writer(item) for wire, own, writer in members if (item := value.get(own)) is not None}
            kind = type(value)
            if kind not in present:
                present[kind] = [entry for entry in members if hasattr(value, entry[1])]
            return {
                wire: writer(item) for wire, own, writer in present[kind] if (item := getattr(value, own)) is not None
            }

        return write

    def _list(self, shape: Shape) -> Writer:
        writer = self.writer(shape.member)
        if writer is _same:
            return list
        return lambda value: [writer(item) for item in value]

    def _map(self, shape: Shape) -> Writer:
        writer = self.writer(shape.value)
        if writer is _same:
            return dict
        return lambda value: {key: writer(item) for key, item in value.items()}


def _same(value: Any) -> Any:
    return value


def _blob(value: bytes) -> str:
    return base64.b64encode(value).decode()


_SCALARS: dict[str, Writer] = {"blob": _blob}
