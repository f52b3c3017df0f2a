"""What a service's folder tells about it where nobody has said so: port, health page, database, migration.

Each guess has its reason, which is written beside the key. The surer source goes first: what the image says, then the
command, then the code, then what the framework does when nothing is said.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from culm.core.model.record import record
from culm.project import dockerfile
from culm.project.dockerfile import DockerfileError, Instruction
from culm.scaffold.sources import Sources


@record
class Guess:
    value: str
    why: str


@record
class ImageSource:
    """A Dockerfile and what it is built from."""

    path: Path
    folder: Path
    """The build context."""
    instructions: Sequence[Instruction]
    """Up to the end of the stage that is built; empty when it cannot be read."""
    args: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.path.name

    def command(self) -> tuple[str, ...]:
        """Return ENTRYPOINT and CMD as words, a shell line as one word."""
        result: list[str] = []
        for keyword in ("ENTRYPOINT", "CMD"):
            last = dockerfile.command_of(self.instructions, keyword) if self.instructions else None
            if last is not None:
                result += last.form if last.form is not None else [last.rest]
        return tuple(result)

    @property
    def bases(self) -> list[str]:
        """The images that the last stage stands on, by name, the last one first."""
        every = dockerfile.stages(self.instructions, self.args)
        return [stage.base.lower() for stage in reversed(every) if stage.parent is None][:1] if every else []

    def ports(self) -> list[int]:
        return dockerfile.exposed_ports(self.instructions, self.args) if self.instructions else []


def image(path: Path, folder: Path, args: Mapping[str, str], target: str | None = None) -> ImageSource:
    """Return the Dockerfile at `path`; one that cannot be read has no instructions."""
    try:
        instructions = dockerfile.read(path)
        if target:
            instructions = dockerfile.until_stage(instructions, target)
    except (OSError, DockerfileError):
        instructions = []
    return ImageSource(path=path, folder=folder, instructions=instructions, args=args)


WORKER = re.compile(
    r"\b(celery\b(?!.*\b(flower|events)\b)|celerybeat|rq\s+worker|rqworker|sidekiq|resque|delayed_job|huey|dramatiq|arq|"
    r"qcluster|queue:(work|listen)|schedule:(run|work)|horizon|bull(mq)?|agenda|faktory|oban|good_job|worker(s|\.\w+)?|"
    r"consumer|scheduler|cron|beat|supercronic|run_huey|process_tasks|jobs:work|listener|poller|watcher)\b",
    re.IGNORECASE,
)
MIGRATION = re.compile(
    r"\bmigrat|\balembic\b|\bdbmate\b|\bflyway\b|\bliquibase\b|\bdb:(migrate|prepare|setup|create)\b|\bprisma\s+(migrate|db\s+push)"
    r"|\bgoose\b|\bsqitch\b|\batlas\s+migrate|\bdb\s+upgrade\b|\bmigrate(\.\w+)?$",
    re.IGNORECASE,
)
ONCE = re.compile(
    r"\b(seed|init|setup|bootstrap|createsuperuser|collectstatic|fixtures|loaddata|provision)\w*\b", re.IGNORECASE
)


def is_worker(*texts: str) -> bool:
    return any(WORKER.search(text) for text in texts)


PREFERRED = (8080, 8000, 3000, 5000, 80, 4000, 9000, 8888)
NEVER = frozenset({22, 25, 143, 443, 465, 587, 993, 8443, 5678, 9229, 2345, 5005, 9090, 9464})
"""TLS, mail, debuggers and metrics: no load balancer's."""
NAMED_PORTS = re.compile(
    r"(?:--?(?:server\.|http[._-]?)?port[= ]+|--listen[= ]+\S*:|-p[= ]+|"
    r"(?:--bind|-b|--host|--addr|--address|--listen|--http|runserver|-S|"
    r"--server\.address)[= ]+[\w.\[\]]*:|\b0\.0\.0\.0:|(?<![\w/.]):|\bPORT=|server\.port=|SERVER_PORT=)(\d{2,5})\b"
)
LISTENS = re.compile(
    r"\.listen\(\s*(?:\{\s*port:\s*)?(\d{2,5})|(?:PORT|port)[\"'\])]*\s*(?:\|\||\?\?|,|or|:-|=)\s*[\"']?:?(\d{2,5})\b"
    r"|ListenAndServe(?:TLS)?\(\s*\"[\w.]*:(\d{2,5})|\.Run\(\s*\"[\w.]*:(\d{2,5})|\.(?:Start|Listen)\(\s*\"[\w.]*:(\d{2,5})"
    r"|(?:app|application|socketio|uvicorn)\.run\([^)]*port\s*=\s*(\d{2,5})|^\s*server\.port\s*[=:]\s*(\d{2,5})"
    r"|^bind\s*=\s*[\"'][\w.\[\]:]*:(\d{2,5})[\"']|^\s*listen\s+(?:\[::\]:)?(\d{2,5})|UseUrls\([^)]*:(\d{2,5})|bind\(\s*\(?\"[\d.]+:(\d{2,5})|applicationUrl\D+:(\d{2,5})",
    re.MULTILINE,
)
FRAMEWORKS: tuple[tuple[str, int, str], ...] = (
    (r"\bstreamlit\b", 8501, "Streamlit"),
    (r"\"next\"\s*:", 3000, "Next.js"),
    (r"\"nuxt\w*\"\s*:", 3000, "Nuxt"),
    (r"\"@nestjs/core\"", 3000, "Nest"),
    (r"\"(express|koa|fastify|@hapi/hapi|hono)\"\s*:", 3000, "a Node server"),
    (r"\"react-scripts\"\s*:", 3000, "Create React App"),
    (r"\"@angular/core\"\s*:", 4200, "Angular"),
    (r"\"@vue/cli-service\"\s*:", 8080, "Vue CLI"),
    (r"\"vite\"\s*:", 5173, "Vite"),
    (r"\bdjango\b", 8000, "Django"),
    (r"\b(fastapi|uvicorn|starlette|gunicorn|litestar|hypercorn)\b", 8000, "an ASGI or WSGI server"),
    (r"\b(flask|quart)\b", 5000, "Flask"),
    (r"\b(tornado|aiohttp|sanic|bottle)\b", 8080, "a Python server"),
    (r"gem\s+[\"']rails[\"']", 3000, "Rails"),
    (r"gem\s+[\"'](sinatra|puma|rackup?)[\"']", 9292, "Rack"),
    (r"spring-boot|quarkus|micronaut|ktor|dropwizard|vertx", 8080, "a Java server"),
    (r"microsoft\.net\.sdk\.web|microsoft\.aspnetcore", 8080, "ASP.NET Core"),
    (r"laravel/framework", 8000, "Laravel"),
    (r":phoenix\b", 4000, "Phoenix"),
    (r"\b(actix-web|axum|rocket|warp)\b", 8080, "a Rust server"),
    (r"gin-gonic|labstack/echo|gofiber|go-chi|gorilla/mux|net/http", 8080, "a Go server"),
)
"""What a server takes when nobody says a port; by what its dependencies name."""
BASES: tuple[tuple[str, int], ...] = (
    (r"(^|/)(nginxinc/)?nginx-unprivileged", 8080),
    (r"(^|/)(nginx|httpd|caddy|php:[\w.-]*apache|wordpress|openresty)", 80),
    (r"(^|/)(tomcat|jetty|openliberty|wildfly)", 8080),
    (r"dotnet/aspnet:[3-7]\b", 80),
    (r"dotnet/aspnet", 8080),
)


