"""Which host a failed service asked for, where its source names it, and what to write."""

from pathlib import Path

import pytest

from culm.deploy.diagnoses import LikelyCause
from culm.deploy.host_names import advice, host_of, located, suspected
from culm.project.host_mentions import HostMention, place_of, sources
from culm.project.load import parse
from culm.project.project import Project

FILE = """name: shop
databases: {main: {engine: postgres}, cache: {engine: redis}}
services:
  web: {image: web, port: 80, database: [main, cache], environment: {QUEUE: "redis://queue:6379"}}
  api: {image: api, port: 81, path: /api}
  mongo: {image: mongo, port: 27017, path: none}
"""


@pytest.fixture(scope="module")
def project() -> Project:
    return parse(FILE, Path("culm.yml"))


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ('could not translate host name "db" to address: Name or service not known', "db"),
        ("Error: getaddrinfo ENOTFOUND redis", "redis"),
        ("Error: getaddrinfo EAI_AGAIN mongo mongo:27017", "mongo"),
        ("redis.exceptions.ConnectionError: Error -2 connecting to redis:6379. Name or service not known.", "redis"),
        ("dial tcp: lookup db on 127.0.0.53:53: no such host", "db"),
        ("dial tcp: lookup my-db: Temporary failure in name resolution", "my-db"),
        ("(2005, \"Unknown MySQL server host 'mysql' (-2)\")", "mysql"),
        ("Can't connect to MySQL server on 'mysql' ([Errno -2] Name or service not known)", "mysql"),
        ("pymongo.errors.ServerSelectionTimeoutError: mongo:27017: [Errno -2] Name or service not known", "mongo"),
        ("socket.gaierror: [Errno -2] Name or service not known", None),
        ("connection to ('db', 5432) refused", None),
    ],
)
def test_the_host_that_nobody_has_is_read_off_what_the_program_said(line: str, host: str | None) -> None:
    assert host_of(f"it connects to {'' if host is None else 'a host name that nobody has'}: {line}") == host


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("import redis\n# 'redis'\nr = Redis(host='redis', port=6379)\n", 3),
        ("url = 'redis://redis:6379/0'\n", 1),
        ("REDIS_HOST=redis\n", 1),
        ("import redis\nfrom redis import Redis\nredis.get('x')\n", None),
        ("const redis = require('redis');\nimport x from 'redis';\nconst c = {host: 'redis'}\n", 3),
        ('{"redis": "^4.0"}', None),
        ("a = ['redis']\nb = os.getenv('REDIS_HOST', 'redis')\n", 2),
    ],
)
def test_the_line_of_the_source_that_names_the_host_is_named(text: str, line: int | None) -> None:
    assert place_of({"app.py": text}, "redis") == (HostMention(file="app.py", line=line) if line else None)


