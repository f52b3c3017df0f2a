"""What a shell line's tree comes down to: its simple commands, in order, with the variables filled in. Pure."""

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import field, replace

from culm.core.model.record import record
from culm.deploy.build.shell.tree import For, Grouped, If, Negated, Node, Sequence_, Simple, Unknown
from culm.deploy.build.shell.words import Word

VARIABLE = re.compile(r"\$(?:(?P<bare>\w+)|\{(?P<name>\w+)(?:(?P<op>:?[-+?=])(?P<word>[^}]*))?\})")


@record
class Command:
    """One simple command of a RUN line."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """What is assigned in front of it: `CGO_ENABLED=0 go build`."""
    plain: bool = True
    """Nothing is piped, read from a file or substituted: its words are all there is to it."""
    output: str = ""
    """The file that its standard output goes to, as written; empty: none."""
    append: bool = False
    """Whether it goes to the file's end (`>>`)."""
    input: str = ""
    """The file that it reads, as written."""
    pipeline: tuple[tuple[str, ...], ...] = ()
    """The words of each command of the pipeline that it is part of."""
    subshell: tuple[int, ...] = ()
    """Which `( ... )` it stands in, outermost first: a `cd` ends with it."""
    may_fail: bool = False
    """Something stands behind `||` for when it fails: the taker sends False back then."""


Commands = Generator[Command, bool | None, None]
"""Commands for a taker, who may send back False for one that failed and may fail."""

Exists = Callable[[str, str], bool]
"""Whether a file test holds: its letter (`f`, `d`, `e`, `x`, `s`) and the path as written."""


