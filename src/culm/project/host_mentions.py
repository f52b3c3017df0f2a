"""Where the source of a service names a host that only a compose file's network has: `redis`, `db`."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from culm.core.model.record import record
from culm.project import texts

NOT_OURS = frozenset(
    {"node_modules", "vendor", "venv", "env", "dist", "build", "target", "site-packages", "__pycache__"}
    | {"test", "tests", "spec", "docs"}
)
CODE = frozenset(
    {".py", ".js", ".mjs", ".cjs", ".ts", ".go", ".rb", ".java", ".kt", ".cs", ".php", ".rs", ".ini", ".cfg", ".conf"}
    | {".toml", ".json", ".properties", ".env", ".sh", ".yml", ".yaml"}
)
ELSEWHERE = re.compile(r"compose|(^|/)(package(-lock)?|composer|tsconfig[\w.-]*|manifest)\.json$|\.lock$|-lock\.")
"""Files in which the word is a package's name, or a compose file's own."""
MOST_FILES = 400
MOST_BYTES = 200_000


@record
class HostMention:
    """Where a source names a host."""

    file: str
    line: int


def place_of(sources: Mapping[str, str], host: str, *, certain: bool = False) -> HostMention | None:
    """Return the line of the sources, by path, in which the host stands as one; None where there is none.

    A line that says so counts before one that may: `host="redis"`, `redis://redis:6379` and `("redis", 6379)` before
    `"redis"` alone, which is not taken at all where only what is `certain` counts.
    """
    wanted = host.lower()
    named = {file: text for file, text in sources.items() if wanted in text.lower() and not ELSEWHERE.search(file)}
    for pattern in patterns(host)[: 1 if certain else 2]:
        for file, text in named.items():
            for number, line in enumerate(text.splitlines(), 1):
                if (
                    wanted in line.lower()
                    and pattern.search(line)
                    and not re.match(r"\s*(#|//|\*|import\b|from\b)", line)
                ):
                    return HostMention(file=file, line=number)
    return None


def patterns(host: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return two patterns: of lines that surely name the host, and of lines that may."""
    name = re.escape(host)
    certain = (
        rf"(?:://|@){name}(?=[:/\"'?]|$)"
        rf"|\w*(?:host|server|addr)\w*[\"'\])]*\s*(?:[:=,]|\|\||\?\?|or\b).{{0,30}}?[\"']{name}[\"':]"
        rf"|\w*host\w*\s*[:=]\s*{name}(?![\w.-])|[\"']{name}[\"'],\s*(?:port\s*=\s*)?\d{{4,5}}\b|[\"']{name}:\d{{4,5}}\b"
    )
    loads = r"(?<!require\()(?<!require\( )(?<!from )(?<!import )(?<!import\()"
    return re.compile(certain, re.IGNORECASE), re.compile(rf"{loads}[\"'@/]{name}(?=[\"'/:])(?![\"']\s*:)")


def sources(folder: Path) -> dict[str, str]:
    """Return the texts of a service's code and settings, by their paths from its folder, the shallow ones first."""
    result: dict[str, str] = {}
    for path, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each.lower() not in NOT_OURS)
        for name in sorted(files):
            file = Path(path, name)
            if len(result) >= MOST_FILES:
                return result
            if ELSEWHERE.search(name) or (file.suffix not in CODE and not name.startswith(("Dockerfile", ".env"))):
                continue
            try:
                if file.is_file() and file.stat().st_size <= MOST_BYTES:
                    result[str(file.relative_to(folder))] = texts.read(file)
            except OSError:
                continue
    return result
