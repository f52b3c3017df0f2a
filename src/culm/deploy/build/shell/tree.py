"""The tree of a shell line: a sequence of pipelines, whose nodes are commands, `if`, `for` and groups. Pure."""

from dataclasses import dataclass, field

from culm.deploy.build.shell.words import REDIRECTIONS, Operator, Token, Unfinished, Word, plain_text


@dataclass
class Simple:
    words: list[Word] = field(default_factory=list)
    output: tuple[Word, bool] | None = None
    """The file that it writes, and whether it appends to it."""
    input: Word | None = None
    document: bool = False
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
class Negated:
    """`! COMMAND`: it holds where the command does not."""

    inner: "Node"


@dataclass
class Unknown:
    text: str


Node = Simple | If | For | Grouped | Negated | Unknown
Sequence_ = list[tuple[str, list[Node]]]
"""Pipelines, each with what stands before it: `&&`, `||` or `;`."""


class Reader:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def keyword(self) -> str | None:
        """Return the next token if it is a bare word, as keywords are."""
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        return token.bare if isinstance(token, Word) else None

    def operator(self) -> str | None:
        """Return the next token if it is an operator."""
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        return token.text if isinstance(token, Operator) else None

    def expect(self, keyword: str) -> None:
        """Go past a keyword. Raises Unfinished where another word stands."""
        if self.keyword() != keyword:
            raise Unfinished
        self.at += 1

    def sequence(self, ends: tuple[str, ...]) -> Sequence_:
        """Read commands up to one of these keywords, or to `)`; each with the operator before it."""
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
        """Read commands that are joined by `|`."""
        nodes = [self.node()]
        while self.operator() in ("|", "|&"):
            self.at += 1
            nodes.append(self.node())
        return nodes

    def node(self) -> Node:
        """Return the next command, group, condition or loop. Raises Unfinished where it does not end."""
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
                return Negated(self.node())
        if self.operator() == "(":
            self.at += 1
            body = self.sequence((")",))
            if self.operator() != ")":
                raise Unfinished
            self.at += 1
            return Grouped(body, own=True)
        return self.simple()

    def conditional(self) -> If:
        """Read `if ... then ... elif ... else ... fi`. Raises Unfinished where a part is missing."""
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
        """Read `for NAME in WORDS; do ... done`. Raises Unfinished where a part is missing."""
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
        """Return a command with its words and redirections. Raises Unfinished where there is none."""
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
                node.document = True
        if self.at == begun:
            raise Unfinished
        return node
