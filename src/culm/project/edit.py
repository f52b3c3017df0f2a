"""Change values of culm.yml in its text, so that comments, order and style stay as people wrote them.

The text is composed to nodes, which know where they stand; what changes is cut out there and written anew. A value
that is not there yet becomes a line of its own at the end of its mapping, or a member of a mapping in braces:

    services:                      services:
      accounts: {port: 8001}  ->     accounts: {port: 8001, memory: 96}
      web:                           web:
        path: /*  # all                path: /*  # all
                                       memory: 96

Afterwards the text is read again: it has to say what it said before but for the one value. What an anchor brings
(`accounts: *usual`) is not changed for one service alone; that is refused.
"""

from collections.abc import Sequence
from typing import Any

import yaml

from culm.errors import UsageError
from culm.project import yamls

Path = tuple[str, ...]


def line_of(text: str, path: Path) -> int:
    """Return the line, from 1, of a key or of the nearest one above it that is written; 1: none of them is."""
    node, line = yamls.compose(text, ""), 1
    for name in path:
        written = _own(node, name)
        if written is None:
            break
        key, node = written
        line = yamls.line(key)
    return line


def with_value(text: str, path: Path, value: str, file: str = "culm.yml") -> str:
    """Return the text with `value`, as YAML writes it, at `path`; keys above it that are not there are added.

    Raises UsageError where another value than this one would change with it, with file and line.
    """
    changed = _changed(text, path, value)
    before, after = _read(text), None if changed is None else _read(changed)
    if changed is None or after is None or after != _expected(before, path, yaml.safe_load(value)):
        place = f"{file}:{line_of(text, path)}"
        raise UsageError(
            f"{place}: {'.'.join(path)} cannot be written here by itself", f"write it: {path[-1]}: {value}"
        )
    return changed


def _changed(text: str, path: Path, value: str) -> str | None:
    """Return the text with the value written; None: it stands where no text of its own can be put."""
    node = yamls.compose(text, "")
    if not isinstance(node, yaml.MappingNode):
        return None
    for depth, name in enumerate(path):
        written = _own(node, name)
        if written is None:
            return _inserted(text, node, path[depth:], value)
        key, child = written
        if child.start_mark.index < key.end_mark.index:
            return None  # an alias: its value is where its anchor is
        last = depth == len(path) - 1
        if last or yamls.is_null(child):
            nested = value if last else _braces(path[depth + 1 :], value)
            return _replaced(text, key, child, nested)
        if not isinstance(child, yaml.MappingNode):
            return None
        node = child
    return None


def _own(node: yaml.Node | None, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    """Return key and value of a mapping's own member; None: it has none, or a merge brings it."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next(((key, value) for key, value in pairs if key.value == name), None)


def _replaced(text: str, key: yaml.Node, old: yaml.Node, value: str) -> str:
    start, end = old.start_mark.index, old.end_mark.index
    if start == end:  # nothing is written: the node stands somewhere behind the colon
        colon = text.index(":", key.end_mark.index) + 1
        return f"{text[:colon]} {value}{text[colon:]}"
    return text[:start] + value + text[end:]


def _inserted(text: str, node: yaml.MappingNode, path: Path, value: str) -> str:
    """Return the text with one more member at the end of a mapping."""
    if node.flow_style:
        close = node.end_mark.index - 1
        comma = ", " if node.value else ""
        begin = text[:close].rstrip() if comma else text[:close]
        return f"{begin}{comma}{_line(path, value)}{text[len(begin) if comma else close :]}"
    column = " " * (node.value[0][0] if node.value else node).start_mark.column
    newline = "\r\n" if "\r\n" in text else "\n"
    last = len(text[: _last_index(node)].rstrip())  # a text block's own mark is behind the blank lines after it
    end = text.find("\n", last) + 1 or len(text)
    begin = text[:end] if text[:end].endswith("\n") else text[:end] + newline
    return f"{begin}{column}{_line(path, value)}{newline}{text[end:]}"


def _last_index(node: yaml.Node) -> int:
    """Return where the last thing ends that a block mapping says; its own mark is behind the comments after it."""
    if not isinstance(node, yaml.CollectionNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    key, value = last if isinstance(last, tuple) else (last, last)
    if yamls.is_null(value) and value.start_mark.index == value.end_mark.index:
        return int(key.end_mark.index)
    return max(int(key.end_mark.index), _last_index(value))


def _line(path: Path, value: str) -> str:
    return f"{path[0]}: {_braces(path[1:], value)}"


def _braces(path: Sequence[str], value: str) -> str:
    """Write a mapping in braces: `{local: {instances: 1 x t3.small}}`."""
    return value if not path else f"{{{path[0]}: {_braces(path[1:], value)}}}"


def _read(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _expected(before: Any, path: Path, value: Any) -> Any:
    """Return what a document says with one value changed."""
    if not path:
        return value
    known = before if isinstance(before, dict) else {}
    return {**known, path[0]: _expected(known.get(path[0]), path[1:], value)}