WEB_SERVER = re.compile(r"(^|/)(php:[\w.-]*apache|wordpress:?)")
"""What serves by itself, whatever ports the code names."""


def port(built: ImageSource, sources: Sources, command: Sequence[str] = ()) -> Guess | None:
    """Return where the service listens, and how that is known.

    None: nothing tells. One that is EXPOSEd alone is no guess.
    """
    exposed = built.ports()
    if len(exposed) == 1:
        return Guess(value=str(exposed[0]), why="")
    if exposed:
        chosen = best(exposed)
        return Guess(value=str(chosen), why=f"{built.name} EXPOSEs {' and '.join(map(str, exposed[:6]))}")
    line = " ".join(command or built.command())
    if match := NAMED_PORTS.search(line):
        return Guess(value=match[1], why="by its command; its Dockerfile has no EXPOSE")
    for instruction in reversed(built.instructions):
        if instruction.keyword == "ENV":
            for name, value in dockerfile.assignments(instruction.rest).items():
                number = re.search(r"(\d{2,5})\D*$", value)
                if re.search(r"(^|_)PORTS?$|_URLS$", name) and number and int(number[1]) < 65536:
                    return Guess(value=number[1], why=f"by {name} in its Dockerfile, which has no EXPOSE")
    if any(WEB_SERVER.search(base) for base in built.bases):
        return Guess(value="80", why=f"as {built.bases[0]} does; its Dockerfile has no EXPOSE")
    if (coded := of_code(sources)) is not None:
        return coded
    for base in built.bases:
        for pattern, number_ in BASES:
            if re.search(pattern, base):
                return Guess(value=str(number_), why=f"as {base} does; its Dockerfile has no EXPOSE")
    return of_framework(sources, line)


