"""Host names that code takes for granted: which one a failed service asked for, where its source names it.

A compose file's network knows `redis` and `db`; ECS does not. The name is in the code as a rule, so the file and line
are said, and the reference of culm.yml that leads to the same server.
"""

import re

from culm.deploy.diagnoses import NOBODY, LikelyCause
from culm.project import engines
from culm.project.host_mentions import HostMention, place_of, sources
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
CACHE = re.compile(r"redis|valkey|cache|broker|queue", re.IGNORECASE)
SQL = re.compile(r"db|database|postgres|pg|mysql|mariadb|sql", re.IGNORECASE)


def located(project: Project, service: Service, cause: LikelyCause | None) -> LikelyCause | None:
    """Return the cause with what to write, where it is a host name that nobody has; else as it is."""
    host = host_of(cause.line) if cause is not None else None
    if cause is not None and host is None and cause.line.startswith(NOBODY):
        named = mention(project, service)
        if named is None:
            return cause
        host, place = named
        line = f"{NOBODY}: perhaps {host}, by {place.file}:{place.line}"
        return LikelyCause(line=line, hint=advice(project, service, host, place))
    if cause is None or host is None:
        return cause
    return LikelyCause(line=cause.line, hint=advice(project, service, host, place_of(sources(service.folder), host)))


USUAL = (
    "redis",
    "db",
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "mongo",
    "mongodb",
    "rabbitmq",
    "database",
    "cache",
)
"""What compose files call their servers."""


def suspected(project: Project, service: Service) -> LikelyCause | None:
    """Return the host of a compose file's network that the source names, as the likely cause; None where it names none.

    For a service that fails without a word of its own: by a page that answers 500, or not at all.
    """
    named = mention(project, service)
    if named is None:
        return None
    host, place = named
    line = f"perhaps it waits for a host name that nobody has: {place.file}:{place.line} names {host}"
    return LikelyCause(line=line, hint=advice(project, service, host, place))


def mention(project: Project, service: Service) -> tuple[str, HostMention] | None:
    """Return the first host of a compose file's network that the source names, and where; None where it names none."""
    texts = sources(service.folder)
    for host in dict.fromkeys([*project.services, *project.databases, *USUAL]):
        if host == service.name:
            continue
        place = place_of(texts, host, certain=True)
        if place is not None and not (place.file.startswith("Dockerfile") and given_otherwise(service)):
            return host, place
    return None


def given_otherwise(service: Service) -> bool:
    """Return whether culm.yml gives a service a server's host, which counts before what its Dockerfile sets."""
    return any(re.search(r"\{[\w-]+\.host\}", text) for text in service.container.environment.values())


def host_of(line: str) -> str | None:
    """Return the host that a program did not find, by its own words; None where they name none."""
    if not re.search(r"host|ENOTFOUND|EAI_AGAIN|not known|name resolution|no address", line, re.IGNORECASE):
        return None
    match = next((each for pattern in UNKNOWN if (each := re.search(pattern, line, re.IGNORECASE))), None)
    return match["host"] if match else None


def advice(project: Project, service: Service, host: str, place: HostMention | None) -> str:
    """Return what to write in the source and in culm.yml, so that the service reaches what it calls `host`."""
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
    if place is not None and (known := variable_of(service, called)) is not None:
        if place.file.endswith("alembic.ini"):
            line = f'config.set_main_option("sqlalchemy.url", os.environ["{known}"])'
            return f"{place.file}:{place.line} of {service.name} names {host}: below `config =` in its env.py, `{line}`"
        return f"{place.file}:{place.line} of {service.name} names {host}: let it read {known}, which culm.yml gives it"
    start += f"; in culm.yml, for {service.name}: {more}"
    login = given[0] if given else f"{stem}_URL"
    url = f"`secrets: {{{login}: {{from: '{{{called}.url}}', reason: its code reads it}}}}`"
    if given and "://" in environment[given[0]]:
        return start + url
    return f"{start}`environment: {{{variable}: '{{{called}.host}}'}}`, or with its login {url}"


def variable_of(service: Service, database: str) -> str | None:
    """Return the variable by which a service knows a database: that with its whole URL, else with its host."""
    secrets = service.container.secrets
    whole = [name for name, each in secrets.items() if f"{{{database}.url}}" in str(each.value_from)]
    hosts = [name for name, text in service.container.environment.items() if f"{{{database}.host}}" in text]
    return next(iter([*whole, *hosts]), None)


def server_of(project: Project, service: Service, host: str) -> tuple[str, str] | None:
    """Return the database that a host name means, and what culm.yml lacks for it; None where the name tells none."""
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
