"""A compose file's values with the place of each: YAML's nodes, made to be filled in and merged."""

import re
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import Literal, NoReturn

import yaml

from culm.core.model.record import record
from culm.errors import UsageError
from culm.project import yamls
from culm.project.compose.interpolation import Interpolated

Rule = Literal["", "reset", "override"]
"""`!reset` takes away what an earlier file says, `!override` is not merged with it."""


@record
class SourceLine:
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@record
class Scalar:
    place: SourceLine
    text: str
    raw: str
    """As the file says it, before variables are filled in."""
    null: bool = False
    missing: tuple[str, ...] = ()
    """Variables in it that are not set."""
    rule: Rule = ""


@record
class Sequence:
    place: SourceLine
    items: "tuple[Tree, ...]" = ()
    rule: Rule = ""


@record
class Table:
    place: SourceLine
    entries: "Mapping[str, Tree]" = field(default_factory=dict)
    rule: Rule = ""

    def get(self, name: str) -> "Tree | None":
        return self.entries.get(name)


Tree = Scalar | Sequence | Table
Fill = Callable[[str], Interpolated]


def refuse(place: SourceLine, problem: str, hint: str = "") -> NoReturn:
    """Raise UsageError with the file and line."""
    raise UsageError(f"{place}: {problem}", hint)


def tree_of(node: yaml.Node, file: str, fill: Fill) -> Tree:
    """Return the node's values; `fill` fills in variables and raises ValueError where that cannot be."""
    place = SourceLine(file=file, line=yamls.line(node))
    rule: Rule = "reset" if node.tag == "!reset" else "override" if node.tag == "!override" else ""

    def refused(where: yaml.Node, problem: str) -> NoReturn:
        refuse(SourceLine(file=file, line=yamls.line(where)), problem)

    match node:
        case yaml.MappingNode():
            entries = {str(key.value): tree_of(value, file, fill) for key, value in yamls.merged(node, refused)}
            return Table(place=place, entries=entries, rule=rule)
        case yaml.SequenceNode():
            return Sequence(place=place, items=tuple(tree_of(item, file, fill) for item in node.value), rule=rule)
        case _:
            text = str(node.value)
            if yamls.is_null(node):
                return Scalar(place=place, text="", raw=text, null=True, rule=rule)
            try:
                filled = fill(text)
            except ValueError as error:
                hint = "set it in the environment or in .env" if "is required" in str(error) else ""
                refuse(place, str(error), hint)
            shown = plain_float(node) or filled.text
            return Scalar(place=place, text=shown, raw=text, missing=filled.missing, rule=rule)


def plain_float(node: yaml.Node) -> str:
    """Return a number without quotes as YAML, and so compose, reads it: `3.10` is 3.1.

    Empty for what is no such number.
    """
    if (
        not isinstance(node, yaml.ScalarNode)
        or node.style  # quoted or a block: libyaml says "" of a plain one, PyYAML None
        or not re.fullmatch(r"-?\d+\.\d*", str(node.value))
    ):
        return ""
    return str(node.value).rstrip("0").rstrip(".")


def absent(tree: Tree | None) -> bool:
    """Return whether there is nothing, or a null, which Compose takes for nothing."""
    return tree is None or (isinstance(tree, Scalar) and tree.null)


def table(tree: Tree | None, what: str) -> Mapping[str, Tree]:
    """Return the entries of a mapping; none for what is absent.

    Raises:
        UsageError: it is no mapping; with file and line.
    """
    if tree is None or absent(tree):
        return {}
    if not isinstance(tree, Table):
        refuse(tree.place, f"{what} is to be a mapping")
    return tree.entries


def listed(tree: Tree | None, what: str) -> tuple[Tree, ...]:
    """Return the items of a list; none for what is absent."""
    if tree is None or absent(tree):
        return ()
    if not isinstance(tree, Sequence):
        refuse(tree.place, f"{what} is to be a list")
    return tree.items


def text(tree: Tree | None, what: str) -> str:
    """Return the text of a scalar; empty for what is absent."""
    if tree is None:
        return ""
    if not isinstance(tree, Scalar):
        refuse(tree.place, f"{what} is to be one value, and no list or mapping")
    return tree.text


def scalars(tree: Tree | None) -> tuple[Scalar, ...]:
    """Return the scalars of a list, or the value itself when it is one."""
    if isinstance(tree, Sequence):
        return tuple(item for item in tree.items if isinstance(item, Scalar))
    return (tree,) if isinstance(tree, Scalar) and not tree.null else ()


def missing(tree: Tree | None) -> tuple[str, ...]:
    """Return the variables that are not set, anywhere in a tree."""
    match tree:
        case Scalar():
            return tree.missing
        case Sequence():
            return tuple(dict.fromkeys(name for item in tree.items for name in missing(item)))
        case Table():
            return tuple(dict.fromkeys(name for item in tree.entries.values() for name in missing(item)))
        case _:
            return ()


def with_text(scalar: Scalar, changed: str) -> Scalar:
    return replace(scalar, text=changed)