def best(ports: Sequence[int]) -> int:
    """Return the port that is most likely HTTP's, of several."""
    able = [number for number in ports if number not in NEVER] or list(ports)
    return next((number for number in PREFERRED if number in able), able[0])


OF_OTHERS = re.compile(
    r"(?:mail|smtp|imap|pop3?|db|database|postgres(?:ql)?|pg|sql|mysql|mariadb|redis|valkey|cache|mongo(?:db)?|amqp|rabbit(?:mq)?|"
    r"kafka|ftp|ssh|ldap|proxy|metrics|prometheus|debug(?:ger)?|statsd|elastic(?:search)?|memcached?)_?$",
    re.IGNORECASE,
)
"""What is before PORT where a program connects to, or is looked into."""


def of_code(sources: Sources) -> Guess | None:
    """Return the port that the source listens on, None if it does not say."""
    for path, text in sources.code.items():
        if Path(path).suffix in (".yml", ".yaml", ".json", ".toml") and not Path(path).name.startswith("application"):
            continue  # of compose, Kubernetes and the like: other services' ports
        for match in LISTENS.finditer(text):
            number = next(group for group in match.groups() if group)
            if OF_OTHERS.search(text, max(0, match.start() - 40), match.start()):
                continue
            if 80 <= int(number) < 65536 and int(number) not in NEVER | DATABASE_PORTS:
                return Guess(value=number, why=f"by {path}; its Dockerfile has no EXPOSE")
    return None


LISTENS_ALWAYS = re.compile(
    r"\.listen\(\s*(?:\{\s*port:\s*)?(\d{2,5})|ListenAndServe(?:TLS)?\(\s*\"[\w.]*:(\d{2,5})"
    r"|\.(?:Run|Start|Listen)\(\s*\"[\w.]*:(\d{2,5})|(?:app|application|socketio)\.run\([^)]*port\s*=\s*(\d{2,5})"
    r"|^bind\s*=\s*[\"'][\w.\[\]:]*:(\d{2,5})[\"']",
    re.MULTILINE,
)
"""`bind = "0.0.0.0:8080"` is gunicorn's configuration: https://docs.gunicorn.org/en/stable/settings.html#bind"""


def fixed_port(sources: Sources) -> Guess | None:
    """Return the port that the code listens on whatever its environment says."""
    for path, text in sources.code.items():
        if Path(path).suffix not in (".py", ".js", ".mjs", ".cjs", ".ts", ".go", ".rb") or "PORT" in text:
            continue
        if match := LISTENS_ALWAYS.search(text):
            return Guess(value=next(group for group in match.groups() if group), why=path)
    return None


def of_framework(sources: Sources, line: str = "") -> Guess | None:
    """Return the port where the framework listens by itself, None if none is known."""
    every = "\n".join(sources.dependencies.values())
    for pattern, number, what in FRAMEWORKS:
        if re.search(pattern, f"{every}\n{line}", re.IGNORECASE):
            return Guess(value=str(number), why=f"where {what} listens when nobody says otherwise; a guess")
    return None


GRPC_SERVER = re.compile(
    r"grpc\.NewServer\(|grpc\.server\(|new grpc\.Server|grpc\.aio\.server\(|ServerBuilder|MapGrpcService|AddGrpc\("
)
HTTP_SERVER = re.compile(
    r"ListenAndServe|\bapp\.listen\(|http\.createServer|FastAPI\(|Flask\(|express\(\)|gin\.|echo\.New|chi\.NewRouter|mux\.NewRouter"
    r"|@RestController|MapControllers|fiber\.New"
)


def speaks_grpc(sources: Sources) -> bool:
    """Return whether a service is a gRPC server, and none for HTTP."""
    texts = [
        text for path, text in sources.code.items() if Path(path).suffix not in (".json", ".yml", ".yaml", ".toml")
    ]
    return any(GRPC_SERVER.search(text) for text in texts) and not any(HTTP_SERVER.search(text) for text in texts)


