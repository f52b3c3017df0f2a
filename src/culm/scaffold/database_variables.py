"""Variables by which code expects its database: which of them become `secrets:` with parts of the database's URL.

In a compose file they are told by their values: those that the database's own service is given, and URLs with its
name as their host. In code they are told by their names, since `DATABASE_URL` means the same everywhere.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from culm.core.model.record import record
from culm.project import engines
from culm.scaffold.sources import Sources

REASON = "its code reads it from the environment"
URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:(?P<login>[^@/\s]*)@)?(?P<host>[\w.-]+)(?::\d+)?(?:/(?P<name>[^?\s]*))?(?P<query>\?\S*)?"
)


@record
class Login:
    """What a compose file's database service is given: by these values its clients' variables are known."""

    user: str
    password: str
    name: str


def login(engine: str, environment: Mapping[str, str]) -> Login:
    """Return the login of a server's image, by its environment.

    https://hub.docker.com/_/postgres and https://hub.docker.com/_/mysql name the variables.
    """
    get = environment.get
    if engine == "postgres":
        user = get("POSTGRES_USER") or get("POSTGRESQL_USERNAME") or "postgres"
        password = get("POSTGRES_PASSWORD") or get("POSTGRESQL_PASSWORD") or ""
        return Login(user=user, password=password, name=get("POSTGRES_DB") or get("POSTGRESQL_DATABASE") or user)
    for prefix in ("MYSQL", "MARIADB"):
        keys = ("PASSWORD", "ROOT_PASSWORD", "PASSWORD_FILE", "ROOT_PASSWORD_FILE", "ALLOW_EMPTY_PASSWORD")
        if any(get(f"{prefix}_{key}") for key in keys):
            user = get(f"{prefix}_USER") or "root"
            password = get(f"{prefix}_PASSWORD") or get(f"{prefix}_ROOT_PASSWORD") or ""
            return Login(user=user, password=password, name=get(f"{prefix}_DATABASE") or "")
    return Login(user="", password="", name="")


USER = re.compile(r"USER(_?NAME)?$|LOGIN$", re.IGNORECASE)
PASSWORD = re.compile(r"PASS(WORD|WD)?$|PWD$", re.IGNORECASE)
NAME = re.compile(r"(DB|DATABASE|SCHEMA|(DB|DATABASE|POSTGRES|SQL|PG)_?NAME)$", re.IGNORECASE)


OF_OTHERS = re.compile(r"ADMIN|SUPERUSER|SMTP|MAIL|JWT|AMQP|RABBIT|MINIO|KEYCLOAK|GRAFANA", re.IGNORECASE)
OF_DATABASE = re.compile(r"(^|_)(DB|DATABASE|POSTGRES(QL)?|PG|MYSQL|MARIADB|SQL)", re.IGNORECASE)
"""Samples give one word for every password: `FIRST_SUPERUSER_PASSWORD=changethis` is no database's."""


def of_value(variable: str, value: str, database: str, given: Login) -> str | None:
    """Return the `from:` of a variable that has a part of the login; None where it has none.

    `variable` is its name, and `database` what the server is called in `databases:`.
    """
    if OF_OTHERS.search(variable) and not OF_DATABASE.search(variable):
        return None
    for pattern, known, part in (
        (PASSWORD, given.password, "password"),
        (USER, given.user, "user"),
        (NAME, given.name, "name"),
    ):
        if value and value == known and pattern.search(variable):
            return f"{{{database}.{part}}}"
    return None


def of_url(value: str, names: Mapping[str, str], engine: Mapping[str, str]) -> str | None:
    """Return the `from:` of a URL whose host is a database service; None where it is no such URL.

    `names` are the servers' names in `databases:`, by service; `engine` the engines by these names.
    """
    match = URL.fullmatch(value)
    called = names.get(match["host"]) if match else None
    if match is None or called is None or not re.match(r"postgres|mysql|mariadb|redis|valkey|jdbc", match["scheme"]):
        return None
    whole = engine[called] in engines.SQL or match["name"] in (None, "", "0")
    if match["scheme"] == engines.SCHEMES[engine[called]] and not match["query"] and whole:
        return f"{{{called}.url}}"
    path = f"/{match['name'] or '0'}" if engine[called] in engines.CACHES else f"/{{{called}.name}}"
    account = f"{{{called}.user}}:{{{called}.password}}"
    return f"{match['scheme']}://{account}@{{{called}.host}}:{{{called}.port}}{path}{match['query'] or ''}"


