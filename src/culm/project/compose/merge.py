"""One compose file over another.

Mappings are merged key by key, lists one after the other, other values replaced. What is a command is replaced whole;
what names things by a key (`environment`, `labels`, `build.args`) is merged as a mapping however it is written; what is
mounted or published once (`ports`, `volumes`, `secrets`) counts once, the later file's.
https://github.com/compose-spec/compose-spec/blob/main/13-merge.md
"""

from collections.abc import Callable
from dataclasses import replace

from culm.project.compose.tree import Scalar, Sequence, Table, Tree, absent

Path = tuple[str, ...]
REPLACED = {("command",), ("entrypoint",), ("healthcheck", "test")}
NAMED = {
    *(("environment",), ("labels",), ("annotations",), ("sysctls",), ("deploy", "labels")),
    *(("build", "args"), ("build", "labels"), ("build", "additional_contexts")),
}
LISTED = {("dns",), ("dns_opt",), ("dns_search",), ("env_file",), ("label_file",), ("tmpfs",)}


def over(base: Tree, upper: Tree, path: Path = ()) -> Tree:
    """Merge `upper` over `base`; `path` is below a service, and empty for the service itself."""
    if upper.rule == "override" or path in REPLACED:
        return upper
    if absent(upper):
        return base
    if absent(base):
        return upper
    if path == ("build",):
        base, upper = build(base), build(upper)
    elif path in NAMED:
        base, upper = named(base), named(upper)
    elif path in (("networks",), ("depends_on",)):
        base, upper = keyed(base), keyed(upper)
    elif path in LISTED:
        base, upper = sequence(base), sequence(upper)
    elif path == ("logging",) and driver(base) != driver(upper):
        return upper
    match base, upper:
        case Table(), Table():
            return tables(base, upper, path)
        case Sequence(), Sequence():
            return lists(base, upper, path)
        case _:
            return upper


def tables(base: Table, upper: Table, path: Path = ()) -> Table:
    """Return `base` with the entries of `upper` laid over it, by the rules of their places."""
    result = dict(base.entries)
    for name, value in upper.entries.items():
        if value.rule == "reset":
            result.pop(name, None)
        elif name in result:
            result[name] = over(result[name], value, (*path, name))
        else:
            result[name] = value
    return replace(upper, entries=result, place=base.place)


def lists(base: Sequence, upper: Sequence, path: Path) -> Sequence:
    """Return both lists in turn; where items of that place have a key, a later one replaces an earlier one."""
    items = (*base.items, *upper.items)
    key = ONCE.get(path[-1] if path else "")
    if key is not None:
        items = tuple({key(item): item for item in items}.values())
    return replace(upper, items=items)


def files(base: Table, upper: Table) -> Table:
    """Return a whole compose file over another: services by services' rules, the rest key by key."""
    result = dict(base.entries)
    for name, value in upper.entries.items():
        if value.rule == "reset":
            result.pop(name, None)
        elif name == "services" and isinstance(mine := result.get(name), Table) and isinstance(value, Table):
            services = dict(mine.entries)
            for each, service in value.entries.items():
                if service.rule == "reset":
                    services.pop(each, None)
                else:
                    services[each] = over(services[each], service) if each in services else service
            result[name] = replace(mine, entries=services)
        elif name in result:
            result[name] = over(result[name], value, ("", name))
        else:
            result[name] = value
    return replace(base, entries=result)


def build(tree: Tree) -> Tree:
    """Return the short form of `build:` as the long one."""
    return Table(place=tree.place, entries={"context": tree}) if isinstance(tree, Scalar) else tree


def keyed(tree: Tree) -> Tree:
    """Return a list of names as a mapping without values."""
    if not isinstance(tree, Sequence):
        return tree
    entries = {
        item.text: Scalar(place=item.place, text="", raw="", null=True)
        for item in tree.items
        if isinstance(item, Scalar)
    }
    return Table(place=tree.place, entries=entries)


def named(tree: Tree) -> Tree:
    """Return a list of `NAME=value` as a mapping; a name alone has no value."""
    if not isinstance(tree, Sequence):
        return tree
    entries: dict[str, Tree] = {}
    for item in tree.items:
        if not isinstance(item, Scalar):
            continue
        name, equals, value = item.text.partition("=")
        raw = item.raw.partition("=")[2]
        entries[name] = replace(item, text=value, raw=raw, null=not equals)
    return Table(place=tree.place, entries=entries)


def sequence(tree: Tree) -> Tree:
    """Return a list as it is, and a single value as a list of one."""
    return tree if isinstance(tree, Sequence) else Sequence(place=tree.place, items=(tree,))


def driver(tree: Tree) -> str:
    """Return the driver that a volume or network names; empty if it names none."""
    value = tree.get("driver") if isinstance(tree, Table) else None
    return value.text if isinstance(value, Scalar) else ""


def field_text(tree: Table, name: str) -> str:
    value = tree.get(name)
    return value.text if isinstance(value, Scalar) else ""


def port_key(tree: Tree) -> str:
    """Return what makes two port mappings the same one."""
    if isinstance(tree, Table):
        return "|".join(field_text(tree, name) for name in ("host_ip", "published", "target", "protocol"))
    return tree.text if isinstance(tree, Scalar) else repr(tree)


def mount_key(tree: Tree) -> str:
    """Return where it is mounted: of `source:target:mode`, or of the long form."""
    if isinstance(tree, Table):
        return field_text(tree, "target") or field_text(tree, "source")
    if not isinstance(tree, Scalar):
        return repr(tree)
    parts = tree.text.split(":")
    return parts[1] if len(parts) > 1 else parts[0]


def text_key(tree: Tree) -> str:
    """Return what makes two files or mounts of a list the same one."""
    if isinstance(tree, Table):
        return field_text(tree, "path") or field_text(tree, "source")
    return tree.text if isinstance(tree, Scalar) else repr(tree)


ONCE: dict[str, Callable[[Tree], str]] = {
    "ports": port_key,
    "volumes": mount_key,
    "devices": mount_key,
    "secrets": mount_key,
    "configs": mount_key,
    **dict.fromkeys(
        ("expose", "cap_add", "cap_drop", "dns", "env_file", "profiles", "tmpfs", "security_opt"), text_key
    ),
}
"""What counts once, by what it is known by."""
