"""Host names that code takes for granted: which one a failed service asked for, where its source names it.

A compose file's network knows `redis` and `db`; ECS does not. The name is in the code as a rule, so the file and line
are said, and the reference of culm.yml that leads to the same server.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from culm.core.model.record import record
from culm.deploy.diagnoses import LikelyCause
from culm.project import engines, texts
from culm.project.project import Project, Service

HOST = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?)"
UNKNOWN = (
    rf"could not translate host name [\"']{HOST}[\"']",
    rf"(?:ENOTFOUND|EAI_AGAIN) {HOST}",
    rf"connecting to {HOST}:\d+",
    rf"lookup {HOST}(?: on \S+)?: .*(?:no such host|name resolution|server misbehaving)",
    rf"(?:unknown (?:mysql server )?host:?|host=|hostname|on|to) ?[\"']{HOST}[\"'].*"
    r"(?:not known|resolution|address|unknown|\(-\d\))",
    rf"unknown host:? [\"']?{HOST}",
    rf"\('{HOST}', \d+\)",
    rf"(?<![\w.]){HOST}:\d+: .*(?:not known|name resolution|no address)",
)
"""How libpq, Node, redis-py, Go, MySQL's clients, Java and pymongo name the host that nobody has."""
NOT_OURS = frozenset(
    {"node_modules", "vendor", "venv", "env", "dist", "build", "target", "site-packages", "__pycache__"}
    | {"test", "tests", "spec", "docs"}
)
CODE = frozenset(
    {".py", ".js", ".mjs", ".cjs", ".ts", ".go", ".rb", ".java", ".kt", ".cs", ".php", ".rs", ".ini", ".cfg", ".conf"}
    | {".toml", ".json", ".properties", ".env", ".sh", ".yml", ".yaml"}
)
MOST_FILES = 400
MOST_BYTES = 200_000
CACHE = re.compile(r"redis|valkey|cache|broker|queue", re.IGNORECASE)
SQL = re.compile(r"db|database|postgres|pg|mysql|mariadb|sql", re.IGNORECASE)


@record
class HostMention:
    """Where a source names a host."""

    file: str
    line: int


def located(project: Project, service: Service, cause: LikelyCause | None) -> LikelyCause | None:
    """Return the cause with what to write, where it is a host name that nobody has; else as it is."""
    host = host_of(cause.line) if cause is not None else None
    if cause is None or host is None:
        return cause
    return LikelyCause(line=cause.line, hint=advice(project, service, host, place_of(sources(service.folder), host)))


def host_of(line: str) -> str | None:
    """Return the host that a program did not find, by its own words; None where they name none."""
    if not re.search(r"host|ENOTFOUND|EAI_AGAIN|not known|name resolution|no address", line, re.IGNORECASE):
        return None
    match = next((each for pattern in UNKNOWN if (each := re.search(pattern, line, re.IGNORECASE))), None)
    return match["host"] if match else None


def place_of(sources: Mapping[str, str], host: str) -> HostMention | None:
    """Return the first line of the sources, by path, in which the host stands as one; None where there is none."""
    name = re.escape(host)
    written = re.compile(rf"[\"'@/]{name}(?=[\"'/:])|\w*host\w*[\"']?\s*[:=]\s*{name}(?![\w.-])", re.IGNORECASE)
    for file, text in sources.items():
        for number, line in enumerate(text.splitlines(), 1):
            if written.search(line) and not re.match(r"\s*(#|//|\*|import\b|from\b)", line):
                return HostMention(file=file, line=number)
    return None


def sources(folder: Path) -> dict[str, str]:
    """The texts of a service's code and settings, by their paths from its folder, the shallow ones first."""
    result: dict[str, str] = {}
    for path, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each.lower() not in NOT_OURS)
        for name in sorted(files):
            file = Path(path, name)
            if len(result) >= MOST_FILES:
                return result
            if "compose" in name or (file.suffix not in CODE and not name.startswith(("Dockerfile", ".env"))):
                continue
            try:
                if file.is_file() and file.stat().st_size <= MOST_BYTES:
                    result[str(file.relative_to(folder))] = texts.read(file)
            except OSError:
                continue
    return result


def advice(project: Project, service: Service, host: str, place: HostMention | None) -> str:
    """What to write in the source and in culm.yml, so that the service reaches what it calls `host`."""
    stem = re.sub(r"\W+", "_", host.partition(".")[0]).upper()
    names = server_of(project, service, host)
    whole = re.compile(rf"(?<![\w.-]){re.escape(host)}(?![\w.-]|://)")
    environment = service.container.environment
    given = [name for name, text in environment.items() if whole.search(text)]
    if given:
        start = f"services.{service.name}.environment.{given[0]} names {host}"
    elif place is not None:
        start = f"{place.file}:{place.line} of {service.name} names {host}: let it read a variable"
    else:
        start = f"let the code read {host} from a variable"
    variable = given[0] if given else f"{stem}_HOST"
    if host in project.services:
        calls = "" if project.services[host].balanced or host in service.calls else f"`calls: [{host}]` and "
        url = given[0] if given else f"{stem}_URL"
        return f"{start}; in culm.yml, for {service.name}: {calls}`environment: {{{url}: '{{{host}.url}}'}}`"
    if names is None:
        return f"{start}; culm.yml has no service and no database for {host} yet"
    called, more = names
    start += f"; in culm.yml, for {service.name}: {more}"
    login = given[0] if given else f"{stem}_URL"
    url = f"`secrets: {{{login}: {{from: '{{{called}.url}}', reason: its code reads it}}}}`"
    if given and "://" in environment[given[0]]:
        return start + url
    return f"{start}`environment: {{{variable}: '{{{called}.host}}'}}`, or with its login {url}"


def server_of(project: Project, service: Service, host: str) -> tuple[str, str] | None:
    """The database that a host name means, and what culm.yml lacks for it; None where the name tells none."""
    kind: tuple[str, ...] = engines.CACHES if CACHE.search(host) else engines.SQL if SQL.search(host) else ()
    if host in project.databases:
        kind = (project.databases[host],)
    used = [name for name in service.databases if project.databases[name] in kind]
    if used:
        return used[0], ""
    there = next((name for name, engine in project.databases.items() if engine in kind), None)
    if there is not None:
        return there, f"`database: {there}` and "
    if not kind:
        return None
    called, engine = ("cache", "redis") if CACHE.search(host) else ("main", "mysql" if "my" in host else "postgres")
    return called, f"`databases: {{{called}: {{engine: {engine}}}}}` at the top, `database: {called}` and "
