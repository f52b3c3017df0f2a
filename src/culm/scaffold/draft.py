"""A culm.yml on its way: blocks of keys, each with the comment that stands beside it. Pure but for the last look.

What is guessed, left out or not known is said beside the key that it concerns, where whoever edits the file sees it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from culm.core.model.record import record
from culm.errors import UsageError
from culm.project.load import FILE, parse
from culm.scaffold import fleet

WORDS = frozenset({"true", "false", "yes", "no", "null", "on", "off", "y", "n", "~"})
WIDTH = 110
INSTANCES = re.compile(r"\d+ x [\w.]+")

ORDER = (
    *("build", "image", "dockerfile", "target", "args", "platform", "entrypoint", "command", "migrate"),
    *("path", "strip", "port", "ports", "health", "grace", "database", "after", "environment", "secrets"),
    *("memory", "cpu", "count", "stop", "user", "init", "read-only", "tmpfs", "ulimits", "volumes"),
)
"""How a service's keys stand in the file."""


@record
class Commented:
    value: object
    """Text, a number, true or false, a list of texts, or a mapping of these."""
    comment: str = ""


@dataclass
class Block:
    """A service as it will be written."""

    name: str
    keys: dict[str, Commented] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    """Lines above its first key."""

    def put(self, key: str, value: object, comment: str = "") -> None:
        """Set a key, with a comment behind it."""
        self.keys[key] = Commented(value=value, comment=comment)

    def get(self, key: str) -> object | None:
        entry = self.keys.get(key)
        return entry.value if entry is not None else None


@dataclass
class Draft:
    """The whole file."""

    name: str
    fixed: bool = False
    """Whether the name was asked for, and is not to be shortened."""
    services: dict[str, Block] = field(default_factory=dict)
    databases: dict[str, Commented] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    """Lines at the top."""
    port: Commented | None = None
    """The local load balancer's; None: the usual one."""

    def engine(self, database: str) -> str:
        """Return the engine of one of `databases`."""
        value = self.databases[database].value
        return str(value.get("engine", "postgres")) if isinstance(value, dict) else "postgres"

    def needs(self) -> list[fleet.Reservation]:
        """Return what each task of the draft's services reserves, as far as their blocks say it in numbers.

        Those that wait for others by `after:` come later, as a deploy has them.
        """
        result = []
        for block in sorted(self.services.values(), key=lambda block: self.wave(block)):
            given = {key: value for key in ("memory", "cpu") if isinstance(value := block.get(key), int)}
            count = block.get("count")
            result += [fleet.Reservation(**given)] * (count if isinstance(count, int) else 1)
        return result

    def wave(self, block: Block, passed: frozenset[str] = frozenset()) -> int:
        """Return how many services one after the other a service waits for."""
        after = block.get("after")
        others = (
            [self.services[str(name)] for name in after if str(name) in self.services]
            if isinstance(after, list)
            else []
        )
        return max(
            (1 + self.wave(each, passed | {block.name}) for each in others if each.name not in passed), default=0
        )

    def text(self) -> str:
        """Return culm.yml as text, comments in their places."""
        lines = [f"# {line}" for line in self.comments]
        local: dict[str, object] = {"instances": fleet.instances(self.needs())}
        if self.port is not None:
            local["port"] = self.port.value
        comment = self.port.comment if self.port is not None else ""
        lines += [f"name: {scalar(self.name)}", "targets:"]
        lines += written("local", Commented(value=local, comment=comment), "  ")
        if self.databases:
            lines.append("databases:")
            lines += [line for name, entry in self.databases.items() for line in written(name, entry, "  ")]
        lines.append("services:")
        for block in self.services.values():
            lines += self.block(block)
        return "\n".join(lines) + "\n"

    def block(self, block: Block) -> list[str]:
        block.keys = dict(
            sorted(block.keys.items(), key=lambda pair: ORDER.index(pair[0]) if pair[0] in ORDER else len(ORDER))
        )
        above = [f"  # {line}" for line in block.comments]
        name = scalar(block.name)
        short = flow({key: entry.value for key, entry in block.keys.items()})
        if not any(entry.comment for entry in block.keys.values()) and len(short) + len(name) + 4 <= WIDTH:
            return [*above, f"  {name}: {short}"]
        return [
            *above,
            f"  {name}:",
            *(line for key, entry in block.keys.items() for line in written(key, entry, "    ")),
        ]


