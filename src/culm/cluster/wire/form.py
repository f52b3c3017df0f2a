"""The `query` and `ec2` protocols' requests: form fields like `Tags.member.1.Key`, into nested members.

https://smithy.io/2.0/aws/protocols/aws-query-protocol.html and .../aws-ec2-query-protocol.html
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from culm.cluster.wire import scalars
from culm.cluster.wire.http import Request
from culm.cluster.wire.models import Operation, Service, Shape

Node = dict[str, Any]
"""Fields exploded at their dots: `{"Tags": {"member": {"1": {"Key": "a"}}}}`; a field's own value is under ""."""

DEEPEST = 40
"""Parts of a field's name: more than any model has."""


def fields(request: Request) -> dict[str, str]:
    """Return the fields of the query string and of a form body."""
    fields = dict(parse_qsl(request.query, keep_blank_values=True)) if request.query else {}
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        fields |= parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return fields


def find(service: Service, request: Request) -> tuple[str, dict[str, str]]:
    """Return the operation that a form names, and the form."""
    form = fields(request)
    return form.get("Action", ""), form


def explode(form: dict[str, str]) -> Node:
    """Return fields by their parts. One with an empty part, or too many, can be nobody's: it keeps its whole name."""
    root: Node = {}
    for name, value in form.items():
        node, parts = root, name.split(".")
        for part in parts if all(parts) and len(parts) <= DEEPEST else [name]:
            node = node.setdefault(part, {})
        node[""] = value
    return root


def decoder(operation: Operation) -> Callable[[dict[str, str]], Any]:
    """Return the members that a form names, with their types.

    What the model does not know keeps its name, to be refused.
    """
    shape = operation.input
    if shape is None:
        return lambda form: {}
    read = _FormCompiler(ec2=operation.service.protocol == "ec2").structure(shape)

    def decode(form: dict[str, str]) -> Any:
        root = explode({name: value for name, value in form.items() if not name.startswith("X-Amz-")})
        root.pop("Action", None)
        root.pop("Version", None)
        return read(root)

    return decode


Reader = Callable[[Node], Any]

_INDEX = re.compile("[0-9]{1,9}")


class _FormCompiler:
    def __init__(self, *, ec2: bool) -> None:
        self._ec2 = ec2
        self._known: dict[str, Reader] = {}

    def name(self, shape: Shape, default: str) -> str:
        """Return what a member is called in a form; EC2 has a rule of its own."""
        if not self._ec2:
            return shape.location_name or default
        if query_name := shape.traits.get("queryName"):
            return str(query_name)
        return shape.location_name[0].upper() + shape.location_name[1:] if shape.location_name else default

    def reader(self, shape: Shape) -> Reader:
        if shape.type == "structure":
            return self.structure(shape)
        if shape.type == "list":
            return self.list(shape)
        if shape.type == "map":
            return self.map(shape)
        convert = scalars.of(shape)
        return lambda node: convert(node[""]) if "" in node else node

    def structure(self, shape: Shape) -> Reader:
        if shape.name not in self._known:
            self._known[shape.name] = lambda node: self._known[shape.name](node)
            self._known[shape.name] = self._structure(shape)
        return self._known[shape.name]

    def _structure(self, shape: Shape) -> Reader:
        members = {}
        for name, member in shape.members.items():
            members[self.name(member, name)] = name, self.reader(member)

        def read(node: Node) -> Any:
            values = {}
            for wire, below in node.items():
                if wire in members:
                    name, reader = members[wire]
                    values[name] = reader(below)
                elif wire:
                    values[wire] = below
            return values

        return read

    def list(self, shape: Shape) -> Reader:
        element = self.reader(shape.member)
        step = None if self._ec2 else shape.member.location_name or "member"

        def read(node: Node) -> Any:
            items = node
            if step is not None:
                # `Names.1` without its `member` is accepted, as AWS does
                items = node.get(step, node)
            return [element(items[number]) for number in sorted(filter(_INDEX.fullmatch, items), key=int)]

        return read

    def map(self, shape: Shape) -> Reader:
        key_name = self.name(shape.key, "key")
        value_name = self.name(shape.value, "value")
        key, value = self.reader(shape.key), self.reader(shape.value)

        def read(node: Node) -> Any:
            entries = node.get("entry", {})
            return {
                key(entries[number].get(key_name, {"": ""})): value(entries[number].get(value_name, {"": ""}))
                for number in sorted(filter(_INDEX.fullmatch, entries), key=int)
            }

        return read
