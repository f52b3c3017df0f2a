"""Words of an instruction: quotes, escapes, variables.

The rules are a shell's, with less of them: single quotes keep everything, double quotes keep all but variables and
escaped `"`, `$` and the escape character, elsewhere an escape takes the next character as it is.
https://docs.docker.com/reference/dockerfile/#environment-replacement
"""

import re
from collections.abc import Mapping
from fnmatch import translate

from culm.core.model.record import record


class WordError(ValueError):
    """Says what is wrong with a word: a quote that is not closed, a substitution that does not exist."""


NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]")
OPERATORS = ("-", "+", "?")


@record
class Dialect:
    """How much of the shell's syntax counts."""

    escape: str = "\\"
    quotes: bool = True
    """False: quotes are characters like others."""
    keep_quotes: bool = False
    """Quotes group but stay where they are, and so do escapes."""
    strict: bool = True
    """False: a `$` that begins no substitution is a character like others."""


class Lexer:
    """One text on its way from left to right."""

    def __init__(self, text: str, variables: Mapping[str, str] | None, dialect: Dialect) -> None:
        self.text = text
        self.at = 0
        self.variables = variables
        """None: variables stay as they are written."""
        self.dialect = dialect
        self.split: list[str] = []
        self.open = False
        """Whether the last entry of `split` is a word that goes on."""

    def run(self, stop: str = "", *, inner: bool = False) -> str:
        """Return the text up to `stop`, resolved; words are collected in `split` unless this is inside a substitution.

        Raises:
            WordError: the text ends before `stop`, or inside quotes.
        """
        result: list[str] = []

        def add(piece: str, *, splits: bool) -> None:
            result.append(piece)
            if not inner:
                self.add_to_words(piece, splits=splits)

        while self.at < len(self.text):
            char = self.text[self.at]
            if char == stop:
                self.at += 1
                return "".join(result)
            if self.dialect.quotes and char in "'\"":
                add(self.quoted(char), splits=False)
            elif char == "$":
                add(self.variable(), splits=True)
            elif char == self.dialect.escape:
                add(self.escaped(), splits=False)
            else:
                self.at += 1
                add(char, splits=True)
        if stop:
            raise WordError(f"{self.text!r} ends before its {stop!r}")
        return "".join(result)

    def add_to_words(self, piece: str, *, splits: bool) -> None:
        """Add a piece to the word at hand; `splits`: white space in it begins the next word."""
        parts = re.split(r"(\s+)", piece) if splits else [piece]
        for part in parts:
            if splits and (not part or part.isspace()):
                self.open = self.open and not part
                continue
            if self.open:
                self.split[-1] += part
            else:
                self.split.append(part)
            self.open = True

    def escaped(self) -> str:
        """Return a character that its escape takes out of the syntax."""
        char = self.text[self.at : self.at + 2]
        self.at += 2
        if self.dialect.keep_quotes:
            return char
        if not self.dialect.quotes and char[1:] not in ("$", self.dialect.escape):
            return char
        return char[1:]

    def quoted(self, quote: str) -> str:
        """Read to the closing quote; inside of double quotes variables are substituted. Raises WordError."""
        begin, result = self.at, ""
        self.at += 1
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == quote:
                self.at += 1
                return self.text[begin : self.at] if self.dialect.keep_quotes else result
            if quote == '"' and char == "$":
                result += self.variable()
                continue
            if quote == '"' and char == self.dialect.escape:
                following = self.text[self.at + 1 : self.at + 2]
                result += following if following in ('"', "$", self.dialect.escape) else char + following
                self.at += 2
                continue
            result += char
            self.at += 1
        raise WordError(f"{self.text!r} has a {quote} that is not closed")

    def variable(self) -> str:
        """Return what begins with `$`: `$A`, `${A}`, or `${A` with an operator."""
        begin = self.at
        self.at += 1
        if self.text[self.at : self.at + 1] != "{":
            match = NAME.match(self.text, self.at)
            if match is None:
                return "$"
            self.at = match.end()
            return self.text[begin : self.at] if self.variables is None else self.variables.get(match[0], "")
        try:
            return self.substitution(begin)
        except WordError:
            if self.dialect.strict:
                raise
            self.at = begin + 1
            return "$"

    def substitution(self, begin: int) -> str:
        """Read `${NAME...}` and return its value, with whatever operator it has. Raises WordError."""
        match = NAME.match(self.text, self.at + 1)
        if match is None:
            raise WordError(f"{self.text!r} has a substitution without a name")
        name, self.at = match[0], match.end()
        operator = re.match(r":?[-+?]|##?|%%?|//?|\}", self.text[self.at :])
        if operator is None:
            raise WordError(f"{self.text!r} has a substitution that does not exist")
        self.at += operator.end()
        value = (self.variables or {}).get(name)
        result = self.operated(name, operator[0], value)
        return self.text[begin : self.at] if self.variables is None else result

    def operated(self, name: str, operator: str, value: str | None) -> str:
        """Return the value of `${name` followed by an operator and the rest of the braces."""
        if operator == "}":
            return value or ""
        if operator[0] == "/":
            pattern, replacement = self.run("/", inner=True), self.run("}", inner=True)
            count = 0 if operator == "//" else 1
            return re.sub(glob(pattern), lambda _: replacement, value or "", count=count)
        word = self.run("}", inner=True)
        if operator[0] in "#%":
            return trimmed(value or "", operator, word)
        filled = bool(value) if operator[0] == ":" else value is not None
        match operator[-1]:
            case "-":
                return value or "" if filled else word
            case "+":
                return word if filled else ""
            case _:
                if not filled and self.variables is not None:
                    raise WordError(f"{name}: {word or 'is not set'}")
                return value or ""


