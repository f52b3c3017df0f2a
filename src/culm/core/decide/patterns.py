"""Patterns in policies: wildcards, and variables that stand for what the request has."""

import functools
import re
from collections.abc import Mapping

NOBODY = "\0"
"""What a variable stands for that the request does not have: nothing matches it."""


def like(pattern: str, text: str) -> bool:
    """`*` is any number of characters, `?` is one."""
    return pattern in ("*", text) or _expression(pattern).fullmatch(text) is not None


@functools.lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.compile("".join(parts), re.DOTALL)


_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERAL = {"*": "*", "?": "?", "$": "$"}


def filled(text: str, context: Mapping[str, tuple[str, ...]]) -> str:
    """With its variables' values. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html"""
    if "${" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        name, _, default = found[1].partition(",")
        if name in _LITERAL:
            return _LITERAL[name]
        values = context.get(name.strip().lower(), ())
        return values[0] if len(values) == 1 else default.strip().strip("'") or NOBODY

    return _VARIABLE.sub(value, text)
