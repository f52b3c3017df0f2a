"""Filter patterns over messages that are JSON: `{ $.status >= 500 && $.path = "/orders/*" }`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

Test = Callable[[Any], bool]
"""Of a parsed message."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<selector>\$(?:\.[\w-]+|\[\d+\]|\[\*\]|\['[^']+'\]|\["[^"]+"\])*)
    |(?P<operator>&&|\|\||!=|<=|>=|[=<>(){}])
    |"(?P<string>(?:[^"\\]|\\.)*)"
    |%(?P<regex>(?:[^%\\]|\\.)+)%
    |(?P<word>[^\s"%&|=<>(){}!]+))""",
    re.VERBOSE,
)
_STEP = re.compile(r"""\.([\w-]+)|\[(\d+)\]|\[(\*)\]|\['([^']+)'\]|\["([^"]+)"\]""")
ORDER: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


_PLAIN = re.compile(r"[\w .:@-]+")
"""Text that JSON writes as it is, or with `\\u`."""
_ESCAPED = "\\u"
_decode = msgspec.json.Decoder().decode


class Clause(NamedTuple):
    """A part of a pattern. Every message that passes the test has one of `needles` in its text; empty: who knows."""

    test: Test
    needles: tuple[str, ...]


class InvalidPattern(ValueError):
    """What the author of a filter pattern has to fix."""


def compile(pattern: str) -> Callable[[str], bool]:
    """Return a function that says whether a message is JSON and matches."""
    test = _Parser(pattern).parse().test

    def matches(message: str) -> bool:
        try:
            return test(parsed(message))
        except ValueError:
            return False

    return matches


def needles(pattern: str) -> tuple[str, ...]:
    """Return texts of which every message that matches has one; none when the pattern does not tell.

    `{ $.status >= 500 && $.level = "error" }`: `error`, or an escape that may stand for one of its letters.
    """
    given = _Parser(pattern).parse().needles
    return (*given, _ESCAPED) if given else ()


def parsed(message: str) -> Any:
    """Return a message's value. Raises ValueError when it is no JSON.

    msgspec is three times as fast as `json`, which takes more: NaN, numbers without bound, halves of surrogate pairs.
    """
    try:
        return _decode(message)
    except msgspec.DecodeError:
        return json.loads(message)


def regex(text: str) -> re.Pattern[str]:
    """Return the compiled expression between two `%`. Raises InvalidPattern."""
    try:
        return re.compile(text)
    except re.error as wrong:
        raise InvalidPattern(f"%{text}% is no regular expression: {wrong}") from None


class _Parser:
    """`||` binds weaker than `&&`; parentheses group."""

    def __init__(self, pattern: str) -> None:
        self._tokens = list(_tokens(pattern))
        self._at = 0

    def parse(self) -> Clause:
        """Return the condition that the pattern is. Raises InvalidPattern."""
        self._expect("{")
        condition = self._either()
        self._expect("}")
        if self._at < len(self._tokens):
            raise InvalidPattern(f"there is something behind the closing brace: {self._tokens[self._at][1]}")
        return condition

    def _either(self) -> Clause:
        parts = [self._all()]
        while self._skip("||"):
            parts.append(self._all())
        if len(parts) == 1:
            return parts[0]
        tests = [part.test for part in parts]
        selective = all(part.needles for part in parts)
        needles = dict.fromkeys(needle for part in parts for needle in part.needles) if selective else ()
        return Clause(lambda message: any(test(message) for test in tests), tuple(needles))

    def _all(self) -> Clause:
        parts = [self._condition()]
        while self._skip("&&"):
            parts.append(self._condition())
        if len(parts) == 1:
            return parts[0]
        tests = [part.test for part in parts]
        return Clause(lambda message: all(test(message) for test in tests), _rarest([part.needles for part in parts]))

    def _condition(self) -> Clause:
        if self._skip("("):
            condition = self._either()
            self._expect(")")
            return condition
        kind, text = self._next()
        if kind != "selector":
            raise InvalidPattern(f"expected a selector such as $.level, not {text!r}")
        steps = [next(part for part in step if part) for step in _STEP.findall(text)]
        key = _quoted(steps)
        kind, operator = self._next()
        if kind == "word":
            return self._keyword(steps, operator.upper())
        if operator not in ("=", "!=", *ORDER):
            raise InvalidPattern(f"expected a comparison behind {text}, not {operator!r}")
        kind, text = self._next()
        accepts = _comparison(operator, kind, text)
        part = _longest_part(text) if operator == "=" and kind != "regex" and number_in(text) is None else ()
        return Clause(_accepting(steps, accepts), _rarest([part, key]))

    def _keyword(self, steps: list[str], word: str) -> Clause:
        _, text = self._next()
        match word, text.upper():
            case "IS", "NULL":
                return Clause(_accepting(steps, lambda value: value is None), _quoted(steps))
            case "IS", "TRUE":
                return Clause(_accepting(steps, lambda value: value is True), _quoted(steps))
            case "IS", "FALSE":
                return Clause(_accepting(steps, lambda value: value is False), _quoted(steps))
            case "NOT", "EXISTS":
                return Clause(lambda message: not any(True for _ in _select(message, steps)), ())
            case _:
                raise InvalidPattern(f"{word} {text} is none of IS NULL, IS TRUE, IS FALSE, NOT EXISTS")

    def _next(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise InvalidPattern("it ends too early; is a brace missing?")
        self._at += 1
        return self._tokens[self._at - 1]

    def _skip(self, operator: str) -> bool:
        present = self._at < len(self._tokens) and self._tokens[self._at] == ("operator", operator)
        self._at += present
        return present

    def _expect(self, operator: str) -> None:
        token = self._next()
        if token != ("operator", operator):
            raise InvalidPattern(f"expected {operator!r}, not {token[1]!r}")


def _tokens(pattern: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(pattern.rstrip())
    while at < end:
        token = _TOKEN.match(pattern, at)
        if token is None or token.lastgroup is None:
            raise InvalidPattern(f"cannot read {pattern[at:].strip()!r}")
        yield token.lastgroup, token[token.lastgroup]
        at = token.end()


def _accepting(steps: list[str], accepts: Test) -> Test:
    """Return whether a message has a value there that is accepted."""
    if len(steps) == 1 and not steps[0].isdecimal() and steps[0] != "*":
        key = steps[0]  # as most selectors are
        return lambda message: isinstance(message, dict) and key in message and accepts(message[key])
    return lambda message: any(accepts(value) for value in _select(message, steps))


def _quoted(steps: Sequence[str]) -> tuple[str, ...]:
    """Return the longest of a selector's names as JSON writes it; nothing where it has none but indexes."""
    names = [step for step in steps if not step.isdecimal() and _PLAIN.fullmatch(step)]
    return (f'"{max(names, key=len)}"',) if names else ()


def _longest_part(text: str) -> tuple[str, ...]:
    """Return the longest stretch of a text with wildcards that a message has as it is."""
    parts = [part for part in text.split("*") if _PLAIN.fullmatch(part)] if "\\" not in text else []
    return (max(parts, key=len),) if parts else ()


def _rarest(given: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the needles, of several conditions that all hold, that fewest messages should have."""
    known = [needles for needles in given if needles]
    return min(known, key=lambda needles: (len(needles), needles[0].startswith('"'))) if known else ()


def _select(value: Any, steps: list[str]) -> Iterator[Any]:
    """Yield what the selector finds: nothing, one value, or with `[*]` many."""
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if isinstance(value, list):
        if step == "*":
            for item in value:
                yield from _select(item, rest)
        elif step.isdecimal() and int(step) < len(value):
            yield from _select(value[int(step)], rest)
    elif isinstance(value, dict) and step in value:
        yield from _select(value[step], rest)


def _comparison(operator: str, kind: str, text: str) -> Test:
    number = number_in(text) if kind == "word" else None
    if operator in ORDER:
        if number is None:
            raise InvalidPattern(f"{operator} compares numbers, and {text!r} is none")
        holds, bound = ORDER[operator], number
        return lambda value: _is_number(value) and holds(value, bound)
    if kind not in ("word", "string", "regex"):
        raise InvalidPattern(f"expected a value behind {operator}, not {text!r}")
    equals = _equality(kind, text, number)
    return equals if operator == "=" else lambda value: not equals(value)


def _equality(kind: str, text: str, number: float | None) -> Test:
    if number is not None:
        return lambda value: _is_number(value) and value == number
    if kind == "regex":
        pattern = regex(text)
        return lambda value: isinstance(value, str) and pattern.search(value) is not None
    if text == "*":
        return lambda value: isinstance(value, str | int | float)
    whole = wildcards(text)
    return lambda value: isinstance(value, str) and whole.fullmatch(value) is not None


def wildcards(text: str) -> re.Pattern[str]:
    """Return the expression for text in which `*` stands for anything and `\\` takes the next letter as it is."""
    plain = re.sub(r"\\(.)", r"\1", text)
    return re.compile(".*".join(map(re.escape, plain.split("*"))), re.DOTALL)


def selectors(pattern: str) -> list[str]:
    """Return the selectors that a pattern names, as they are written there. Raises InvalidPattern."""
    return list(dict.fromkeys(text for kind, text in _tokens(pattern) if kind == "selector"))


def selected(message: Any, selector: str) -> str | None:
    """Return the text of what a selector finds first in a parsed message; None if it finds nothing."""
    steps = [next(part for part in step if part) for step in _STEP.findall(selector)]
    value = next(_select(message, steps), None)
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


def number_in(text: str) -> float | None:
    """Return the number that a text is, if it is one."""
    try:
        return float(text)
    except ValueError:
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
