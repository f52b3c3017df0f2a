"""Variables in a compose file's values.

`$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:?message}`, `${NAME?message}`,
`${NAME:+replacement}`, `${NAME+replacement}`; defaults nest; `$$` is a dollar; any other `$` stays as it is.
https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md
"""

import re
from collections.abc import Mapping

from culm.core.model.record import record

NAMED = re.compile(r"\$(?:(?P<escaped>\$)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<brace>\{))")
BRACED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(:?[-+?])?")


class InterpolationError(ValueError):
    """Says which variable is required and not set, or what is no substitution."""


@record
class Interpolated:
    text: str
    missing: tuple[str, ...]
    """Variables that are not set and have no default; they are empty in `text`."""


def interpolate(text: str, variables: Mapping[str, str], *, lenient: bool = False) -> Interpolated:
    """Return the text with its variables filled in.

    `lenient`: a variable that is required and not set is missing, as any other that is not set.

    Raises:
        InterpolationError: `${` begins no substitution, or a required variable is not set.
    """
    if "$" not in text:
        return Interpolated(text=text, missing=())
    missing: dict[str, None] = {}
    return Interpolated(text=_filled(text, variables, missing, lenient), missing=tuple(missing))


def _filled(text: str, variables: Mapping[str, str], missing: dict[str, None], lenient: bool) -> str:
    result = ""
    at = 0
    while match := NAMED.search(text, at):
        result += text[at : match.start()]
        at = match.end()
        if match["escaped"]:
            result += "$"
        elif (name := match["name"]) is not None:
            result += _plain(name, variables, missing)
        else:
            end = _closing(text, at)
            result += _substituted(text[at:end], variables, missing, lenient)
            at = end + 1
    return result + text[at:]


def _closing(text: str, at: int) -> int:
    """Return where the brace that opened before `at` closes: after the substitutions inside of it."""
    depth = 1
    while at < len(text):
        if text.startswith("${", at):
            depth += 1
            at += 1
        elif text[at] == "}":
            depth -= 1
            if not depth:
                return at
        at += 1
    raise InterpolationError(f"a ${{ in {text!r} is not closed; a dollar that is none of compose's is written $$")


def _plain(name: str, variables: Mapping[str, str], missing: dict[str, None]) -> str:
    if name not in variables:
        missing[name] = None
    return variables.get(name, "")


def _substituted(inner: str, variables: Mapping[str, str], missing: dict[str, None], lenient: bool) -> str:
    """Return the value of `${inner}`."""
    match = BRACED.match(inner)
    if match is None or (match[2] is None and match.end() != len(inner)):
        raise InterpolationError(f"${{{inner}}} is no substitution; a dollar that is none of compose's is written $$")
    name, operator, word = match[1], match[2], inner[match.end() :]
    if operator is None:
        return _plain(name, variables, missing)
    value = variables.get(name)
    filled = bool(value) if operator[0] == ":" else value is not None
    match operator[-1]:
        case "-":
            return value or "" if filled else _filled(word, variables, missing, lenient)
        case "+":
            return _filled(word, variables, missing, lenient) if filled else ""
        case _:
            if not filled and lenient:
                missing[name] = None
            elif not filled:
                message = _filled(word, variables, missing, lenient)
                raise InterpolationError(f"the variable {name} is required: {message or 'it is not set'}")
            return value or ""


def escaped(text: str) -> str:
    """Return the text as a compose file has to write it to say just that."""
    return text.replace("$", "$$")
