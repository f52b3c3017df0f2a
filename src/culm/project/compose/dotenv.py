"""`.env` and the files of `env_file:`.

A line is `NAME=value` or `NAME: value`, with `export` before it if one likes; a name alone takes its value from the
environment. Single quotes keep everything, double quotes know `\\n`, `\\r`, `\\t`, `\\"`, `\\\\` and `\\$`, both may go
over several lines; ` #` ends a value that is not quoted. Variables count but in single quotes.
https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
"""

import re
from collections.abc import Iterator, Mapping

from culm.core.model.record import record
from culm.project.compose.interpolation import InterpolationError, interpolate


class EnvironmentFileError(ValueError):
    """Says in which line, and what is wrong."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


@record
class EnvLine:
    """A line that sets something."""

    line: int
    name: str
    value: str | None
    """As it is written, quotes and comment off; None: a name alone."""
    literal: bool = False
    """Whether it stood in single quotes."""
    quoted: bool = False
    """Whether it stood in double quotes."""


BEGIN = re.compile(
    r"[ \t]*(?:export[ \t]+)?(?P<name>[^=:#\s'\"][^=:\n]*?)[ \t]*(?:(?P<sign>[=:])[ \t]*|$)", re.MULTILINE
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def entries(text: str) -> Iterator[EnvLine]:
    """Yield every entry, in order.

    Raises:
        EnvironmentFileError: a name has a blank in it, or a quote is not closed.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = text[at:end].strip()
        number = text.count("\n", 0, at) + 1
        if not line or line.startswith("#") or line == "export":
            at = end + 1
            continue
        match = BEGIN.match(text, at)
        if match is None or re.search(r"\s", match["name"]):
            raise EnvironmentFileError(number, "this is no NAME=value")
        if match["sign"] is None:
            yield EnvLine(line=number, name=match["name"], value=None)
            at = end + 1
            continue
        quote = text[match.end() : match.end() + 1]
        if quote in ("'", '"'):
            close = closing(text, match.end() + 1, quote)
            if close is None:
                raise EnvironmentFileError(number, f"the {quote} is not closed")
            value = text[match.end() + 1 : close]
            yield EnvLine(line=number, name=match["name"], value=value, literal=quote == "'", quoted=quote == '"')
            end = text.find("\n", close)
            at = len(text) if end < 0 else end + 1
            continue
        value = text[match.end() : end] if match.end() <= end else ""
        yield EnvLine(line=number, name=match["name"], value=value.split(" #")[0].strip())
        at = end + 1


def closing(text: str, at: int, quote: str) -> int | None:
    """Return where the quote that was opened before `at` closes, past escaped ones; None if it does not."""
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == quote:
            return at
        at += 1
    return None


def parse(text: str, environment: Mapping[str, str], known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables of a file.

    `environment` goes before what the file says when a value refers to a name, and gives names alone their value;
    `known` are the variables of files before it.

    Raises:
        EnvironmentFileError: a line cannot be read, or a variable in it is required and not set.
    """
    result: dict[str, str] = {}
    for entry in entries(text):
        if entry.value is None:
            if entry.name in environment:
                result[entry.name] = environment[entry.name]
            continue
        if entry.literal:
            result[entry.name] = entry.value.replace("\\'", "'")
            continue
        value = entry.value
        if entry.quoted:
            value = re.sub(r"\\([nrt\"\\$])", lambda m: "$$" if m[1] == "$" else ESCAPES[m[1]], value)
        try:
            result[entry.name] = interpolate(value, {**(known or {}), **result, **environment}).text
        except InterpolationError as error:
            raise EnvironmentFileError(entry.line, str(error)) from None
    return result