DATABASE_PORTS = frozenset(
    {5432, 3306, 6379, 27017, 5672, 9092, 11211, 9200, 2181, 1433, 8086, 4317, 4318, 26257, 9042}
)
DRIVERS: tuple[tuple[str, str], ...] = (
    (r"\b(psycopg\w*|asyncpg|pg8000|aiopg|django\.db\.backends\.postgresql)\b", "postgres"),
    (r"\"(pg|pg-promise|postgres|@prisma/adapter-pg)\"\s*:", "postgres"),
    (r"provider\s*=\s*\"postgresql\"", "postgres"),
    (r"jackc/pgx|lib/pq|go-pg/pg|gorm\.io/driver/postgres", "postgres"),
    (r"gem\s+[\"']pg[\"']", "postgres"),
    (r"\b(mysqlclient|pymysql|aiomysql|asyncmy|mysql-connector-python|django\.db\.backends\.mysql)\b", "mysql"),
    (r"\"(mysql|mysql2)\"\s*:|provider\s*=\s*\"mysql\"|go-sql-driver/mysql|gorm\.io/driver/mysql", "mysql"),
    (r"gem\s+[\"']mysql2[\"']|mysql-connector-j|r2dbc-mysql|MySqlConnector", "mysql"),
    (r"^sqlx\s*=[^\n]*\"postgres\"|^tokio-postgres\b|^diesel\s*=[^\n]*\"postgres\"|\"sqlx-postgres\"", "postgres"),
    (r"^sqlx\s*=[^\n]*\"mysql\"|^diesel\s*=[^\n]*\"mysql\"|\"sqlx-mysql\"", "mysql"),
    (r"org\.postgresql|r2dbc-postgresql|jdbc-postgresql|npgsql|postgrex", "postgres"),
)


LARAVEL = {"mysql": "mysql", "mariadb": "mariadb", "pgsql": "postgres"}


def of_laravel(sources: Sources) -> Guess | None:
    """Return the database that an environment file of Laravel's names; SQLite is a file, and none of these."""
    for file in sorted(sources.folder.glob(".env*")):
        connection = re.search(r"^DB_CONNECTION=[\"']?(\w+)", sources.text(file.name), re.MULTILINE)
        if connection is not None and (engine := LARAVEL.get(connection[1])) is not None:
            return Guess(value=engine, why=f"by DB_CONNECTION in {file.name}")
    return None


GO_DRIVER = re.compile(
    r"\"(?:github\.com/go-sql-driver/mysql|github\.com/jinzhu/gorm/dialects/(?:mysql|postgres)"
    r"|github\.com/lib/pq|github\.com/jackc/pgx[\w/]*)\""
)
"""go.mod names what an own package imports as `// indirect`, too, until somebody tidies it."""


def database(sources: Sources) -> Guess | None:
    """Return the kind of database whose driver the service has."""
    for path, text in sources.dependencies.items():
        for pattern, engine in DRIVERS:
            if re.search(pattern, text, re.MULTILINE):
                return Guess(value=engine, why=f"{path} names a driver for it")
    if sources.has("artisan") and (laravel := of_laravel(sources)) is not None:
        return laravel
    for path, text in sources.code.items():
        if path.endswith(".go") and (match := GO_DRIVER.search(text)):
            return Guess(
                value="mysql" if match[0].endswith('mysql"') else "postgres", why=f"{path} imports a driver for it"
            )
    for file in [*sources.folder.glob("*compose*.y*ml"), *sources.folder.glob("conf/*")]:
        if file.is_file() and re.search(r"postgres(ql)?:", sources.text(str(file.relative_to(sources.folder)))):
            return Guess(value="postgres", why="")
    return None


@record
class Migration:
    """How a service's tables are brought up to date."""

    command: tuple[str, ...]
    why: str
    base: str = ""
    """An image that has the tool; empty: the service's own."""
    copied: tuple[str, str] | None = None
    """The folder with its files, and where the tool looks for them."""
    replaces_entrypoint: bool = False
    """Whether `command` is all that runs, whatever the image's ENTRYPOINT is."""


