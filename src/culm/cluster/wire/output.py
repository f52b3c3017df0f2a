"""From what an operation returns to JSON values: walks the output shape, compiled once per operation.

A value is a record or a mapping in snake_case; a member that it lacks, or that is None, is left out.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from culm.cluster.wire.models import Shape, snake

Writer = Callable[[Any], Any]


def compile_output(shape: Shape, scalars: Mapping[str, Writer] | None = None) -> Writer:
    """Return a function from what an operation returns to what `msgspec.json` encodes.

    Another codec names its `scalars`.
    """
    return _OutputCompiler(_SCALARS if scalars is None else scalars).writer(shape)


class _OutputCompiler:
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
        plain = [(wire, own) for wire, own, writer in members if writer is _same]
        others = [entry for entry in members if entry[2] is not _same]
        present: dict[type, tuple[list[tuple[str, str]], list[tuple[str, str, Writer]]]] = {}

        def write(value: Any) -> dict[str, Any]:
            kind = type(value)
            if kind is dict:
                get = value.get
                written = {wire: item for wire, own in plain if (item := get(own)) is not None}
                for wire, own, writer in others:
                    if (item := get(own)) is not None:
                        written[wire] = writer(item)
                return written
            if kind not in present:
                present[kind] = (
                    [entry for entry in plain if hasattr(value, entry[1])],
                    [entry for entry in others if hasattr(value, entry[1])],
                )
            plain_there, others_there = present[kind]
            written = {wire: item for wire, own in plain_there if (item := getattr(value, own)) is not None}
            for wire, own, writer in others_there:
                if (item := getattr(value, own)) is not None:
                    written[wire] = writer(item)
            return written

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