def written(key: str, entry: Commented, indent: str) -> list[str]:
    """Return a key with its value, and the comment at the line's end, or above it where that would be too long."""
    value = flow(entry.value)
    line = f"{indent}{scalar(key)}: {value}"
    lines = [line]
    if len(line) > WIDTH and isinstance(entry.value, Mapping):
        lines = [f"{indent}{scalar(key)}:"]
        lines += [
            each for name, inner in entry.value.items() for each in written(name, Commented(value=inner), f"{indent}  ")
        ]
    if not entry.comment:
        return lines
    if len(lines) == 1 and len(line) + len(entry.comment) + 4 <= WIDTH + 10:
        return [f"{line}  # {entry.comment}"]
    return [*(f"{indent}# {part}" for part in entry.comment.splitlines()), *lines]


def flow(value: object) -> str:
    """Return a value in YAML's flow style."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return scalar(value)
        case Mapping():
            return "{" + ", ".join(f"{scalar(str(name))}: {flow(each)}" for name, each in value.items()) + "}"
        case Sequence():
            return "[" + ", ".join(flow(each) for each in value) + "]"
        case _:
            raise TypeError(f"no value of culm.yml: {value!r}")


def scalar(text: str) -> str:
    """Return a text as YAML, in quotes only where it needs them."""
    if re.fullmatch(r"[A-Za-z./][\w./@:*+-]*(?<!:)", text, re.ASCII) and text.lower() not in WORDS:
        return text
    if re.fullmatch(r"\d+[smh]", text) or INSTANCES.fullmatch(text):
        return text
    return '"' + "".join(escaped(char) for char in text) + '"'


def escaped(char: str) -> str:
    match char:
        case "\\" | '"':
            return f"\\{char}"
        case "\n":
            return "\\n"
        case "\t":
            return "\\t"
    if char.isprintable():
        return char
    return f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}" if ord(char) < 65536 else char


MOST_REPAIRS = 200
PLACE = re.compile(r":(\d+): services\.([^.:]+)(?:\.([^.:]+))?")
CONTENT = ("build", "dockerfile", "target", "image")
"""Without these a service is nothing."""


def settled(draft: Draft, root: Path) -> list[str]:
    """Take out of the draft what culm would refuse, until it loads; what was taken out, and why.

    The last resort: each key is made so that it is taken, and this says so of one that was not.
    """
    left_out: list[str] = []
    for _ in range(MOST_REPAIRS):
        try:
            parse(draft.text(), root / FILE)
            return left_out
        except UsageError as error:
            match = PLACE.search(error.what)
            block = draft.services.get(match[2]) if match else None
            if match is None or block is None:
                raise
            why = error.what.partition(": ")[2]
            left_out.append(why)
            repair(draft, block, match[3], why)
            if not draft.services:
                return left_out
    raise UsageError(
        f"{FILE} cannot be written so that it loads: {left_out[-1]}",
        "culm new NAME writes a service to begin with; the others are added by hand",
    )


def repair(draft: Draft, block: Block, key: str | None, why: str) -> None:
    """Take out of the draft what its reader refused, with a comment that says why."""
    if key == "port" and key not in block.keys:
        block.put("path", "none", f"no port is known: {why}")
    elif key is not None and key in block.keys and key not in CONTENT:
        del block.keys[key]
        block.comments.append(f"{key}: left out: {why}")
    else:
        del draft.services[block.name]
        draft.comments.append(f"{block.name} is left out: {why}")
        for other in draft.services.values():
            after = other.get("after")
            if isinstance(after, list) and block.name in after:
                after.remove(block.name)