def migration(sources: Sources) -> Migration | None:
    """Return the migration, by the files that migration tools leave."""
    every = "\n".join(sources.dependencies.values())
    if sources.has("alembic.ini"):
        head = "heads" if has_several_heads(sources) else "head"
        return Migration(command=("alembic", "upgrade", head), why="alembic.ini")
    if sources.has("manage.py") and "django" in every + sources.text("manage.py").lower():
        return Migration(command=("python", "manage.py", "migrate", "--noinput"), why="manage.py")
    if sources.has("migrations/alembic.ini") or ("flask-migrate" in every and sources.has("migrations")):
        return Migration(command=("flask", "db", "upgrade"), why="migrations/")
    if sources.has("prisma/migrations") or sources.has("prisma/schema.prisma"):
        return Migration(command=("npx", "prisma", "migrate", "deploy"), why="prisma/")
    if (schema := re.search(r"\"schema\"\s*:\s*\"([\w./-]+\.prisma)\"", sources.text("package.json"))) is not None:
        return Migration(command=("npx", "prisma", "migrate", "deploy"), why=schema[1].rpartition("/")[0] or schema[1])
    for name in ("knexfile.js", "knexfile.ts", "knexfile.cjs", "knexfile.mjs"):
        if sources.has(name):
            return Migration(command=("npx", "knex", "migrate:latest"), why=name)
    if sources.has("db/migrate") and sources.has("bin/rails"):
        return Migration(command=("bin/rails", "db:migrate"), why="db/migrate")
    if sources.has("db/schema.rb") and sources.has("bin/rails"):
        return Migration(command=("bin/rails", "db:prepare"), why="db/schema.rb")
    if sources.has("artisan") and sources.has("database/migrations"):
        return Migration(command=("php", "artisan", "migrate", "--force"), why="database/migrations")
    if sources.has("priv/repo/migrations"):
        return of_ecto(sources)
    if (script := of_script(sources)) is not None:
        return script
    for name in ("create_db.py", "create_tables.py", "init_db.py", "initdb.py"):
        if "create_all(" in sources.text(name) and "drop_all(" not in sources.text(name):
            return Migration(command=("python", name), why=name)
    return of_sql(sources)


def of_ecto(sources: Sources) -> Migration:
    """Return Ecto's migration: by the release's own function where there is one, else by mix.

    https://hexdocs.pm/phoenix/releases.html#ecto-migrations
    """
    why = "mix.exs"
    application = re.search(r"\bapp:\s*:(\w+)", sources.text("mix.exs"))
    for path, text in sources.code.items():
        module = re.search(r"^defmodule\s+([\w.]+\.Release)\b", text, re.MULTILINE) if path.endswith(".ex") else None
        if application is not None and module is not None and "def migrate" in text:
            return Migration(command=(f"bin/{application[1]}", "eval", f"{module[1]}.migrate"), why=why)
    return Migration(command=("mix", "ecto.migrate"), why=why)


SCRIPTS = re.compile(
    r"\"(?P<name>migrations?:(?:run|up|deploy)|migrate(?::(?:up|deploy|latest|prod))?|db:migrate)\"\s*:\s*"
    r"\"[^\"]*\b(?:typeorm|sequelize|drizzle-kit|mikro-orm|node-pg-migrate|db-migrate)\b"
)


def of_script(sources: Sources) -> Migration | None:
    """Return the migration that a script of package.json runs by a tool for databases."""
    match = SCRIPTS.search(sources.text("package.json"))
    return Migration(command=("npm", "run", match["name"]), why="package.json") if match is not None else None


REVISION = re.compile(r"^revision\b[^=\n]*=\s*[\"'](?P<name>\w+)", re.MULTILINE)
EARLIER = re.compile(r"^down_revision\b[^=\n]*=(?P<names>[^\n]*(?:\n\s+[^\n]*)*)", re.MULTILINE)


def has_several_heads(sources: Sources) -> bool:
    """Return whether alembic's revisions have more than one that none follows: `upgrade head` takes no such tree.

    https://alembic.sqlalchemy.org/en/latest/branches.html#working-with-multiple-heads
    """
    texts = [text for path, text in sources.code.items() if re.search(r"(^|/)versions/[^/]+\.py$", path)]
    revisions = {match["name"] for text in texts for match in REVISION.finditer(text)}
    earlier = {
        word for text in texts for match in EARLIER.finditer(text) for word in re.findall(r"\w+", match["names"])
    }
    return len(revisions - earlier) > 1


def of_sql(sources: Sources) -> Migration | None:
    """Return the migration of SQL files, by the form of their names and contents."""
    for name in ("db/migrations", "migrations", "migration", "sql", "db/migration", "src/main/resources/db/migration"):
        files = sorted(path.name for path in (sources.folder / name).glob("*.sql")) if sources.has(name) else []
        if not files:
            continue
        if any(re.match(r"V\d[\w.]*__", file) for file in files):
            if "flyway" in "\n".join(sources.dependencies.values()):
                return None  # the service runs it itself when it starts
            return Migration(command=("migrate",), why=name, base="flyway/flyway:11", copied=(name, "/flyway/sql"))
        if any(file.endswith(".up.sql") for file in files):
            return Migration(
                command=("-path=/migrations", "-database", "$DATABASE_URL", "up"),
                why=name,
                base="migrate/migrate:v4.18.1",
                copied=(name, "/migrations"),
            )
        if "-- migrate:up" in sources.text(f"{name}/{files[0]}"):
            return Migration(command=("up",), why=name, base="amacneil/dbmate:2", copied=(name, "/db/migrations"))
    return None
