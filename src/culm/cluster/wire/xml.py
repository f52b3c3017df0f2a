"""XML bodies of responses, written by walking the output shape; compiled once per operation."""

import base64
import datetime
import re
from collections.abc import Callable
from email.utils import formatdate
from typing import Any
from xml.sax.saxutils import escape

from culm.cluster.wire.models import Shape, snake

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_RETURN = {"\r": "&#13;"}
"""A parser makes a line feed of a plain one."""

Out = list[str]
Writer = Callable[[Any, Out], None]


def compile_members(shape: Shape) -> Writer:
    """Return a function that writes a structure's members, without an element around them."""
    return _XmlCompiler().members(shape)


def compile_element(shape: Shape, tag: str, namespace: str) -> Writer:
    """Return a function that writes a structure as a document's root element."""
    inside = _XmlCompiler().members(shape)

    def write(value: Any, out: Out) -> None:
        out.append(f'<{tag} xmlns="{namespace}">')
        inside(value, out)
        out.append(f"</{tag}>")

    return write


class _XmlCompiler:
    def __init__(self) -> None:
        self._known: dict[str, Writer] = {}

    def element(self, shape: Shape, tag: str) -> Writer:
        if shape.type == "list":
            return self._list(shape, tag)
        if shape.type == "map":
            return self._map(shape, tag)
        start, end = opening(shape, tag), f"</{tag}>"
        if shape.type == "structure":
            attributes = [
                (str(member.location_name), snake(name))
                for name, member in shape.members.items()
                if member.traits.get("xmlAttribute")
            ]
            inside = self.members(shape)

            def write(value: Any, out: Out) -> None:
                if attributes:
                    ask = value.get if type(value) is dict else lambda own: getattr(value, own)
                    written = "".join(f' {name}="{escaped(ask(own))}"' for name, own in attributes)
                    out.append(start[:-1] + written + ">")
                else:
                    out.append(start)
                inside(value, out)
                out.append(end)

            return write
        text = text_writer(shape)

        def write_text(value: Any, out: Out) -> None:
            out.append(f"{start}{text(value)}{end}")

        return write_text

    def members(self, shape: Shape) -> Writer:
        if shape.name not in self._known:
            # while it is made, a shape that contains itself finds this, and calls the table when it is needed
            self._known[shape.name] = lambda value, out: self._known[shape.name](value, out)
            self._known[shape.name] = self._members(shape)
        return self._known[shape.name]

    def _members(self, shape: Shape) -> Writer:
        members = [
            (snake(name), self.element(member, member.location_name or name))
            for name, member in shape.members.items()
            if member.location is None and not member.traits.get("xmlAttribute")
        ]
        present: dict[type, list[tuple[str, Writer]]] = {}

        def write(value: Any, out: Out) -> None:
            if type(value) is dict:
                for own, element in members:
                    if (item := value.get(own)) is not None:
                        element(item, out)
                return
            kind = type(value)
            if kind not in present:
                present[kind] = [entry for entry in members if hasattr(value, entry[0])]
            for own, element in present[kind]:
                if (item := getattr(value, own)) is not None:
                    element(item, out)

        return write

    def _list(self, shape: Shape, tag: str) -> Writer:
        if shape.flattened:
            element = self.element(shape.member, shape.member.location_name or tag)

            def write_flat(value: Any, out: Out) -> None:
                for item in value:
                    element(item, out)

            return write_flat
        element = self.element(shape.member, shape.member.location_name or "member")

        def write(value: Any, out: Out) -> None:
            out.append(f"<{tag}>")
            for item in value:
                element(item, out)
            out.append(f"</{tag}>")

        return write

    def _map(self, shape: Shape, tag: str) -> Writer:
        key = self.element(shape.key, shape.key.location_name or "key")
        element = self.element(shape.value, shape.value.location_name or "value")

        def write(value: Any, out: Out) -> None:
            out.append(f"<{tag}>")
            for name, item in value.items():
                out.append("<entry>")
                key(name, out)
                element(item, out)
                out.append("</entry>")
            out.append(f"</{tag}>")

        return write


def opening(shape: Shape, tag: str) -> str:
    """Return the start tag, with the namespace that the model gives it: S3's grantees need `xmlns:xsi`."""
    declared = shape.traits.get("xmlNamespace")
    if isinstance(declared, dict) and declared.get("prefix"):
        return f'<{tag} xmlns:{declared["prefix"]}="{declared["uri"]}">'
    return f"<{tag}>"


def text_writer(shape: Shape, *, time: str = "iso8601") -> Callable[[Any], str]:
    """Return how a scalar is written; `time` is the format of timestamps that name none."""
    match shape.type:
        case "timestamp":
            return TIMESTAMPS[shape.traits.get("timestampFormat", time)]
        case "boolean":
            return lambda value: "true" if value else "false"
        case "blob":
            return lambda value: base64.b64encode(value).decode()
        case _:
            return escaped


def escaped(value: Any) -> str:
    """Return a text as XML has it; what XML cannot carry becomes U+FFFD, so that the rest can be read.

    Most text has nothing to escape, and to look is cheaper than to replace.
    """
    text = str(value)
    if not text.isprintable():
        text = _NO_XML.sub("\ufffd", text)
    return escape(text, _RETURN) if "&" in text or "<" in text or ">" in text or "\r" in text else text


def iso8601(when: float) -> str:
    """Return a moment as AWS writes it, with milliseconds: `2026-01-02T03:04:05.678Z`."""
    moment = datetime.datetime.fromtimestamp(when, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


TIMESTAMPS: dict[str, Callable[[float], str]] = {
    "iso8601": iso8601,
    "rfc822": lambda when: formatdate(when, usegmt=True),
    "unixTimestamp": lambda when: f"{when:.3f}".removesuffix(".000"),
}
