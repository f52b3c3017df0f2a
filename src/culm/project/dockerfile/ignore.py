"""`.dockerignore`, by Docker's rules and not git's.

Patterns are anchored at the context, the last one that matches wins, `!` takes back, and what is said of a folder
holds for all in it. https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from posixpath import normpath

from culm.errors import UsageError
from culm.project import texts


def ignored(lines: Sequence[str]) -> Callable[[str], bool]:
    """Return a predicate on paths relative to the context, `/` between their parts."""
    rules = [rule for line in lines if (rule := parse(line)) is not None]

    def matches(path: str) -> bool:
        verdict = False
        for pattern, ignore in rules:
            if ignore != verdict and pattern.fullmatch(path):
                verdict = ignore
        return verdict

    return matches


def patterns(folder: Path, dockerfile: Path) -> list[str]:
    """Return the lines that hold for a build.

    `NAME.dockerignore` beside the Dockerfile comes before the folder's own.
    """
    lists = (dockerfile.with_name(dockerfile.name + ".dockerignore"), folder / ".dockerignore")
    return next((texts.read(path).splitlines() for path in lists if path.is_file()), [])


def parse(line: str) -> tuple[re.Pattern[str], bool] | None:
    """Return a line's pattern and whether it ignores (or takes back). Raises UsageError where it is no pattern."""
    text = line.strip()
    if not text or line.startswith("#"):
        return None
    ignore = not text.startswith("!")
    cleaned = normpath(text.removeprefix("!").strip()).lstrip("/")
    if cleaned in ("", "."):
        return None
    try:
        return re.compile(translate(cleaned) + r"(?:/.*)?", re.DOTALL), ignore
    except re.error as error:
        raise UsageError(
            f".dockerignore: {text!r} is not a pattern: {error}", "Docker refuses it, too: fix it"
        ) from None


def translate(pattern: str) -> str:
    """Return a pattern of Go's filepath.Match, with `**`, as a regular expression."""
    out = ""
    at = 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            out, at = out + "(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            out, at = out + ".*", at + 2
        elif pattern[at] == "*":
            out, at = out + "[^/]*", at + 1
        elif pattern[at] == "?":
            out, at = out + "[^/]", at + 1
        elif pattern[at] == "[" and (end := pattern.find("]", at + 2)) > 0:
            out, at = out + "[" + pattern[at + 1 : end].replace("\\", "\\\\") + "]", end + 1
        elif pattern[at] == "\\" and at + 1 < len(pattern):
            out, at = out + re.escape(pattern[at + 1]), at + 2
        else:
            out, at = out + re.escape(pattern[at]), at + 1
    return out
