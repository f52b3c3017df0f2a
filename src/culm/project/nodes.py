"""From YAML nodes to the blocks of `schema`, with file, line and key in every refusal."""

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NoReturn

import yaml

from culm.core.model.record import record
from culm.errors import UsageError
from culm.project import yamls
from culm.project.keys import Key
from culm.project.service_schema import MISPLACED

Path = tuple[str, ...]


@record
class Source:
    """A file and where each key of it stands."""

    file: str
    lines: dict[Path, int] = dataclasses.field(default_factory=dict)

    def refuse(self, path: Path, problem: str, hint: str = "", line: int | None = None) -> NoReturn:
        """Raise UsageError: `culm.yml:7: services.accounts.port: problem`.

        A key that is not written is reported at its parent's line.
        """
        at = line
        for depth in range(len(path), -1, -1):
            at = at or self.lines.get(path[:depth])
        where = f"{self.file}:{at}" if at else self.file
        key = ".".join(path)
        raise UsageError(f"{where}: {key}: {problem}" if key else f"{where}: {problem}", hint)


def convert(source: Source, node: yaml.Node, wanted: Any, path: Path = ()) -> Any:
    """Convert the node to `wanted`: a record, a mapping, a tuple, a Literal, str, int or a union of these."""
    source.lines.setdefault(path, node.start_mark.line + 1)
    key, wanted = unwrap(wanted)
    options = [o for o in alternatives(wanted) if o is not types.NoneType]
    if yamls.is_null(node):
        if any(dataclasses.is_dataclass(o) for o in options):
            return block(source, yaml.MappingNode("", [], node.start_mark), options[0], path)
        source.refuse(path, "has no value")
    for option in options:
        if fits(node, option, key):
            return construct(source, node, option, key, path)
    source.refuse(path, f"{describe(node)} where {expected(options, key)} is wanted")


def construct(source: Source, node: yaml.Node, wanted: Any, key: Key | None, path: Path) -> Any:
    """Return the value of type `wanted` that a YAML node is. Raises UsageError with the place."""
    origin = typing.get_origin(wanted)
    if dataclasses.is_dataclass(wanted) and isinstance(node, yaml.MappingNode):
        return block(source, node, wanted, path)
    if origin is not None and issubclass_safe(origin, Mapping):
        assert isinstance(node, yaml.MappingNode)
        of = typing.get_args(wanted)[1]
        if key and key.each:
            of = typing.Annotated[of, key]
        return {name: convert(source, value, of, (*path, name)) for name, value in pairs(source, node, path)}
    if isinstance(node, yaml.SequenceNode):
        item = typing.get_args(wanted)[0]
        if key and key.each:
            item = typing.Annotated[item, key]
        elif key and key.words:  # `[sleep, 5]`, `[true]`: each word as it is written
            item = typing.Annotated[item, Key(doc=key.doc, parse=str)]
        return tuple(convert(source, n, item, (*path, str(i))) for i, n in enumerate(node.value))
    assert isinstance(node, yaml.ScalarNode)
    value = scalar(source, node, wanted, key, path)
    return (
        (value,)
        if origin is tuple and (key is None or key.parse is None or key.each) and not (key and key.words)
        else value
    )


def block(source: Source, node: yaml.MappingNode, wanted: Any, path: Path) -> Any:
    """Return a record from a mapping: unknown keys are refused with the nearest known one, missing ones by name."""
    fields = written_fields(wanted)
    values = {}
    for name, value in pairs(source, node, path):
        if not path and name.startswith("x-"):
            continue  # a place for anchors, as in compose files
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            hint = MISPLACED.get(name) or (f"did you mean {near[0]}?" if near else f"it may be: {', '.join(fields)}")
            source.refuse((*path, name), "there is no such key", hint, value.start_mark.line + 1)
        field, hint_of_type = fields[name]
        key, _ = unwrap(hint_of_type)
        if key and key.not_yet:
            source.refuse((*path, name), key.not_yet, "leave it out", value.start_mark.line + 1)
        values[field.name] = convert(source, value, hint_of_type, (*path, name))
    for name, (field, hint_of_type) in fields.items():
        if field.name not in values and field.default is field.default_factory is dataclasses.MISSING:
            source.refuse((*path, name), "is missing", missing_hint(hint_of_type, name))
    return wanted(**values)