def glob(pattern: str) -> str:
    """Return the pattern as a regular expression without anchors."""
    return translate(pattern).removesuffix(r"\Z").removesuffix(r"\z")


def trimmed(value: str, operator: str, pattern: str) -> str:
    """Cut what matches off a value.

    `#` and `%` cut the shortest match at the beginning or the end, `##` and `%%` the longest.
    """
    whole = re.compile(glob(pattern))
    cuts = range(len(value) + 1) if len(operator) == 1 else range(len(value), -1, -1)
    for cut in cuts:
        at = cut if operator[0] == "#" else len(value) - cut
        part = value[:at] if operator[0] == "#" else value[at:]
        if whole.fullmatch(part):
            return value[at:] if operator[0] == "#" else value[:at]
    return value


def resolved(text: str, variables: Mapping[str, str], escape: str = "\\") -> list[str]:
    """Return the words of a text with quotes taken off and variables filled in; an unquoted value is split again.

    Raises:
        WordError: a quote is not closed, or a substitution does not exist.
    """
    lexer = Lexer(text, variables, Dialect(escape=escape))
    lexer.run()
    return lexer.split


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Fill in `$A`, `${A}`, `${A:-else}`, `${A:+then}`; unknown ones are empty. Quotes are kept and mean nothing."""
    return Lexer(text, variables, Dialect(quotes=False, strict=False)).run()


def words(text: str) -> list[str]:
    """Split at blanks outside quotes; quotes go, variables stay as they are written."""
    lexer = Lexer(text, None, Dialect(strict=False))
    try:
        lexer.run()
    except WordError:
        return text.split()
    return lexer.split


def raw_words(text: str) -> list[str]:
    """Split at blanks outside quotes; quotes, escapes and variables stay."""
    lexer = Lexer(text, None, Dialect(keep_quotes=True, strict=False))
    try:
        lexer.run()
    except WordError:
        return text.split()
    return lexer.split


def assignments(rest: str, variables: Mapping[str, str] | None = None, escape: str = "\\") -> dict[str, str]:
    """Read `A=1 B="two words"`, and the old `A value to the end`; with `variables`, values are filled in."""
    dialect = Dialect(escape=escape, strict=False)

    def value_of(text: str) -> str:
        try:
            return Lexer(text, variables, dialect).run()
        except WordError:
            return text

    parts = raw_words(rest)
    if not parts:
        return {}
    if "=" not in parts[0]:
        name, *value = rest.strip().split(None, 1)
        return {name: value_of(value[0].strip()) if value else ""}
    pairs = (part.partition("=") for part in parts)
    return {value_of(name): value_of(value) for name, _, value in pairs}
