"""A RUN line read as the shell reads it, as far as a host can follow it without running it. Pure.

    text -> tokens (words, operators) -> a tree of lists, pipelines, `if`, `for`, groups -> simple commands, in order

Commands are handed out one by one, and the taker does each before it asks for the next: so `cd`, `[ -f x ]` and `if`
see what those before have done. A command is taken to succeed, so what follows `||` is passed over. Where a word or a
condition depends on what only running can tell (`$(...)`, a pipe, `while`), the command is handed out as not `plain`.

Example. `cd /app && if [ "$ENV" = dev ]; then pip install pytest; fi; echo ok > state` with ENV=dev gives
`cd /app`, `pip install pytest`, and `echo ok` with its output to `state`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from culm.core.model.record import record


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


Exists = Callable[[str, str], bool]
"""Whether a file test holds: its letter (`f`, `d`, `e`, `x`, `s`) and the path as written."""

OPERATORS = (
    "&&",
    "||",
    ";;",
    "|&",
    "<<<",
    "<<-",
    "<<",
    ">>",
    "&>",
    ">&",
    "<&",
    ">|",
    "|",
    "&",
    ";",
    "(",
    ")",
    "<",
    ">",
)
REDIRECTIONS = frozenset({"<<<", "<<-", "<<", ">>", "&>", ">&", "<&", ">|", "<", ">"})
VARIABLE = re.compile(r"\$(?:(?P<bare>\w+)|\{(?P<name>\w+)(?:(?P<op>:?[-+?=])(?P<word>[^}]*))?\})")


@dataclass
class Word:
    """Text with its quotes: pieces of `(text, quote)`, quote being `'`, `"` or nothing."""

    pieces: list[tuple[str, str]]

    @property
    def bare(self) -> str | None:
        """Its text if nothing of it is quoted: only then it may be `if`, `then`, `fi`."""
        return "".join(t for t, _ in self.pieces) if all(q == "" for _, q in self.pieces) else None


@dataclass
class Operator:
    text: str


Token = Word | Operator


class Unfinished(Exception):
    """A quote or a keyword that does not end."""


def tokens(text: str) -> list[Token]:
    """Raises Unfinished."""
    out: list[Token] = []
    pieces: list[tuple[str, str]] = []
    at = 0

    def end_word() -> None:
        if pieces:
            out.append(Word(list(pieces)))
            pieces.clear()

    while at < len(text):
        char = text[at]
        if char in " \t":
            end_word()
            at += 1
        elif char == "\n":
            end_word()
            out.append(Operator(";"))
            at += 1
        elif char == "#" and not pieces:
            at = (text.find("\n", at) + 1 or len(text) + 1) - 1
        elif char == "\\":
            if text[at + 1 : at + 2] != "\n":
                pieces.append((text[at + 1 : at + 2], "'"))
            at += 2
        elif char == "'":
            end = text.find("'", at + 1)
            if end < 0:
                raise Unfinished
            pieces.append((text[at + 1 : end], "'"))
            at = end + 1
        elif char == '"':
            at, inner = double_quoted(text, at + 1)
            pieces.append((inner, '"'))
        elif text.startswith("$(", at) or char == "`":
            end = end_of_substitution(text, at)
            pieces.append((text[at:end], "$"))
            at = end
        elif operator := next((o for o in OPERATORS if text.startswith(o, at)), None):
            if operator in REDIRECTIONS and len(pieces) == 1 and pieces[0][1] == "" and pieces[0][0].isdecimal():
                pieces.clear()  # 2>: errors, which are not kept
                out.append(Operator(f"2{operator}"))
            else:
                end_word()
                out.append(Operator(operator))
            at += len(operator)
        else:
            end = at
            while end < len(text) and text[end] not in " \t\n\\'\"`;&|<>()" and not text.startswith("$(", end):
                end += 1
            pieces.append((text[at:end], ""))
            at = end
    end_word()
    return out


def double_quoted(text: str, at: int) -> tuple[int, str]:
    inner = ""
    while at < len(text):
        if text[at] == '"':
            return at + 1, inner
        if text[at] == "\\" and text[at + 1 : at + 2] in ('"', "\\", "`", "\n"):
            inner += "" if text[at + 1] == "\n" else text[at + 1]
            at += 2
        elif text[at] == "\\" and text[at + 1 : at + 2] == "$":
            inner += "\0"  # a dollar that stays one
            at += 2
        else:
            inner += text[at]
            at += 1
    raise Unfinished


def end_of_substitution(text: str, at: int) -> int:
    if text[at] == "`":
        end = text.find("`", at + 1)
        if end < 0:
            raise Unfinished
        return end + 1
    depth = 0
    for index in range(at + 1, len(text)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if depth == 0:
            return index + 1
    raise Unfinished


def commands(
    text: str,
    variables: Mapping[str, str],
    exists: Exists = lambda letter, path: False,
    matching: Callable[[str], list[str]] = lambda pattern: [pattern],
) -> Iterator[Command]:
    """The simple commands of a shell line, in order; variables are filled in as the shell would."""
    try:
        reader = Reader(tokens(text))
        listed = reader.sequence(())
        if reader.at < len(reader.tokens):
            raise Unfinished
    except Unfinished:  # the shell's to judge
        yield Command(argv=tuple(text.split()) or (":",), plain=False)
        return
    yield from Evaluation(dict(variables), exists, matching).sequence(listed)


LEADING = frozenset({"if", "then", "elif", "else", "while", "until", "do", "!", "exec", "{", "time", "nohup"})
"""Words behind which a command begins."""


def programs_named(text: str) -> set[str]:
    """The programs that a script may run, on whichever way through it."""
    named: set[str] = set()
    begins, target = True, False
    try:
        listed = tokens(text)
    except Unfinished:
        return named
    for token in listed:
        if isinstance(token, Operator):
            target = token.text.removeprefix("2") in REDIRECTIONS
            begins = begins if target else True
        elif target:
            target = False
        elif begins and token.bare not in LEADING and not re.match(r"\w+=", plain_text(token)):
            begins = False
            named.add(plain_text(token))
    return named


# The tree. A node is a Simple, an If, a For, a Grouped or an Unknown.


@dataclass
class Simple:
    words: list[Word] = field(default_factory=list)
    output: tuple[Word, bool] | None = None
    input: Word | None = None
    told: bool = False
    """It reads a here-document or a here-string."""


@dataclass
class If:
    branches: list[tuple["Sequence_", "Sequence_"]]
    otherwise: "Sequence_"


@dataclass
class For:
    name: str
    words: list[Word]
    body: "Sequence_"


@dataclass
class Grouped:
    body: "Sequence_"
    own: bool
    """A subshell: its `cd` and its variables end with it."""


@dataclass
class Unknown:
    text: str


Node = Simple | If | For | Grouped | Unknown
Sequence_ = list[tuple[str, list[Node]]]
"""Pipelines, each with what stands before it: `&&`, `||` or `;`."""


class Reader:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def keyword(self) -> str | None:
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        return token.bare if isinstance(token, Word) else None

    def operator(self) -> str | None:
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        return token.text if isinstance(token, Operator) else None

    def expect(self, keyword: str) -> None:
        if self.keyword() != keyword:
            raise Unfinished
        self.at += 1

    def sequence(self, ends: tuple[str, ...]) -> Sequence_:
        out: Sequence_ = []
        before = ";"
        while self.at < len(self.tokens):
            if self.keyword() in ends or (self.operator() == ")" and ")" in ends):
                break
            if self.operator() in ("&&", "||", ";", "&", ";;"):
                before = {"&": ";", ";;": ";"}.get(self.operator() or "", self.operator() or ";")
                self.at += 1
                continue
            out.append((before, self.pipeline()))
            before = ";"
        return out

    def pipeline(self) -> list[Node]:
        nodes = [self.node()]
        while self.operator() in ("|", "|&"):
            self.at += 1
            nodes.append(self.node())
        return nodes

    def node(self) -> Node:
        match self.keyword():
            case "if":
                return self.conditional()
            case "for":
                return self.loop()
            case "while" | "until" | "case" | "function":
                rest = self.tokens[self.at :]
                self.at = len(self.tokens)
                return Unknown(" ".join(t.text if isinstance(t, Operator) else plain_text(t) for t in rest))
            case "{":
                self.at += 1
                body = self.sequence(("}",))
                self.expect("}")
                return Grouped(body, own=False)
            case "!":
                self.at += 1
        if self.operator() == "(":
            self.at += 1
            body = self.sequence((")",))
            if self.operator() != ")":
                raise Unfinished
            self.at += 1
            return Grouped(body, own=True)
        return self.simple()

    def conditional(self) -> If:
        self.expect("if")
        branches = []
        otherwise: Sequence_ = []
        while True:
            condition = self.sequence(("then",))
            self.expect("then")
            branches.append((condition, self.sequence(("elif", "else", "fi"))))
            match self.keyword():
                case "elif":
                    self.at += 1
                case "else":
                    self.at += 1
                    otherwise = self.sequence(("fi",))
                    self.expect("fi")
                    return If(branches, otherwise)
                case _:
                    self.expect("fi")
                    return If(branches, otherwise)

    def loop(self) -> For:
        self.expect("for")
        name = self.keyword() or ""
        self.at += 1
        self.expect("in")
        words: list[Word] = []
        while isinstance(token := self.tokens[self.at] if self.at < len(self.tokens) else None, Word):
            words.append(token)
            self.at += 1
        while self.operator() == ";":
            self.at += 1
        self.expect("do")
        body = self.sequence(("done",))
        self.expect("done")
        return For(name, words, body)

    def simple(self) -> Simple:
        node = Simple()
        begun = self.at
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if isinstance(token, Word):
                node.words.append(token)
                self.at += 1
                continue
            redirection = token.text.removeprefix("2")
            if redirection not in REDIRECTIONS:
                break
            self.at += 1
            target = self.tokens[self.at] if self.at < len(self.tokens) else None
            if not isinstance(target, Word):
                raise Unfinished
            self.at += 1
            if token.text in (">", ">>", ">|", "&>"):
                node.output = (target, token.text == ">>")
            elif token.text == "<":
                node.input = target
            elif redirection in ("<<", "<<-", "<<<"):
                node.told = True
        if self.at == begun:
            raise Unfinished
        return node


def plain_text(word: Word) -> str:
    return "".join(text for text, _ in word.pieces)


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

    def sequence(self, listed: Sequence_) -> Iterator[Command]:
        for before, pipeline in listed:
            if (before == "&&" and self.status is False) or (before == "||" and self.status is True):
                continue
            yield from self.pipeline(pipeline)

    def pipeline(self, nodes: list[Node]) -> Iterator[Command]:
        if len(nodes) == 1:
            yield from self.node(nodes[0])
            return
        made = [command for node in nodes for command in self.node(node)]
        words = tuple(command.argv for command in made)
        for command in made:
            yield replace(command, plain=False, pipeline=words)

    def node(self, node: Node) -> Iterator[Command]:
        match node:
            case Simple():
                yield from self.simple(node)
            case Unknown():
                self.status = True
                yield Command(argv=tuple(node.text.split()), plain=False)
            case Grouped():
                if not node.own:
                    yield from self.sequence(node.body)
                    return
                kept = dict(self.variables)
                self.subshells += 1
                number = self.subshells
                for command in self.sequence(node.body):
                    yield replace(command, subshell=(number, *command.subshell))
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

    def conditional(self, node: If) -> Iterator[Command]:
        """The branch that is taken; where no one can tell which, each of them, not plain."""
        sure = True
        for condition, body in [*node.branches, ([], node.otherwise)]:
            holds = self.condition(condition)
            if holds is False:
                continue
            sure = sure and holds is True
            for command in self.sequence(body):
                yield command if sure else replace(command, plain=False)
            if holds is True:
                break
        self.status = True

    def condition(self, listed: Sequence_) -> bool | None:
        self.status = True
        ran = [command for command in self.sequence(listed) if command.argv[0] not in ("true", ":")]
        return None if ran else self.status

    def simple(self, node: Simple) -> Iterator[Command]:
        words: list[str] = []
        assigned: dict[str, str] = {}
        plain = not node.told and node.input is None
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
        yield Command(
            argv=tuple(words),
            environment=assigned,
            plain=plain and known,
            output=output,
            append=node.output is not None and node.output[1],
            input=source[0] if source else "",
        )

    def test(self, words: list[str]) -> bool | None:
        """`[ -f x ]`, `[ "$A" = b ]`, `[ -z "$A" ]`, with `!`; None for what is not known."""
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
        """A word's values (none or several where an unquoted variable is empty or has blanks); are they known?"""
        values = [""]
        known, exists = True, False
        for index, (text, quote) in enumerate(word.pieces):
            if quote == "$":
                known = False
                values[-1] += text
                exists = True
                continue
            if quote == "'":
                values[-1] += text
                exists = True
                continue
            if quote == '"':
                known = known and "$(" not in text and "`" not in text
                filled, sure = self.filled(text)
                values[-1] += filled.replace("\0", "$")
                known, exists = known and sure, True
                continue
            if index == 0 and (text == "~" or text.startswith("~/")):
                text = self.variables.get("HOME", "/root") + text[1:]
            filled, sure = self.filled(text)
            known = known and sure
            assigns = index == 0 and re.match(r"\w+=", text) is not None
            if filled == text or assigns:
                values[-1] += filled
                exists = True
                continue
            parts = filled.split()
            if parts:
                exists = True
                values[-1] += parts[0]
                values += parts[1:]
        return (values if exists or any(values) else []), known

    def filled(self, text: str) -> tuple[str, bool]:
        """Variables replaced by their values; whether all of them are known."""
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
