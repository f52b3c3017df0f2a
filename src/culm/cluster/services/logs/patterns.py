"""Filter patterns: which messages a search wants.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import json
import re
from collections.abc import Callable, Mapping

from culm.cluster.services.logs import column_patterns, json_patterns
from culm.cluster.services.logs.json_patterns import InvalidPattern as InvalidPattern

Matches = Callable[[str], bool]
Values = Callable[[str], Mapping[str, str]]
"""What a message that matches has for selectors: `{"$.status": "503"}`, `{"$ip": "10.0.0.1"}`."""

_TERM = re.compile(
    r"""\s*(?P<sign>[-?]?)(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|%(?P<regex>(?:[^%\\]|\\.)+)%|(?P<word>[^\s"%]+))(?=\s|$)"""
)
_WORD = re.compile(r"\w+")


def compile(pattern: str) -> Matches:
    """Return a function that says whether a message matches. No pattern matches everything."""
    pattern = pattern.strip()
    if pattern.startswith("{"):
        return json_patterns.compile(pattern)
    if pattern.startswith("["):
        read = column_patterns.compile(pattern)
        return lambda message: read(message) is not None
    return _terms(pattern)


def values(pattern: str, *more: str) -> Values:
    """Return a function from a message that matches to its values: of the pattern's own selectors, and of `more`."""
    pattern = pattern.strip()
    if pattern.startswith("["):
        read = column_patterns.compile(pattern)
        return lambda message: read(message) or {}
    wanted = [*(json_patterns.selectors(pattern) if pattern.startswith("{") else ()), *more]
    if not wanted:
        return lambda message: {}

    def select(message: str) -> Mapping[str, str]:
        try:
            parsed = json.loads(message)
        except ValueError:
            return {}
        pairs = [(selector, json_patterns.selected(parsed, selector)) for selector in wanted]
        return {selector: text for selector, text in pairs if text is not None}

    return select


def _terms(pattern: str) -> Matches:
    """`a "b c"` wants both, `-a` does without, `?a ?b` wants either; next to other terms `?` has no effect."""
    wanted: list[Matches] = []
    unwanted: list[Matches] = []
    either: list[Matches] = []
    at = 0
    while at < len(pattern):
        term = _TERM.match(pattern, at)
        if term is None:
            raise InvalidPattern(f"cannot read {pattern[at:].strip()!r}; is a quote missing?")
        {"": wanted, "-": unwanted, "?": either}[term["sign"]].append(_contains(term))
        at = term.end()
    if either and not wanted and not unwanted:
        return lambda message: any(matches(message) for matches in either)
    return lambda message: all(m(message) for m in wanted) and not any(m(message) for m in unwanted)


def _contains(term: re.Match[str]) -> Matches:
    if term["regex"] is not None:
        pattern = json_patterns.regex(term["regex"])
        return lambda message: pattern.search(message) is not None
    if term["phrase"] is not None:
        text = re.sub(r"\\(.)", r"\1", term["phrase"])
    elif _WORD.fullmatch(term["word"]):
        text = term["word"]
    else:
        raise InvalidPattern(f"Invalid character(s) in term '{term['word']}'; put it in double quotes")
    return lambda message: text in message
