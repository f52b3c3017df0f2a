"""Filter patterns over messages that are JSON: `{ $.status >= 500 && $.path = "/orders/*" }`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

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


class InvalidPattern(ValueError):
    """What the author of a filter pattern has to fix."""


def compile(pattern: str) -> Callable[[str], bool]:
    """Return a function that says whether a message is JSON and matches."""
    test = _Parser(pattern).parse()

    def matches(message: str) -> bool:
        try:
            return test(json.loads(message))
        except ValueError:
            return False

    return matches


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

    def parse(self) -> Test:
        """Return the test that the pattern is. Raises InvalidPattern."""
        self._expect("{")
        test = self._either()
        self._expect("}")
        if self._at < len(self._tokens):
            raise InvalidPattern(f"there is something behind the closing brace: {self._tokens[self._at][1]}")
        return test

    def _either(self) -> Test:
        tests = [self._all()]
        while self._skip("||"):
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda message: any(test(message) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._skip("&&"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda message: all(test(message) for test in tests)

    def _one(self) -> Test:
        if self._skip("("):
            test = self._either()
            self._expect(")")
            return test
        kind, text = self._next()
        if kind != "selector":
            raise InvalidPattern(f"expected a selector such as $.level, not {text!r}")
        steps = [next(part for part in step if part) for step in _STEP.findall(text)]
        kind, operator = self._next()
        if kind == "word":
            return self._keyword(steps, operator.upper())
        if operator not in ("=", "!=", *ORDER):
            raise InvalidPattern(f"expected a comparison behind {text}, not {operator!r}")
        accepts = _comparison(operator, *self._next())
        return lambda message: any(accepts(value) for value in _select(message, steps))

    def _keyword(self, steps: list[str], word: str) -> Test:
        _, text = self._next()
        match word, text.upper():
            case "IS", "NULL":
                return lambda message: any(value is None for value in _select(message, steps))
            case "IS", "TRUE":
                return lambda message: any(value is True for value in _select(message, steps))
            case "IS", "FALSE":
                return lambda message: any(value is False for value in _select(message, steps))
            case "NOT", "EXISTS":
                return lambda message: not any(True for _ in _select(message, steps))
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
