"""Patterns in policies: wildcards, and variables that are replaced by values of the request."""

import functools
import re
from collections.abc import Mapping

STAR, MARK = "\ue000", "\ue001"
"""What stands in a pattern for `*` and `?` that are meant literally: from `${*}`, or from a variable's value."""
NOBODY = "\0"
"""What a variable stands for that the request does not have: nothing matches it."""


def like(pattern: str, text: str) -> bool:
    """Return whether `pattern` matches all of `text`: `*` is any number of characters, `?` is one."""
    return pattern in ("*", text) or _expression(pattern).fullmatch(text) is not None


@functools.lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    spelled = {"*": ".*", "?": ".", STAR: r"\*", MARK: r"\?"}
    parts = (spelled.get(c) or re.escape(c) for c in pattern)
    return re.compile("".join(parts), re.DOTALL)


_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERAL = ("*", "?", "$")


def filled(text: str, context: Mapping[str, tuple[str, ...]]) -> str:
    """Fill in a pattern's variables; in their values `*` and `?` are no wildcards. `plain` gives the text itself.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    if "${" not in text:
        return text

    def value(variable: re.Match[str]) -> str:
        name, _, default = variable[1].partition(",")
        if name in _LITERAL:
            return _literally(name)
        values = context.get(name.strip().lower(), ())
        return _literally(values[0] if len(values) == 1 else default.strip().strip("'") or NOBODY)

    return _VARIABLE.sub(value, text)


def plain(pattern: str) -> str:
    """Return the text that a pattern of `filled` is, for comparisons without wildcards."""
    return pattern.replace(STAR, "*").replace(MARK, "?")


def _literally(text: str) -> str:
    return text.replace("*", STAR).replace("?", MARK)