def written_fields(block_type: Any) -> dict[str, tuple[dataclasses.Field[Any], Any]]:
    """Return a block's fields and their annotated types, by the names that they have in the file."""
    hints = typing.get_type_hints(block_type, include_extras=True)
    fields = {}
    for field in dataclasses.fields(block_type):
        key, _ = unwrap(hints[field.name])
        fields[(key and key.name) or field.name] = (field, hints[field.name])
    return fields


def pairs(source: Source, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, yaml.Node]]:
    """Yield keys and values, merges included; a key written twice is refused."""
    own = {id(key) for key, _ in node.value}

    def refuse(where: yaml.Node, problem: str) -> NoReturn:
        key = (str(where.value),) if id(where) in own else ()
        source.refuse((*path, *key), problem, line=yamls.line(where))

    for key, value in yamls.merged(node, refuse):
        name = str(key.value)
        if id(key) in own:
            source.lines[(*path, name)] = yamls.line(key)
        yield name, value


def scalar(source: Source, node: yaml.ScalarNode, wanted: Any, key: Key | None, path: Path) -> Any:
    """Return the value that a scalar is, parsed as its key says. Raises UsageError with the place."""
    text = node.value
    if key and key.parse:
        try:
            return key.parse(text)
        except ValueError as error:
            source.refuse(path, str(error))
    if typing.get_origin(wanted) is Literal:
        return next(choice for choice in typing.get_args(wanted) if spelled(choice) == text.lower())
    if wanted is int:
        return int(text)
    return text


def fits(node: yaml.Node, wanted: Any, key: Key | None) -> bool:
    """Return whether a node has the shape of a type; its text may still be refused."""
    origin = typing.get_origin(wanted)
    if dataclasses.is_dataclass(wanted):
        return isinstance(node, yaml.MappingNode) or (isinstance(node, yaml.ScalarNode) and bool(key and key.parse))
    if origin is not None and issubclass_safe(origin, Mapping):
        return isinstance(node, yaml.MappingNode)
    if isinstance(node, yaml.SequenceNode):
        return origin is tuple and (key is None or key.parse is None or key.each or key.words)
    if not isinstance(node, yaml.ScalarNode):
        return False
    if key and key.parse:
        return True
    if origin is tuple:
        return not dataclasses.is_dataclass(typing.get_args(wanted)[0])
    if origin is Literal:
        return node.value.lower() in {spelled(choice) for choice in typing.get_args(wanted)}
    if wanted is int:
        return node.tag.endswith(":int") and node.value.isdecimal()
    return not node.tag.endswith(":bool")


def expected(options: list[Any], key: Key | None) -> str:
    """Say in words which values a key takes, for errors."""
    if key and key.written:
        return key.written.replace("`", "")
    words: list[str] = []
    for option in options:
        origin = typing.get_origin(option)
        if origin is Literal:
            words.extend(spelled(choice) for choice in typing.get_args(option))
        elif option is int:
            words.append("a whole number")
        elif origin is tuple:
            words.append("a list")
        elif option is str:
            words.append("text")
        else:
            words.append("a mapping (key: value)")
    return " or ".join(words)


def missing_hint(wanted: Any, name: str) -> str:
    """Return how a key that is missing would be written."""
    key, _ = unwrap(wanted)
    return f"{name}: {key.doc}" if key else ""


def describe(node: yaml.Node) -> str:
    """Say what a node is, for errors."""
    match node:
        case yaml.MappingNode():
            return "a mapping"
        case yaml.SequenceNode():
            return "a list"
        case _:
            return repr(node.value)


def unwrap(wanted: Any) -> tuple[Key | None, Any]:
    """Return an annotated field's Key and its bare type."""
    if typing.get_origin(wanted) is typing.Annotated:
        bare, *extras = typing.get_args(wanted)
        return next((e for e in extras if isinstance(e, Key)), None), bare
    return None, wanted


def alternatives(wanted: Any) -> tuple[Any, ...]:
    if typing.get_origin(wanted) in (typing.Union, types.UnionType):
        return typing.get_args(wanted)
    return (wanted,)


def spelled(choice: Any) -> str:
    return str(choice).lower()


def issubclass_safe(kind: Any, other: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, other)
