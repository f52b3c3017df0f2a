"""YAML as nodes that know their lines: reading, members, merges.

`<<: *anchor` counts for the keys that are not written out, the first of several anchors before the later ones
(https://yaml.org/type/merge.html). An anchor that refers to itself, `&s {a: *s}` or `&s {<<: *s}`, has no end when it
is walked; it is refused when the file is read, so that nobody who walks need think of it.
"""

from collections.abc import Callable, Iterator
from typing import NoReturn

import yaml

from culm.errors import UsageError

MERGE = "tag:yaml.org,2002:merge"
NULL = "tag:yaml.org,2002:null"
Refuse = Callable[[yaml.Node, str], NoReturn]


def compose(source: str, file: str) -> yaml.Node | None:
    """Return the nodes of a YAML text; None when it is empty. `file` is how messages name it.

    Raises:
        UsageError: it is not YAML, or an anchor refers to itself; with file and line.
    """
    text = source.removeprefix("\ufeff")
    try:
        node = _nodes(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{file}:{mark.line + 1}" if mark else file
        problem = error.problem or error.context or "cannot be read"
        raise UsageError(f"{where}: not YAML: {problem}", "indent with spaces, `key: value`") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{file}: not YAML: {error}") from None
    except RecursionError:
        raise UsageError(f"{file}: not YAML: it is nested too deeply") from None
    if node is not None:
        refuse_circles(node, file)
    return node


def _nodes(text: str) -> yaml.Node | None:
    """Read with libyaml, which is ten times as fast and stops at 1,000 levels.

    A text that it refuses is read again by PyYAML's own parser, whose messages name the word that is wrong.
    """
    if (quick := getattr(yaml, "CSafeLoader", None)) is not None:
        try:
            return yaml.compose(text, Loader=quick)
        except yaml.MarkedYAMLError as error:
            if "nesting" in (error.problem or ""):
                raise RecursionError from None
        except (yaml.YAMLError, UnicodeError):
            pass
    return yaml.compose(text, Loader=yaml.SafeLoader)


def refuse_circles(top: yaml.Node, file: str) -> None:
    """Raise UsageError where a node contains itself: an alias inside of its own anchor."""
    done: set[int] = set()
    path: set[int] = set()
    waiting: list[tuple[yaml.Node, bool]] = [(top, False)]
    while waiting:
        node, left = waiting.pop()
        if left:
            path.discard(id(node))
            done.add(id(node))
            continue
        if id(node) in path:
            raise UsageError(f"{file}:{line(node)}: an anchor refers to itself", "write out what it is to repeat")
        if id(node) in done:
            continue
        path.add(id(node))
        waiting.append((node, True))
        waiting += [(child, False) for child in children(node)]


def children(node: yaml.Node) -> list[yaml.Node]:
    match node:
        case yaml.MappingNode():
            return [child for pair in node.value for child in pair]
        case yaml.SequenceNode():
            return list(node.value)
        case _:
            return []


def line(node: yaml.Node) -> int:
    """Return where the node begins, from 1."""
    return int(node.start_mark.line) + 1


def is_null(node: yaml.Node | None) -> bool:
    return node is None or (isinstance(node, yaml.ScalarNode) and node.tag == NULL)


def merged(node: yaml.Node | None, refuse: Refuse | None = None) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """Yield keys and values: those that are written out in their order, then what merges bring.

    A key that is no scalar, one that is written twice and a merge of what is no mapping go to `refuse`, which raises;
    without it they are passed over. What is no mapping has no pairs.
    """
    if not isinstance(node, yaml.MappingNode):
        return
    known: dict[str, int] = {}
    anchors: list[yaml.Node] = []
    for key, value in node.value:
        if key.tag == MERGE:
            anchors += value.value if isinstance(value, yaml.SequenceNode) else [value]
        elif not isinstance(key, yaml.ScalarNode):
            if refuse is not None:
                refuse(key, "a key is one word, and no list or mapping")
        elif key.value in known:
            if refuse is not None:
                refuse(key, f"written twice, first in line {known[key.value]}")
        else:
            known[key.value] = line(key)
            yield key, value
    for anchor in anchors:
        if not isinstance(anchor, yaml.MappingNode) and refuse is not None:
            refuse(anchor, "<< takes a mapping")
        for key, value in merged(anchor, refuse):
            if key.value not in known:
                known[key.value] = line(key)
                yield key, value


def pairs(node: yaml.Node | None) -> list[tuple[str, yaml.Node]]:
    """Return a mapping's keys and values, merges included."""
    return [(str(key.value), value) for key, value in merged(node)]


def member(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """Return the value of the key `name`, merged ones too; None if there is none."""
    return next((value for key, value in pairs(node) if key == name), None)


def scalars(node: yaml.Node | None) -> list[yaml.ScalarNode]:
    """Return the scalars of a list, or the node itself when it is one."""
    if isinstance(node, yaml.SequenceNode):
        return [item for item in node.value if isinstance(item, yaml.ScalarNode)]
    return [node] if isinstance(node, yaml.ScalarNode) else []
