"""Filter patterns: which messages a search wants.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import re
from collections.abc import Callable, Mapping

from culm.cluster.services.logs import column_patterns, json_patterns
from culm.cluster.services.logs.json_patterns import InvalidPattern as InvalidPattern
from culm.core.model.record import record

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
            parsed = json_patterns.parsed(message)
        except ValueError:
            return {}
        pairs = [(selector, json_patterns.selected(parsed, selector)) for selector in wanted]
        return {selector: text for selector, text in pairs if text is not None}

    return select


def needles(pattern: str) -> tuple[str, ...]:
    """Return texts of which every message that matches has at least one; none when the pattern does not tell.

    Messages without them need not be judged, and SQLite passes over those many times as fast. Raises InvalidPattern.
    """
    pattern = pattern.strip()
    if pattern.startswith("{"):
        return json_patterns.needles(pattern)
    if not pattern or pattern.startswith("["):
        return ()
    terms = _read(pattern)
    wanted = [term.text for term in terms if term.sign == "" and term.text]
    if wanted:
        return (max(wanted, key=len),)
    if all(term.sign == "?" and term.text for term in terms):
        return tuple(term.text for term in terms)
    return ()


@record
class _Term:
    sign: str
    """Empty, `-` or `?`."""
    text: str
    """Empty: it is a regular expression, or nothing."""
    matches: Matches


def _read(pattern: str) -> list[_Term]:
    terms: list[_Term] = []
    at = 0
    while at < len(pattern):
        term = _TERM.match(pattern, at)
        if term is None:
            raise InvalidPattern(f"cannot read {pattern[at:].strip()!r}; is a quote missing?")
        terms.append(_term(term))
        at = term.end()
    return terms


def _terms(pattern: str) -> Matches:
    """Judge terms: `a "b c"` wants both, `-a` does without, `?a ?b` wants either; beside others `?` has no effect."""
    by_sign: dict[str, list[Matches]] = {"": [], "-": [], "?": []}
    for term in _read(pattern):
        by_sign[term.sign].append(term.matches)
    wanted, unwanted, either = by_sign.values()
    if either and not wanted and not unwanted:
        return lambda message: any(matches(message) for matches in either)
    if len(wanted) == 1 and not unwanted:
        return wanted[0]
    return lambda message: all(m(message) for m in wanted) and not any(m(message) for m in unwanted)


def _term(term: re.Match[str]) -> _Term:
    if term["regex"] is not None:
        pattern = json_patterns.regex(term["regex"])
        return _Term(sign=term["sign"], text="", matches=lambda message: pattern.search(message) is not None)
    if term["phrase"] is not None:
        text = re.sub(r"\\(.)", r"\1", term["phrase"])
    elif _WORD.fullmatch(term["word"]):
        text = term["word"]
    else:
        raise InvalidPattern(f"Invalid character(s) in term '{term['word']}'; put it in double quotes")
    return _Term(sign=term["sign"], text=text, matches=lambda message: text in message)