READ = re.compile(
    r"(?:environ(?:\.get)?\s*[\[(]|getenv\(|Getenv\(|LookupEnv\(|\b(?:get_?)?env[._]?\w*\(|\bconfig\(|process\.env\[|\bENV(?:\.fetch)?[\[(]|"
    r"\bSystem\.(?:get_env|fetch_env!?)\(|\benv::var(?:_os)?\(|\bGetEnvironmentVariable\()\s*"
    r"[\"'](?P<quoted>[A-Z][A-Z0-9_]+)[\"']|process\.env\.(?P<plain>[A-Z][A-Z0-9_]+)"
)
READING = frozenset(
    {".py", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".go", ".rb", ".ex", ".exs", ".php", ".java", ".kt", ".cs", ".rs"}
)
"""Languages in which variables are read so; Rails has Ruby in its YAML, between `<%` and `%>`."""
CLAP = re.compile(r"#\[(?:clap|arg)\((?:[^\]]*,\s*)?env\s*(?:,[^\]]*)?\)\]\s*(?:pub\s+)?(?P<name>\w+)\s*:")
"""Rust's `#[clap(long, env)] database_url: String` reads DATABASE_URL: https://docs.rs/clap/latest/clap/_derive/"""
OF_WHOM = r"(?:(?:APP|API|AZURE|BACKEND|DEFAULT|DJANGO|FLASK|MAIN|SERVICE|WEB)_)?"
PREFIX = {
    "postgres": rf"{OF_WHOM}(DB|DATABASE|POSTGRES|POSTGRESQL|PG|SQL)",
    "mysql": rf"{OF_WHOM}(DB|DATABASE|MYSQL|MARIADB|SQL)",
}
PARTS: tuple[tuple[str, str], ...] = (
    (r"(_?(SERVER_?|CONN(ECTION)?_?)?(URL|URI|DSN|STRING)|_?CONN_?STR)", "url"),
    (r"_?(USER|USERNAME)", "user"),
    (r"_?(PASSWORD|PASS|PASSWD)", "password"),
    (r"_?(HOST|HOSTNAME|SERVER)", "host"),
    (r"_?PORT", "port"),
    (r"(_?NAME|_DB|_?DATABASE)", "name"),
)
WHOLE = re.compile(r"SQLALCHEMY_DATABASE_UR[IL]")


UNPACKED = re.compile(r"\{(?P<names>[^{}]*)\}\s*=\s*process\.env\b")
"""`const {DB_HOST: host, DB_PORT = 5432} = process.env`."""
SETTINGS = re.compile(r"^class \w+\((?:\w+\.)?BaseSettings\b.*:\n(?P<body>(?:[ \t]+.*\n?|\n)+)", re.MULTILINE)
FIELD = re.compile(r"^(?: {4}|\t)(?P<name>[A-Za-z]\w*)[ \t]*:[ \t]*[A-Za-z]", re.MULTILINE)
"""Fields of pydantic's settings: https://docs.pydantic.dev/latest/concepts/pydantic_settings/"""


def settings_fields(text: str) -> set[str]:
    """Return the variables that pydantic's settings of a module read, whatever the case of their fields."""
    if "BaseSettings" not in text or "env_prefix" in text:
        return set()
    return {field["name"].upper() for body in SETTINGS.finditer(text) for field in FIELD.finditer(body["body"])}


USUAL_URL = re.compile(
    r"\bdj_database_url\.config\(\s*(?!env\b|[\"'])|\benv\.(?:dj_)?db(?:_url)?\(\s*\)|\burl\s*=\s*env\(\"DATABASE_URL\"\)|"
    r"\bdj_database_url\.config\((?:[^)]*,)?\s*env\s*=\s*[\"']DATABASE_URL"
)
"""What reads DATABASE_URL without naming it, or as an option: dj-database-url, django-environ, environs, Prisma."""