class Evaluation:
    """Goes through the tree; `status` after a command is True, False, or None where only running it could tell."""

    def __init__(self, variables: dict[str, str], exists: Exists, matching: Callable[[str], list[str]]) -> None:
        self.variables = variables
        self.exists = exists
        self.matching = matching
        self.unknown: set[str] = set()
        """Variables whose value only running could tell."""
        self.status: bool | None = True
        self.subshells = 0

    def sequence(self, listed: Sequence_) -> Commands:
        """Yield the commands of a list that would run, going by `&&` and `||` as far as the status before is known."""
        for index, (before, pipeline) in enumerate(listed):
            if (before == "&&" and self.status is False) or (before == "||" and self.status is True):
                continue
            if may_fail(listed[index:]):
                yield from relayed(self.pipeline(pipeline), lambda command: replace(command, may_fail=True))
            else:
                yield from self.pipeline(pipeline)

    def pipeline(self, nodes: list[Node]) -> Commands:
        """Yield the commands of a pipeline; each knows the others."""
        if len(nodes) == 1:
            yield from self.node(nodes[0])
            return
        made = [command for node in nodes for command in self.node(node)]
        words = tuple(command.argv for command in made)
        for command in made:
            yield replace(command, plain=False, pipeline=words, may_fail=False)

    def node(self, node: Node) -> Commands:
        """Yield the commands of one node of the tree; a subshell has variables of its own."""
        match node:
            case Simple():
                yield from self.simple(node)
            case Unknown():
                self.status = True
                yield Command(argv=tuple(node.text.split()), plain=False)
            case Negated():
                self.status = True
                ran = False
                for command in self.node(node.inner):
                    ran = True
                    yield replace(command, may_fail=False)
                self.status = None if ran or self.status is None else not self.status
            case Grouped():
                if not node.own:
                    yield from self.sequence(node.body)
                    return
                kept = dict(self.variables)
                self.subshells += 1
                own = (self.subshells,)
                yield from relayed(
                    self.sequence(node.body), lambda command: replace(command, subshell=own + command.subshell)
                )
                self.variables = kept
            case For():
                for word in node.words:
                    values, known = self.expanded(word)
                    paths = [path for value in values for path in self.matching(value)]
                    for value in paths if known else ["$"]:
                        self.variables[node.name] = value
                        (self.unknown.discard if known else self.unknown.add)(node.name)
                        yield from self.sequence(node.body)
            case If():
                yield from self.conditional(node)

    def conditional(self, node: If) -> Commands:
        """Yield the commands of the branch that is taken; where no one can tell which, of each, not plain."""
        sure = True
        for condition, body in [*node.branches, ([], node.otherwise)]:
            holds = self.condition(condition)
            if holds is False:
                continue
            sure = sure and holds is True
            if sure:
                yield from self.sequence(body)
            else:
                yield from relayed(self.sequence(body), lambda command: replace(command, plain=False))
            if holds is True:
                break
        self.status = True

    def condition(self, listed: Sequence_) -> bool | None:
        """Return whether a condition holds; None when commands decide that which only the image could run."""
        self.status = True
        ran = [command for command in self.sequence(listed) if command.argv[0] not in ("true", ":")]
        return None if ran else self.status

    def simple(self, node: Simple) -> Commands:
        """Yield a simple command with its words expanded; an assignment alone yields none and sets the variable."""
        words: list[str] = []
        assigned: dict[str, str] = {}
        plain = not node.document and node.input is None
        for word in node.words:
            values, known = self.expanded(word)
            name, equals, value = (values[0] if values else "").partition("=")
            if not words and equals and re.fullmatch(r"\w+", name):
                assigned[name] = value if len(values) == 1 else " ".join([value, *values[1:]])
                (self.unknown.discard if known else self.unknown.add)(name)
                continue
            plain = plain and known
            words += values
        self.status = True
        if not words:
            self.variables |= assigned
            if node.output is None:
                return
            words = [":"]
        if words[0] in ("export", "declare", "local", "readonly"):
            for exported in words[1:]:
                name, equals, value = exported.partition("=")
                if equals:
                    self.variables[name] = value
            return
        if words[0] in ("[", "[[", "test", "false", "command", "which", "type"):
            self.status = self.test(words) if plain else None
            return
        target, known = self.expanded(node.output[0]) if node.output else ([], True)
        source, _ = self.expanded(node.input) if node.input else ([], True)
        output = target[0] if target and target[0] not in ("/dev/null", "/dev/stdout", "/dev/stderr") else ""
        succeeded = yield Command(
            argv=tuple(words),
            environment=assigned,
            plain=plain and known,
            output=output,
            append=node.output is not None and node.output[1],
            input=source[0] if source else "",
        )
        self.status = succeeded is not False

    def test(self, words: list[str]) -> bool | None:
        """Return what `[ -f x ]`, `[ "$A" = b ]` or `[ -z "$A" ]` says, with `!`; None for what is not known."""
        if words[0] in ("command", "which", "type", "false"):
            return False if words[0] == "false" else None
        inner = [word for word in words[1:] if word not in ("]", "]]")]
        negated = inner[:1] == ["!"]
        match inner[1:] if negated else inner:
            case ["-n", value] | [value] if value != "-z":
                result = value != ""
            case ["-n"]:
                result = False
            case ["-z", value]:
                result = value == ""
            case ["-z"]:
                result = True
            case [option, path] if re.fullmatch(r"-[fdexsrwhL]", option):
                result = self.exists(option[1], path)
            case [left, ("=" | "==" | "!=") as how, right]:
                result = (left == right) != (how == "!=")
            case _:
                return None
        return result != negated

    def expanded(self, word: Word) -> tuple[list[str], bool]:
        """Return a word's values, and whether all of them are known.

        There are none or several where an unquoted variable is empty or has blanks.
        """
        values = [""]
        known, exists = True, False
        for index, (text, quote) in enumerate(word.pieces):
            if quote:
                piece, sure = self.unquoted(text, quote)
                values[-1] += piece
                known, exists = known and sure, True
                continue
            if index == 0 and (text == "~" or text.startswith("~/")):
                text = self.variables.get("HOME", "/root") + text[1:]
            filled, sure = self.filled(text)
            known = known and sure
            whole = filled == text or (index == 0 and re.match(r"\w+=", text) is not None)
            parts = [filled] if whole else filled.split()
            exists = exists or bool(parts)
            if parts:
                values[-1] += parts[0]
                values += parts[1:]
        return (values if exists or any(values) else []), known

    def unquoted(self, text: str, quote: str) -> tuple[str, bool]:
        """Return what a quoted piece means, and whether that is known: it has no substitution."""
        if quote == '"':
            filled, sure = self.filled(text)
            return filled.replace("\0", "$"), sure and "$(" not in text and "`" not in text
        return text, quote != "$"

    def filled(self, text: str) -> tuple[str, bool]:
        """Replace variables by their values; return the text, and whether all of them are known."""
        sure = True

        def value(match: re.Match[str]) -> str:
            nonlocal sure
            name = match["bare"] or match["name"]
            sure = sure and name not in self.unknown
            known = self.variables.get(name)
            operator = match["op"] or ""
            given = bool(known) if operator.startswith(":") else known is not None
            if operator[-1:] in ("-", "="):
                return known or "" if given else self.filled(match["word"])[0]
            if operator[-1:] == "+":
                return self.filled(match["word"])[0] if given else ""
            return known or ""

        filled = VARIABLE.sub(value, text)
        return filled, sure and "${" not in filled


def may_fail(listed: Sequence_) -> bool:
    """Tell whether something else is done when the first command of a list fails: `npm ci || npm install`.

    Not where that is the end of it all (`|| exit 1`): the failure itself says more.
    """
    rest = listed[1:]
    while rest and rest[0][0] == "&&":
        rest = rest[1:]
    if not rest or rest[0][0] != "||" or len(listed[0][1]) != 1 or not isinstance(listed[0][1][0], Simple):
        return False
    return not any(gives_up(node) for _, pipeline in rest for node in pipeline)


def gives_up(node: Node) -> bool:
    """Tell whether a command ends the line as failed, as `exit 1` and `false` do."""
    match node:
        case Simple():
            return bool(node.words) and node.words[0].bare in ("exit", "false", "return")
        case Grouped():
            return any(gives_up(each) for _, pipeline in node.body for each in pipeline)
    return False


def relayed(commands: Commands, changed: Callable[[Command], Command]) -> Commands:
    """Yield changed commands, and pass on what is sent back."""
    succeeded: bool | None = None
    while True:
        try:
            command = commands.send(succeeded)
        except StopIteration:
            return
        succeeded = yield changed(command)
