"""A query's text, cut into tokens."""

import re
from collections.abc import Sequence

from culm.core.model.record import record


class Malformed(Exception):
    """What the author of a query has to fix, and where in its text it stands."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end


@record
class Token:
    kind: str
    """`word`, `field` (in backquotes), `string`, `number`, `regex`, `operator` or `end`."""
    text: str
    """Without quotes."""
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Return whether the token is one of these words, which are in lower case."""
        return self.kind == "word" and self.text.lower() in words

    def is_operator(self, *operators: str) -> bool:
        return self.kind == "operator" and self.text in operators


_SPACE = re.compile(r"(?:\s|\#[^\n]*|//[^\n]*)*")
_REGEX = re.compile(r"/(?P<regex>(?:[^/\\\n]|\\.)+)/")
_TOKEN = re.compile(
    r"""`(?P<field>[^`]+)`
    |"(?P<double>(?:[^"\\]|\\.)*)"
    |'(?P<single>(?:[^'\\]|\\.)*)'
    |(?P<word>@?[A-Za-z_][\w@]*(?:\.\w+|\.`[^`]+`)*)
    |(?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)
    |(?P<operator>=~|!=|<=|>=|[-=<>+*/%^(),|\[\]])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def tokens(text: str) -> Sequence[Token]:
    """Return a query's tokens, the last of kind `end`. Raises Malformed."""
    read: list[Token] = []
    at = 0
    while True:
        at = _skip_space(text, at)
        if at == len(text):
            return [*read, Token(kind="end", text="", start=at, end=at)]
        match = _REGEX.match(text, at) if _takes_regex(read) else None
        match = match or _TOKEN.match(text, at)
        if match is None:
            raise Malformed(f"unexpected symbol found {text[at]}", at, at + 1)
        read.append(_token(match))
        at = match.end()


def _skip_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _token(match: re.Match[str]) -> Token:
    kind = match.lastgroup or ""
    text = match[kind]
    if kind in ("double", "single"):
        kind, text = "string", _ESCAPE.sub(_unescaped, text)
    elif kind == "word":
        text = text.replace("`", "")
    return Token(kind=kind, text=text, start=match.start(), end=match.end())


def _unescaped(escape: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(escape[1], escape[1])


def _takes_regex(read: Sequence[Token]) -> bool:
    """Whether a slash here opens an expression: behind `like` and `=~`, and behind the field that `parse` reads."""
    if not read:
        return False
    if read[-1].is_word("like") or read[-1].is_operator("=~"):
        return True
    return (len(read) > 1 and read[-2].is_word("parse")) or read[-1].is_word("parse")