def read_in(sources: Sources) -> set[str]:
    """Return the variables that a service's code reads."""
    settings = {name for path, text in sources.code.items() if path.endswith(".py") for name in settings_fields(text)}
    unpacked = {
        name
        for text in sources.code.values()
        for match in UNPACKED.finditer(text)
        for name in re.findall(r"(?:^|,)\s*([A-Z][A-Z0-9_]+)(?=\s*[:=,]|\s*$)", match["names"])
    }
    clap = {
        match["name"].upper()
        for path, text in sources.code.items()
        if path.endswith(".rs")
        for match in CLAP.finditer(text)
    }
    prisma = sources.text("prisma/schema.prisma")
    usual = {"DATABASE_URL"} if any(map(USUAL_URL.search, [*sources.code.values(), prisma])) else set()
    return (
        settings
        | unpacked
        | usual
        | clap
        | {
            match["quoted"] or match["plain"]
            for path, text in sources.code.items()
            if Path(path).suffix in READING or (Path(path).suffix in (".yml", ".yaml") and "<%" in text)
            for match in READ.finditer(text)
        }
    )


def of_code(sources: Sources, database: str, engine: str) -> dict[str, str]:
    """Return variable -> the reference to the part of the database's URL that its name asks for."""
    kind = "mysql" if engine == "mariadb" else engine
    if kind not in PREFIX:
        return {}
    result = {}
    for variable in sorted(read_in(sources)):
        for pattern, part in PARTS:
            if re.fullmatch(PREFIX[kind] + pattern, variable) or (part == "url" and WHOLE.fullmatch(variable)):
                result[variable] = url(sources, database, kind) if part == "url" else f"{{{database}.{part}}}"
    for text in sources.code.values():
        result |= {
            match["name"]: match["value"] for match in CHOSEN.finditer(text) if match["value"] in KINDS.get(kind, ())
        }
    if kind in CONNECTIONS and sources.has("artisan"):
        result["DB_CONNECTION"] = CONNECTIONS[kind]
    return result


KINDS = {"postgres": ("postgres", "postgresql", "pgsql", "pg"), "mysql": ("mysql", "mysql2", "mariadb")}
CHOSEN = re.compile(
    r"[\"'](?P<name>(?:DB|DATABASE|SQL)(?:_?(?:TYPE|ENGINE|CLIENT|DRIVER|DIALECT|CONNECTION|VENDOR|PROVIDER))?)[\"']"
    r"\s*[)\]]\s*={2,3}\s*[\"'](?P<value>\w+)[\"']"
)
"""`if os.getenv("DB") == "postgres"`: a variable says which of its databases a program takes."""
CONNECTIONS = {"postgres": "pgsql", "mysql": "mysql"}
"""What Laravel calls its drivers: https://laravel.com/docs/12.x/database#configuration"""
CACHE_URL = re.compile(r"(REDIS|VALKEY)_?(URL|URI|DSN)|(CELERY_)?BROKER_URL|CELERY_RESULT_BACKEND")
CACHE_CLIENT = re.compile(r"^\s*[\"']?(redis|rq|ioredis|valkey)\b", re.MULTILINE)


def names_in(texts: Iterable[str], host: str) -> set[str]:
    """Return the names of the databases in URLs that lead to `host`."""
    every = (match for text in texts for match in URL.finditer(text))
    return {match["name"] for match in every if match["host"] == host and match["name"]}


def of_cache(sources: Sources) -> list[str]:
    """Return the variables that code reads for the URL of a Redis whose client it has."""
    client = any(CACHE_CLIENT.search(text) for text in sources.dependencies.values())
    return sorted(filter(CACHE_URL.fullmatch, read_in(sources))) if client else []


CACHE_PARTS: tuple[tuple[str, str], ...] = (
    (r"_?(URL|URI|DSN)", "url"),
    (r"_?(USER|USERNAME)", "user"),
    (r"_?(PASSWORD|PASS|PASSWD|AUTH)", "password"),
    (r"_?(HOST|HOSTNAME|SERVER)", "host"),
    (r"_?PORT", "port"),
)


