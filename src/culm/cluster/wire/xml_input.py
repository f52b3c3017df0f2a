"""XML bodies of requests, read by walking the input shape; compiled once per operation."""

from collections.abc import Callable, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from culm.cluster.wire import scalars
from culm.cluster.wire.models import Shape

Reader = Callable[[Sequence[Element]], Any]
"""From the elements of one name to a member's value: several of a name are a flattened list."""


def compile_xml(shape: Shape) -> Callable[[Element], dict[str, Any]]:
    """Return what reads a document's root into its members; unknown ones keep their names, to be refused."""
    read = _XmlInputCompiler().reader(shape)
    return lambda root: dict(read([root]))


def tag(element: Element) -> str:
    """Return its name without the namespace: clients send it or not."""
    return element.tag.rpartition("}")[2]


class _XmlInputCompiler:
    def __init__(self) -> None:
        self._known: dict[str, Reader] = {}

    def reader(self, shape: Shape) -> Reader:
        match shape.type:
            case "structure":
                if shape.name not in self._known:
                    # while it is made, a shape that contains itself finds this, and calls the table when it is needed
                    self._known[shape.name] = lambda elements: self._known[shape.name](elements)
                    self._known[shape.name] = self._structure(shape)
                return self._known[shape.name]
            case "list":
                return self._list(shape)
            case _:
                convert = scalars.of(shape)
                return lambda elements: convert(elements[0].text or "")

    def _structure(self, shape: Shape) -> Reader:
        members = {}
        attributes = []
        for name, member in shape.members.items():
            if member.traits.get("xmlAttribute"):
                attributes.append((name, str(member.location_name).rpartition(":")[2]))
            elif not member.location:
                members[member.location_name or name] = name, self.reader(member)

        def read(elements: Sequence[Element]) -> Any:
            element = elements[0]
            below: dict[str, list[Element]] = {}
            for child in element:
                below.setdefault(tag(child), []).append(child)
            values: dict[str, Any] = {}
            for wire, children in below.items():
                name, reader = members.get(wire, (wire, None))
                values[name] = reader(children) if reader else children[0].text
            for name, attribute in attributes:
                matches = [value for key, value in element.items() if key.rpartition("}")[2] == attribute]
                if matches:
                    values[name] = matches[0]
            return values

        return read

    def _list(self, shape: Shape) -> Reader:
        element = self.reader(shape.member)
        if shape.flattened:
            return lambda elements: [element([item]) for item in elements]
        return lambda elements: [element([item]) for item in elements[0]]
