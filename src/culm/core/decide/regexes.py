"""Regular expressions of listener rules: the part of the language that every engine reads alike.

Three engines have a say: the one that AWS documents for rule conditions, PCRE in HAProxy, and Python's `re`, by which
`listener_rules` decides which rule a request meets. What only one of them knows (`(?a)`, `\\N{DIGIT ONE}`, POSIX
classes, look-around, back-references) is refused when a rule is made; accepted later, it would be refused by the proxy.
"""

import re
from collections.abc import Iterator

GREATEST_REPEAT = 1000
"""Of one quantifier, and of nested ones multiplied: PCRE copies what is repeated, and has room for 64 KiB."""

_GROUPS = ("(?:", "(?i:")
_ESCAPED_LETTERS = frozenset("dDwWsSbBAntrf")
_IN_CLASS = frozenset("dDwWsSntrf")
_TOKEN = re.compile(
    r"(?P<escape>\\(?:x[0-9A-Fa-f]{2}|.))"
    r"|(?P<class>\[\^?\]?(?:\\(?:x[0-9A-Fa-f]{2}|.)|[^\]\\])*\])"
    r"|(?P<group>\((?:\?[^:)]*:?)?)"
    r"|(?P<end>\))"
    r"|(?P<repeat>(?:[*+?]|\{\d+(?:,\d*)?\})\??)"
    r"|(?P<other>.)",
    re.DOTALL,
)


def problem(regex: str) -> str | None:
    """Return what it `is`, `has` or `does` that no rule's regular expression may; None if there is nothing."""
    unknown = next(_foreign(regex), None)
    if unknown is not None:
        return f"has {unknown}, which is not supported: use literals, classes, groups, alternatives and quantifiers"
    try:
        re.compile(regex)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is not a valid regular expression: {error}"
    if _copies(regex) > GREATEST_REPEAT:
        return f"repeats more than {GREATEST_REPEAT} times"
    return None


def _foreign(regex: str) -> Iterator[str]:
    """Yield the constructs that not every engine knows, or reads alike."""
    for token in _TOKEN.finditer(regex):
        text = token[0]
        match token.lastgroup:
            case "escape" if not _known_escape(text, _ESCAPED_LETTERS):
                yield text
            case "class":
                if re.search(r"^\^?\[|\[[:.=]|&&|--|~~|\|\|", text[1:]):
                    yield text
                yield from (e for e in re.findall(r"\\(?:x..|.)", text) if not _known_escape(e, _IN_CLASS))
            case "group" if text.startswith("(?") and text not in _GROUPS:
                yield text
            case "repeat" if regex[token.end() :].startswith("+"):
                yield f"{text}+"
            case "other" if text == "[":
                yield "[ without ]"
            case "other" if text == "{" and re.match(r"\{,\d", regex[token.start() :]):
                yield "{,"


def _known_escape(text: str, letters: frozenset[str]) -> bool:
    """Punctuation can be escaped anywhere; a letter only where it means the same to all."""
    return len(text) == 4 or text[1] in letters or (not text[1].isalnum() and text[1].isprintable())


def _copies(regex: str) -> int:
    """Return how often the most repeated part is repeated: the product of the quantifiers around it."""
    most, stack, inner = 1, [1], 1
    """`stack`: for each open group, the greatest product inside it so far; `inner`: of the element read last."""
    for token in _TOKEN.finditer(regex):
        match token.lastgroup:
            case "group":
                stack.append(1)
                inner = 1
            case "end":
                inner = stack.pop() if len(stack) > 1 else 1
                stack[-1] = max(stack[-1], inner)
            case "repeat":
                bounds = [int(n) for n in re.findall(r"\d+", token[0])]
                inner *= max([1, *bounds])
                stack[-1] = max(stack[-1], inner)
            case _:
                inner = 1
        most = max(most, inner, stack[-1])
    return most