def of_cache_parts(sources: Sources, cache: str) -> dict[str, str]:
    """Return variable -> the reference to the part of the cache's URL that its name asks for.

    Only those that code reads are there.
    """
    result = {}
    for variable in sorted(read_in(sources)):
        for pattern, part in CACHE_PARTS:
            if re.fullmatch(f"(REDIS|VALKEY|CACHE){pattern}", variable) or (
                part == "url" and CACHE_URL.fullmatch(variable)
            ):
                result[variable] = f"{{{cache}.{part}}}"
    return result


def of_celery(sources: Sources, host: str, cache: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the variables that Celery takes before its settings that name `host`, and the code without these settings.

    https://docs.celeryq.dev/en/stable/userguide/configuration.html#broker-url: CELERY_BROKER_URL counts first.
    """
    if not any(re.search(r"\bcelery\b", text) for text in sources.dependencies.values()):
        return {}, sources.code
    setting = re.compile(
        rf"(?P<kind>broker|backend)\w*[\"']?\s*[:=]\s*[\"']rediss?://(?:[^@\"'/]*@)?{re.escape(host)}(?![\w.-])",
        re.IGNORECASE,
    )
    kinds = {match["kind"].lower() for text in sources.code.values() for match in setting.finditer(text)}
    names = {"broker": "CELERY_BROKER_URL", "backend": "CELERY_RESULT_BACKEND"}
    code = {path: setting.sub("", text) for path, text in sources.code.items()} if kinds else sources.code
    return {names[kind]: f"{{{cache}.url}}" for kind in sorted(kinds, reverse=True)}, code


def url(sources: Sources, database: str, kind: str) -> str:
    """Return a reference to the whole URL, written for SQLAlchemy's less usual drivers, and for Go's of MySQL, too."""
    every = "\n".join(sources.dependencies.values())
    part = {name: f"{{{database}.{name}}}" for name in ("user", "password", "host", "port", "name")}
    if kind == "mysql" and GO_MYSQL.search(every):
        return f"{part['user']}:{part['password']}@tcp({part['host']}:{part['port']})/{part['name']}?parseTime=true"
    scheme = ""
    if kind == "mysql" and "pymysql" in every and "mysqlclient" not in every:
        scheme = "mysql+pymysql"
    elif kind == "postgres" and SQLALCHEMY.search(every) and PSYCOPG_3.search(every) and "psycopg2" not in every:
        scheme = "postgresql+psycopg"
    elif kind == "postgres" and takes_psycopg_2(sources):
        scheme = "postgresql+psycopg2"
    if not scheme:
        return f"{{{database}.url}}"
    return f"{scheme}://{part['user']}:{part['password']}@{part['host']}:{part['port']}/{part['name']}"


def takes_psycopg_2(sources: Sources) -> bool:
    """Return whether SQLAlchemy alone reads the URL, has psycopg2 alone, and may be a version that asks for psycopg."""
    every = "\n".join(sources.dependencies.values())
    alone = "psycopg2" in every and not re.search(r"\b(?:asyncpg|aiopg|pg8000|databases)\b", every)
    if not alone or not SQLALCHEMY.search(every) or PSYCOPG_3.search(every) or OLD_SQLALCHEMY.search(every):
        return False
    return not any(re.search(r"psycopg2\.connect\(|dj_database_url", text) for text in sources.code.values())


SQLALCHEMY = re.compile(r"\b(flask[-_])?sqlalchemy\b|\bsqlmodel\b", re.IGNORECASE)
GO_MYSQL = re.compile(r"go-sql-driver/mysql|gorm\.io/driver/mysql")
"""It reads no URLs: https://pkg.go.dev/github.com/go-sql-driver/mysql#readme-dsn-data-source-name"""
PSYCOPG_3 = re.compile(r"\bpsycopg(?!2)\b")
OLD_SQLALCHEMY = re.compile(r"(?<![\w-])sqlalchemy(?:\[\w+\])?[^\w>\n]{1,6}(?:1|2\.0)\b")
"""Before 2.1 SQLAlchemy takes psycopg2 where the URL names no driver, and psycopg from then on.
https://docs.sqlalchemy.org/en/20/dialects/postgresql.html
"""