def test_sources_are_code_and_settings_of_ones_own(tmp_path: Path) -> None:
    for name in ("app.py", "node_modules/x/a.js", "docker-compose.yml", "Dockerfile", "conf/a.toml", "picture.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("host = 'redis'\n")
    assert set(sources(tmp_path)) == {"app.py", "Dockerfile", "conf/a.toml"}


def test_what_to_write_leads_to_the_server_that_the_name_means(project: Project) -> None:
    web, api, place = project.services["web"], project.services["api"], HostMention(file="app.py", line=3)
    said = advice(project, web, "redis", place)
    assert said.startswith("app.py:3 of web names redis: let it read a variable; in culm.yml, for web: ")
    assert "`environment: {REDIS_HOST: '{cache.host}'}`" in said
    assert "`secrets: {REDIS_URL: {from: '{cache.url}', reason: its code reads it}}`" in said
    assert "`environment: {DB_HOST: '{main.host}'}`" in advice(project, web, "db", None)
    assert "`database: main` and `environment: {DB_HOST: '{main.host}'}`" in advice(project, api, "db", None)
    assert "`environment: {API_URL: '{api.url}'}`" in advice(project, web, "api", place)
    assert "`calls: [mongo]` and `environment: {MONGO_URL: '{mongo.url}'}`" in advice(project, web, "mongo", place)
    assert advice(project, web, "queue", None) == (
        "services.web.environment.QUEUE names queue; in culm.yml, for web: "
        "`secrets: {QUEUE: {from: '{cache.url}', reason: its code reads it}}`"
    )
    assert advice(project, web, "kafka", None).endswith("culm.yml has no service and no database for kafka yet")


def test_a_cause_that_names_no_host_stays_as_it_is(project: Project) -> None:
    cause = LikelyCause(line="a variable of its environment is missing: KeyError: 'A'", hint="set it")
    assert located(project, project.services["web"], cause) is cause
    assert located(project, project.services["web"], None) is None


def test_a_line_that_may_name_a_host_does_not_count_where_it_has_to_be_certain() -> None:
    assert place_of({"app.py": "kinds = ['redis']\n"}, "redis", certain=True) is None
    assert place_of({"package-lock.json": 'host: "redis"\n'}, "redis") is None
    assert place_of({"a.js": "createClient(6379, x || 'redis:6379')"}, "redis", certain=True) is not None


def test_a_service_that_fails_without_a_word_is_searched_for_a_compose_files_host(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web/Dockerfile").write_text("FROM scratch\nEXPOSE 80\n")
    (tmp_path / "web/app.py").write_text("import redis\nr = redis.Redis(host='redis', port=6379)\n")
    text = (
        "name: shop\ndatabases: {cache: {engine: redis}}\nservices:\n  web:\n    database: cache\n"
        "    secrets: {REDIS_URL: {from: '{cache.url}', reason: its code reads it}}\n"
    )
    project = parse(text, tmp_path / "culm.yml")

    cause = suspected(project, project.services["web"])

    assert cause is not None
    assert "app.py:2 names redis" in cause.line
    assert cause.hint == "app.py:2 of web names redis: let it read REDIS_URL, which culm.yml gives it"


def test_a_host_that_the_dockerfile_sets_is_not_suspected_where_culm_yml_gives_another(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web/Dockerfile").write_text("FROM scratch\nENV REDIS_HOST=redis\nEXPOSE 80\n")
    text = "name: shop\ndatabases: {cache: {engine: redis}}\nservices:\n  web:\n    database: cache\n    ENV\n"
    given = parse(text.replace("ENV", "environment: {REDIS_HOST: '{cache.host}'}"), tmp_path / "culm.yml")
    not_given = parse(text.replace("ENV", "grace: 5"), tmp_path / "culm.yml")

    assert suspected(given, given.services["web"]) is None
    assert suspected(not_given, not_given.services["web"]) is not None


@pytest.mark.parametrize(
    ("file", "text", "hint"),
    [
        ("app.py", "x = 1\nurl = 'postgresql://u:p@db:5432/x'\n", "let it read DATABASE_URL, which culm.yml gives it"),
        (
            "alembic.ini",
            "[alembic]\nsqlalchemy.url = postgresql+asyncpg://u:p@db:5432/x\n",
            'below `config =` in its env.py, `config.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"])`',
        ),
    ],
)
def test_a_host_that_the_error_does_not_name_is_looked_for_in_the_source(
    tmp_path: Path, file: str, text: str, hint: str
) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web/Dockerfile").write_text("FROM scratch\nEXPOSE 80\n")
    (tmp_path / "web" / file).write_text(text)
    manifest = (
        "name: shop\ndatabases: {main: {engine: postgres}}\nservices:\n  web:\n    database: main\n"
        "    secrets: {DATABASE_URL: {from: '{main.url}', reason: its code reads it}}\n"
    )
    project = parse(manifest, tmp_path / "culm.yml")
    said = LikelyCause(line="it connects to a host name that nobody has: socket.gaierror: [Errno -2]", hint="")

    cause = located(project, project.services["web"], said)

    assert cause is not None
    assert cause.line == f"it connects to a host name that nobody has: perhaps db, by {file}:2"
    assert cause.hint.endswith(hint)
