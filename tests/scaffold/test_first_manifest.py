"""`culm init`: whatever lies in a folder, what is written loads, and says what was guessed."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests import culm_command

from culm.errors import UsageError
from culm.project.load import load, parse
from culm.project.project import Project, Service
from culm.scaffold import names, starter
from culm.scaffold.candidates import Written, free_name
from culm.scaffold.draft import Draft
from culm.scaffold.first_manifest import first_manifest
from culm.scaffold.sources import Sources

SERVER = 'FROM base\nEXPOSE 8080\nCMD ["serve"]\n'
NEXT = '{"dependencies": {"next": "15"}}'


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def made(root: Path, files: Mapping[str, str], name: str = "shop") -> tuple[str, Project]:
    """The text that init writes, and the project that it is."""
    write(root, files)
    result = first_manifest(root, Draft(name=names.project_name(name)), {})
    text = result.draft.text()
    write(root, {os.path.relpath(path, root): extra for path, extra in result.files.items()})
    return text, parse(text, root / "culm.yml")


def block(root: Path, files: Mapping[str, str], service: str = "web") -> dict[str, Any]:
    text, _ = made(root, files)
    written: dict[str, Any] = yaml.safe_load(text)["services"][service]
    return written


@pytest.mark.parametrize(
    ("files", "port", "why"),
    [
        ({"web/Dockerfile": "FROM base\nCMD gunicorn -b 0.0.0.0:8001 shop\n"}, 8001, "by its command"),
        ({"web/Dockerfile": "FROM base\nENV PORT=9000\nCMD serve\n"}, 9000, "by PORT in its Dockerfile"),
        (
            {"web/Dockerfile": "FROM base\nCMD a\n", "web/index.js": "app.listen(process.env.PORT || 4000)"},
            4000,
            "by index.js",
        ),
        (
            {"web/Dockerfile": "FROM base\nCMD a\n", "web/main.go": 'http.ListenAndServe(":7000", nil)'},
            7000,
            "by main.go",
        ),
        ({"web/Dockerfile": "FROM base\nCMD a\n", "web/requirements.txt": "Flask==3\n"}, 5000, "where Flask listens"),
        (
            {
                "web/Dockerfile": "FROM base\nCMD a\n",
                "web/a.py": 'x = env("EMAIL_PORT", "2525")\ny = {"REDIS_PORT": 7777}\nport = 9001\n',
            },
            9001,
            "by a.py",
        ),
        (
            {"web/Dockerfile": "FROM base\nCMD a\n", "web/package.json": '{"dependencies": {"next": "15"}}'},
            3000,
            "Next.js",
        ),
        ({"web/Dockerfile": "FROM base\nCMD a\n", "web/pom.xml": "<a>spring-boot-starter</a>"}, 8080, "Java"),
        (
            {"web/Dockerfile": "FROM nginx:1\nCOPY html /usr/share/nginx/html\n", "web/html/a": ""},
            80,
            "as nginx:1 does",
        ),
        ({"web/Dockerfile": "FROM base\nEXPOSE 443 8080 9229\nCMD a\n"}, 8080, "EXPOSEs 443 and 8080 and 9229"),
    ],
)
def test_a_port_that_is_not_exposed_is_guessed_and_said(
    tmp_path: Path, files: dict[str, str], port: int, why: str
) -> None:
    text, project = made(tmp_path, files)
    assert project.services["web"].port == port
    assert why in next(line for line in text.splitlines() if line.startswith("    port:"))


def test_an_exposed_port_is_not_written(tmp_path: Path) -> None:
    assert "port" not in block(tmp_path, {"web/Dockerfile": "FROM a AS b\nEXPOSE 9000\nFROM b\nCMD c\n"})


def test_a_service_that_listens_nowhere_is_a_worker(tmp_path: Path) -> None:
    files = {"web/Dockerfile": SERVER, "jobs/Dockerfile": "FROM base\nCMD celery -A shop worker\n"}
    assert block(tmp_path, files, "jobs") == {"build": "jobs", "path": "none"}


@pytest.mark.parametrize(
    "folders",
    [
        [
            "2024-app",
            "日本",
            "user_service",
            "user-service",
            "Web Shop",
            "yes",
            "a" * 50,
            "a" * 50 + "b",
            "internal-api",
        ],
        ["services/api", "apps/api", "packages/api"],
        ["x y", "x-y", "x_y", "X.Y"],
        ["null", "true", "on", "1e3", "0x10", "~"],
    ],
)
def test_whatever_folders_are_called_the_names_are_valid_and_unique(tmp_path: Path, folders: list[str]) -> None:
    _, project = made(tmp_path, {f"{folder}/Dockerfile": SERVER for folder in folders}, name="a long project's name")
    assert len(project.services) == len(folders)
    assert {os.path.relpath(service.folder, tmp_path) for service in project.services.values()} == set(folders)


@pytest.mark.parametrize("folder", ["services", "apps", "src", "packages", "backend/services"])
def test_services_are_found_in_nested_folders(tmp_path: Path, folder: str) -> None:
    files = {f"{folder}/{name}/Dockerfile": SERVER for name in ("shop", "pets")}
    files |= {"node_modules/x/Dockerfile": SERVER, f"{folder}/shop/tests/Dockerfile": SERVER, ".git/Dockerfile": SERVER}
    text, project = made(tmp_path, files)
    assert set(project.services) == {"shop", "pets"}
    assert f"build: {folder}/shop" in text


def test_one_dockerfile_in_the_root_is_a_service(tmp_path: Path) -> None:
    (tmp_path / "pets").mkdir()
    _, project = made(tmp_path / "pets", {"Dockerfile": SERVER})
    assert list(project.services) == ["pets"]
    assert project.services["pets"].paths == ("/*",)


def test_dockerfiles_that_are_named_after_services_are_several_and_variants_are_one(tmp_path: Path) -> None:
    files = {"Dockerfile.api": SERVER, "jobs.Dockerfile": SERVER, "Dockerfile.dev": SERVER, "Dockerfile.test": SERVER}
    _, project = made(tmp_path, files)
    assert set(project.services) == {"api", "jobs"}
    assert project.services["jobs"].dockerfile == tmp_path / "jobs.Dockerfile"


def test_the_context_is_the_folder_from_which_all_that_is_copied_is_seen(tmp_path: Path) -> None:
    files = {
        "services/web/Dockerfile": "FROM base\nCOPY services/web/app.py lib /app/\nEXPOSE 80\nCMD a\n",
        "services/web/app.py": "",
        "lib/a.py": "",
        "services/api/Dockerfile": "FROM base\nCOPY app.py /app/\nEXPOSE 80\nCMD a\n",
        "services/api/app.py": "",
    }
    text, project = made(tmp_path, files)
    assert project.services["web"].folder == tmp_path / "."
    assert yaml.safe_load(text)["services"]["web"]["dockerfile"] == "services/web/Dockerfile"
    assert project.services["api"].folder == tmp_path / "services" / "api"


def test_a_compose_file_in_the_root_says_the_most(tmp_path: Path) -> None:
    files = {
        "web/Dockerfile": "FROM base\nCMD a\n",
        "other/Dockerfile": SERVER,
        "docker-compose.yml": "services:\n  web: {build: web, ports: [81], depends_on: [db], environment: [TOKEN=a]}\n"
        "  db: {image: postgres}\n",
    }
    text, project = made(tmp_path, files)
    assert list(project.services) == ["web"]
    assert (project.services["web"].port, project.services["web"].databases) == (81, ("main",))
    assert "# secrets, for the vault (`culm vault put` before `culm up`): local/web/token" in text


def test_two_compose_files_are_named_as_the_command_takes_them(tmp_path: Path) -> None:
    files = {
        "web/Dockerfile": SERVER,
        "docker-compose.yml": "services: {web: {build: web}}",
        "docker-compose.override.yml": "services: {web: {ports: [81]}}",
    }
    text, _ = made(tmp_path, files)
    files_named = [word for word in text.partition("import --force ")[2].partition("`")[0].split()]
    assert [name.rpartition("/")[2] for name in files_named] == ["docker-compose.yml", "docker-compose.override.yml"]


def test_a_compose_file_of_databases_alone_gives_those_and_folders_the_rest(tmp_path: Path) -> None:
    files = {
        "api/Dockerfile": SERVER,
        "compose.yml": "services: {db: {image: postgres}, mails: {image: axllent/mailpit}}",
    }
    _, project = made(tmp_path, files)
    assert set(project.services) == {"api", "mails"}
    assert dict(project.databases) == {"main": "postgres"}


def test_a_compose_file_that_cannot_be_read_is_said_and_folders_are_read(tmp_path: Path) -> None:
    text, project = made(tmp_path, {"api/Dockerfile": SERVER, "compose.yml": "services: [\n"})
    assert list(project.services) == ["api"]
    assert "could not be read: " in text.splitlines()[0]


@pytest.mark.parametrize(
    ("files", "command", "port"),
    [
        ({"requirements.txt": "fastapi\n", "shop/main.py": "app = FastAPI()\n"}, "uvicorn shop.main:app", 8000),
        ({"requirements.txt": "flask\n", "app.py": "app = Flask(__name__)\n"}, "flask --app app run", 5000),
        ({"requirements.txt": "django\n", "manage.py": "import django\n"}, "python manage.py runserver", 8000),
        (
            {"requirements.txt": "gunicorn\n", "Procfile": "web: gunicorn shop.wsgi --bind :9000\n"},
            "gunicorn shop.wsgi",
            9000,
        ),
        ({"package.json": '{"scripts": {"start": "node ."}, "dependencies": {"express": "5"}}'}, "npm start", 3000),
        ({"go.mod": "module a\n", "main.go": 'package main\n// http.ListenAndServe(":8090", nil)\n'}, '["/app"]', 8090),
        ({"Gemfile": "gem 'sinatra'\ngem 'puma'\n", "config.ru": "run App"}, "bundle exec puma -b", 9292),
        ({"Gemfile": 'gem "rails"\n', "config.ru": ""}, "rails server -b 0.0.0.0 -p $PORT", 3000),
        ({"config.ru": "run App", "app.rb": 'require "sinatra"\n'}, "rackup -I . -o 0.0.0.0", 8080),
        ({"composer.json": '"laravel/framework": "^12", "php": "^8.2"', "artisan": ""}, "apache2-foreground", 80),
        ({"mix.exs": 'app: :shop, {:phoenix, "1"}'}, "mix phx.server", 4000),
        (
            {
                "Cargo.toml": '[package]\nname = "shop"\n[dependencies]\naxum = "1"\n',
                "src/main.rs": 'bind("0.0.0.0:3001")',
            },
            '["shop"]',
            3001,
        ),
        ({"pom.xml": "org.springframework.boot", "src/main/A.java": ""}, '"java", "-jar"', 8080),
        ({"build.gradle.kts": "org.springframework.boot", "src/main/A.kt": ""}, '"java", "-jar"', 8080),
        (
            {"Shop.csproj": '<Project Sdk="Microsoft.NET.Sdk.Web"><TargetFramework>net8.0<'},
            '"dotnet", "Shop.dll"',
            8080,
        ),
        ({"package.json": '{"scripts": {"build": "vite build"}, "d": {"vite": "6"}}'}, "npx serve -s dist", 8080),
        (
            {
                "package.json": '{"scripts": {"build": "vite build"}, "d": {"vite": "6"}}',
                "vite.config.ts": "build: {outDir: 'www'}",
            },
            "npx serve -s www",
            8080,
        ),
    ],
)
def test_a_folder_that_says_how_it_starts_gets_a_dockerfile(
    tmp_path: Path, files: dict[str, str], command: str, port: int
) -> None:
    (tmp_path / "pets").mkdir()
    _, project = made(tmp_path / "pets", files)
    text = (tmp_path / "pets" / "Dockerfile").read_text()
    assert command in text.splitlines()[-1]
    assert project.services["pets"].port == port


@pytest.mark.parametrize("line", ["-r requirements/base.txt", "-c pins.txt", "-e .", "./wheels/own.whl", "."])
def test_a_dockerfile_that_is_written_copies_what_the_requirements_name_before_it_installs(
    tmp_path: Path, line: str
) -> None:
    (tmp_path / "pets").mkdir()
    made(tmp_path / "pets", {"requirements.txt": f"flask\n{line}\n", "app.py": "app = Flask(__name__)\n"})
    lines = (tmp_path / "pets" / "Dockerfile").read_text().splitlines()
    assert lines.index("COPY . .") < lines.index("RUN pip install --no-cache-dir -r requirements.txt")


def test_a_service_whose_dockerfile_is_written_migrates_by_a_command_of_its_image(tmp_path: Path) -> None:
    files = {
        "requirements.txt": "django\npsycopg\n",
        "manage.py": "import django",
        "Procfile": "release: ./manage.py migrate\n",
    }
    (tmp_path / "pets").mkdir()
    text, project = made(tmp_path / "pets", files)
    assert (tmp_path / "pets" / "Dockerfile").read_text().startswith("FROM python:3")
    assert 'migrate: {command: [sh, "-c", "./manage.py migrate"]}  # by Procfile' in text
    assert migrates(project.services["pets"]) == ("sh", "-c", "./manage.py migrate")


@pytest.mark.parametrize(
    "files",
    [
        {"Cargo.toml": '[package]\nname = "tool"\n[dependencies]\nclap = "4"\n', "src/main.rs": ""},
        {"Cargo.toml": "[workspace]\n"},
        {"Gemfile": "gem 'rake'\n"},
        {"pom.xml": "junit", "src/main/A.java": ""},
        {"Shop.csproj": '<Project Sdk="Microsoft.NET.Sdk.Web"><ProjectReference Include="../x"/>'},
        {"package.json": '{"devDependencies": {"vite": "6"}}'},
        {"composer.json": '"symfony/console": "7"'},
    ],
)
def test_a_folder_of_no_server_gets_no_dockerfile(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path, files)
    assert starter.dockerfile(Sources(tmp_path)) is None


def test_the_dockerfile_of_laravel_has_the_driver_of_its_database_and_its_key(tmp_path: Path) -> None:
    files = {
        "composer.json": '"laravel/framework": "^12"',
        "artisan": "",
        ".env.example": "DB_CONNECTION=pgsql\n",
        "config/database.php": "'host' => env('DB_HOST', '127.0.0.1'),",
    }
    (tmp_path / "pets").mkdir()
    _, project = made(tmp_path / "pets", files)
    web = project.services["pets"]
    assert "docker-php-ext-install pdo_pgsql" in (tmp_path / "pets" / "Dockerfile").read_text()
    assert dict(project.databases) == {"main": "postgres"}
    assert {name: web.container.environment[name] for name in ("DB_CONNECTION", "DB_HOST")} == {
        "DB_CONNECTION": "pgsql",
        "DB_HOST": "{main.host}",
    }
    assert "APP_KEY" in web.container.secrets


@pytest.mark.parametrize(
    ("code", "variable", "value"),
    [
        ('if os.getenv("DB") == "postgres": a\nif os.getenv("DB") == "mysql": b', "DB", "postgres"),
        ("if (process.env['DB_CLIENT'] === 'pg') a()", "DB_CLIENT", "pg"),
        ('if os.environ["DB_ENGINE"] == "mysql": b', "DB_ENGINE", None),
    ],
)
def test_a_program_that_is_told_its_kind_of_database_is_told(tmp_path, code, variable, value):
    files = {"web/Dockerfile": SERVER, "web/requirements.txt": "psycopg\n", "web/a.py": f"{code}\n"}
    assert block(tmp_path, files).get("environment", {}).get(variable) == value


def test_a_password_that_a_helper_of_the_program_s_own_reads_is_the_database_s(tmp_path: Path) -> None:
    files = {
        "web/Dockerfile": SERVER,
        "web/requirements.txt": "psycopg\n",
        "web/a.py": 'envsecret("DB_PASSWORD", "")\n',
    }
    assert block(tmp_path, files)["secrets"]["DB_PASSWORD"]["from"] == "{main.password}"


@pytest.mark.parametrize(
    ("file", "code", "variable"),
    [
        ("a.js", "mongoose.connect(process.env.DATABASE)", "DATABASE"),
        ("a.js", "const url = process.env.MONGODB_URI", "MONGODB_URI"),
        ("a.py", 'MongoClient(os.environ["MONGO_URL"])', "MONGO_URL"),
        ("a.js", "mongoose.connect(process.env.DATABASE || 'mongodb://localhost/shop')", None),
    ],
)
def test_the_url_of_a_mongodb_is_asked_for(tmp_path: Path, file: str, code: str, variable: str | None) -> None:
    text, project = made(tmp_path, {"web/Dockerfile": SERVER, f"web/{file}": code})
    assert list(project.services["web"].container.secrets) == ([variable] if variable else [])
    assert ("MongoDB is none of `databases:`" in text) == (variable is not None)


def test_secrets_that_code_needs_are_told_beside_a_compose_file_that_does_not_name_them(tmp_path: Path) -> None:
    files = {
        "web/Dockerfile": SERVER,
        "web/env.js": '  JWT_SECRET: str({ devDefault: "x" }),\n',
        "web/knexfile.js": 'process.env.JWT_SECRET = "x"\n',
        "web/package.json": '{"dependencies": {"pg": "8", "better-sqlite3": "9"}}',
        "compose.yml": "services: {web: {build: web, environment: {DB_FILE: /data/shop.sqlite}}}",
    }
    text, project = made(tmp_path, files)
    assert list(project.services["web"].container.secrets) == ["JWT_SECRET"]
    assert not project.databases
    assert "DB_FILE names a file of SQLite" in text


def test_a_worker_of_rq_is_told_its_redis_by_the_variable_that_it_reads(tmp_path: Path) -> None:
    files = {
        "web/Dockerfile": SERVER,
        "web/requirements.txt": "rq==1\n",
        "web/app.py": 'os.environ["REDIS_URL"]\n',
        "web/Procfile": "web: serve\nworker: rq worker mails\n",
    }
    assert block(tmp_path, files, "worker")["secrets"]["RQ_REDIS_URL"]["from"] == "{redis.url}"


def test_spring_has_more_memory_than_the_usual_slot(tmp_path: Path) -> None:
    files = {"web/Dockerfile": SERVER, "web/pom.xml": "org.springframework.boot"}
    assert block(tmp_path, files)["memory"] == 512


def test_what_a_dockerfile_copies_and_nobody_has_made_is_said(tmp_path: Path) -> None:
    files = {"web/Dockerfile": "FROM base\nCOPY target/shop.jar app.py x* /\nEXPOSE 80\nCMD a\n", "web/app.py": ""}
    text, _ = made(tmp_path, files)
    assert "Dockerfile copies target/shop.jar, which is not here: make it before `culm up`" in text


def test_folders_of_one_image_s_forms_are_one_service_built_from_the_program(tmp_path: Path) -> None:
    everything = "FROM golang\nADD . /src\nEXPOSE 8080\nCMD a\n"
    files = {f"packaging/docker/{name}/Dockerfile": everything for name in ("alpine", "distroless")}
    (tmp_path / "feeds").mkdir()
    _, project = made(tmp_path / "feeds", {**files, "packaging/rpm/Dockerfile": everything, "go.mod": ""})
    assert list(project.services) == ["feeds"]
    assert project.services["feeds"].folder == tmp_path / "feeds"
    assert project.services["feeds"].dockerfile == tmp_path / "feeds/packaging/docker/alpine/Dockerfile"


def test_a_web_server_s_image_listens_where_it_always_does(tmp_path: Path) -> None:
    files = {"web/Dockerfile": "FROM php:8.3-apache\nCOPY . /var/www\n", "web/search.php": "'port' => 8108,"}
    assert block(tmp_path, files)["port"] == 80


def test_a_procfile_has_workers_and_a_migration(tmp_path: Path) -> None:
    files = {
        "web/Dockerfile": SERVER,
        "web/requirements.txt": "psycopg\n",
        "web/Procfile": "web: serve\nworker: celery -A shop worker\nrelease: python manage.py migrate\n",
    }
    _, project = made(tmp_path, files)
    assert set(project.services) == {"web", "worker"}
    assert project.services["worker"].paths == ()
    assert migrates(project.services["web"]) == ("sh", "-c", "python manage.py migrate")


def migrates(service: Service) -> tuple[str, ...]:
    """Return what runs in the service's own image."""
    assert service.migration_command is not None
    assert service.migration is None
    return (*(service.migration_command.entrypoint or ()), *service.migration_command.command)


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"alembic.ini": ""}, "alembic upgrade head"),
        ({"manage.py": "import django"}, "python manage.py migrate --noinput"),
        ({"prisma/schema.prisma": ""}, "npx prisma migrate deploy"),
        ({"knexfile.js": ""}, "npx knex migrate:latest"),
        ({"bin/rails": "", "db/migrate/1_a.rb": ""}, "bin/rails db:migrate"),
        ({"bin/rails": "", "db/schema.rb": ""}, "bin/rails db:prepare"),
        ({"artisan": "", "database/migrations/1_a.php": ""}, "php artisan migrate --force"),
        ({"priv/repo/migrations/1_a.exs": "", "mix.exs": "app: :shop"}, "mix ecto.migrate"),
        (
            {"package.json": '{"prisma": {"schema": "src/db/schema.prisma"}}', "src/db/a": ""},
            "npx prisma migrate deploy",
        ),
        ({"package.json": '{"scripts": {"migration:run": "typeorm migration:run -d dist"}}'}, "npm run migration:run"),
        ({"package.json": '{"scripts": {"migrate": "echo later"}}'}, ""),
    ],
)
def test_migrations_are_known_by_the_files_of_their_tools(tmp_path: Path, files: dict[str, str], command: str) -> None:
    here = {f"web/{name}": text for name, text in files.items()}
    _, project = made(tmp_path, {"web/Dockerfile": SERVER, "web/requirements.txt": "psycopg\n", **here})
    web = project.services["web"]
    assert (migrates(web) if web.migration_command is not None else ()) == tuple(command.split())


@pytest.mark.parametrize(
    ("command", "migration"),
    [("bin/shop start", ("bin/shop", "eval", "Shop.Release.migrate")), ("mix phx.server", ("mix", "ecto.migrate"))],
)
def test_a_release_of_elixir_migrates_by_its_own_function(tmp_path, command, migration):
    files = {
        "web/Dockerfile": f"FROM base\nEXPOSE 4000\nCMD {command}\n",
        "web/mix.exs": "app: :shop\n{:postgrex, 1}\n",
        "web/lib/release.ex": "defmodule Shop.Release do\n  def migrate do\n",
        "web/priv/repo/migrations/1_a.exs": "",
    }
    _, project = made(tmp_path, files)
    assert migrates(project.services["web"]) == migration


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"sql/V1__a.sql": ""}, '["migrate"]'),
        ({"migrations/1_a.up.sql": ""}, "migrate -path=/migrations -database $DATABASE_URL up"),
        ({"db/migrations/1_a.sql": "-- migrate:up\n"}, '["up"]'),
    ],
)
def test_migrations_of_another_tool_s_image_have_a_dockerfile(tmp_path: Path, files: dict[str, str], command: str):
    here = {f"web/{name}": text for name, text in files.items()}
    _, project = made(tmp_path, {"web/Dockerfile": SERVER, "web/requirements.txt": "psycopg\n", **here})
    migration = project.services["web"].migration
    assert migration is not None
    assert migration.read_text().splitlines()[-1] == f"CMD {command}"


@pytest.mark.parametrize(
    ("entrypoint", "script", "written"),
    [
        ("", "", "{command: [alembic, upgrade, head]}"),
        ('ENTRYPOINT ["./start.sh"]\n', 'wait-for db\nexec "$@"\n', "{command: [alembic, upgrade, head]}"),
        ('ENTRYPOINT ["./start.sh"]\n', "exec serve\n", "{entrypoint: [alembic], command: [upgrade, head]}"),
    ],
)
def test_a_migration_replaces_an_entrypoint_that_would_not_run_it(tmp_path, entrypoint, script, written):
    files = {"web/Dockerfile": f"FROM base\nEXPOSE 80\n{entrypoint}", "web/start.sh": script, "web/alembic.ini": ""}
    text, _ = made(tmp_path, {**files, "web/requirements.txt": "psycopg\n"})
    assert f"migrate: {written}" in text


def test_a_migration_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    files = {
        "web/Dockerfile": SERVER,
        "web/Dockerfile.migrate": "FROM mine\n",
        "web/alembic.ini": "",
        "web/requirements.txt": "psycopg",
    }
    made(tmp_path, files)
    assert (tmp_path / "web" / "Dockerfile.migrate").read_text() == "FROM mine\n"


def test_a_migrations_dockerfile_never_takes_the_name_of_a_file_that_is_there(tmp_path: Path) -> None:
    written = Written()
    for expected in ("migrate", "migrate.web", "migrate.culm", "migrate.web.2", "migrate.web.3"):
        path = free_name(tmp_path, "web", written)
        assert path.name == f"Dockerfile.{expected}"
        path.write_text("FROM mine\n")
    written.files[tmp_path / "Dockerfile.migrate.web.4"] = "FROM another\n"
    assert free_name(tmp_path, "web", written).name == "Dockerfile.migrate.web.5"


@pytest.mark.parametrize(
    ("code", "page"),
    [
        ({"web/app.py": '@app.get("/healthz")'}, "/healthz"),
        ({"web/index.js": "router.get('/api/health', ok)"}, "/api/health"),
        ({"web/main.go": 'mux.HandleFunc("/ping", ping)'}, "/ping"),
        ({"web/up.py": 'up = Blueprint("up", __name__, url_prefix="/up")\n@up.get("/")'}, "/up/"),
        ({"web/pom.xml": "spring-boot-starter-actuator"}, "/actuator/health"),
        ({"web/config/routes.rb": 'get "up" => "rails/health#show", as: :rails_health_check'}, "/up"),
        (
            {"web/package.json": NEXT, "web/src/app/api/heartbeat/route.ts": ""},
            "/api/heartbeat",
        ),
        ({"web/package.json": NEXT, "web/pages/api/health.js": ""}, "/api/health"),
        ({"web/assets/js/app.js": 'new LiveSocket("/live", Socket)', "web/lib/router.ex": 'get "/up", C, :up'}, "/up"),
        ({"web/a.py": 'requests.get("/health")\nPING_ENDPOINT = os.getenv("PING", ROOT + "/ping/")'}, "/"),
        ({"web/config/production.rb": 'config.silence_healthcheck_path = "/up"'}, "/"),
        ({"web/config/production.rb": '# redirect: { exclude: ->(r) { r.path == "/up" } }'}, "/"),
        ({"web/a.rb": 'return if request.path == "/up"'}, "/"),
        ({"web/client/api.ts": "get('/api/health')"}, "/"),
        ({}, "/"),
    ],
)
def test_the_health_page_is_a_route_of_the_code(tmp_path: Path, code: dict[str, str], page: str) -> None:
    health = block(tmp_path, {"web/Dockerfile": SERVER, **code})["health"]
    assert (health if isinstance(health, str) else health["path"]) == page


@pytest.mark.parametrize(
    ("code", "certain"),
    [
        ({"web/a.js": 'router.use("/health", h)\napp.use("/api/v2", router)'}, False),
        ({"web/a.js": 'router.get("/health", h)\napp.use(router)'}, True),
        ({"web/a.js": 'app.get("/health", h)\napp.use("/api/v2", router)'}, True),
        ({"web/a.py": '@router.get("/health")\napp.include_router(router, prefix="/api")'}, False),
        ({"web/a.py": '@router.get("/health")\napp.include_router(router)'}, True),
    ],
)
def test_any_answer_counts_of_a_route_that_may_be_under_a_prefix(tmp_path, code, certain):
    health = block(tmp_path, {"web/Dockerfile": SERVER, **code})["health"]
    assert health == ("/health" if certain else {"path": "/health", "codes": "200-499"})


def test_a_service_whose_routes_begin_with_its_name_is_left_to_the_rule(tmp_path: Path) -> None:
    files = {"pets/Dockerfile": SERVER, "pets/app.py": 'ROUTES = {"/pets/health": ok}'}
    assert block(tmp_path, files, "pets") == {"build": "pets"}


def test_the_front_gets_all_that_is_no_other_services(tmp_path: Path) -> None:
    _, project = made(tmp_path, {f"{name}/Dockerfile": SERVER for name in ("api", "frontend", "pets")})
    assert {name: service.paths for name, service in project.services.items()} == {
        "api": ("/api/*",),
        "frontend": ("/*",),
        "pets": ("/pets/*",),
    }


def test_images_of_databases_proxies_and_bases_are_no_services(tmp_path: Path) -> None:
    files = {
        "web/Dockerfile": SERVER,
        "db/Dockerfile": "FROM postgres:17\nCOPY init.sql /docker-entrypoint-initdb.d/\n",
        "proxy/Dockerfile": "FROM nginx\nCOPY nginx.conf /etc/nginx/\n",
        "python/Dockerfile": "FROM base\nRUN pip install x\n",
        "broken/Dockerfile": "BREW tea\n",
    }
    text, project = made(tmp_path, files)
    assert list(project.services) == ["web"]
    assert dict(project.databases) == {"main": "postgres"}
    for name in ("proxy", "python", "broken"):
        assert f"# {name}/Dockerfile is left out: " in text


def test_a_dockerfile_in_any_encoding_is_read(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_bytes(b"\xef\xbb\xbfFROM a\r\n# caf\xe9\r\nEXPOSE\t80/TCP\r\nCMD b\r\n")
    _, project = made(tmp_path, {})
    assert project.services["web"].port == 80


def test_grpc_servers_are_behind_no_load_balancer(tmp_path: Path) -> None:
    files = {"web/Dockerfile": SERVER, "web/main.go": "s := grpc.NewServer()"}
    written = block(tmp_path, files)
    assert (written["path"], written["port"]) == ("none", 8080)


def test_an_empty_folder_is_refused_with_what_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has a Dockerfile or says how it starts"):
        first_manifest(tmp_path, Draft(name="a"), {})
    write(tmp_path, {"compose.yml": "services: {db: {image: 'postgres:17'}}\n"})
    with pytest.raises(UsageError, match="the compose file has no service of your own"):
        first_manifest(tmp_path, Draft(name="b"), {})


def test_a_question_is_asked_where_one_answer_decides(tmp_path: Path) -> None:
    write(
        tmp_path, {"a/Dockerfile": "FROM base\nCMD x\n", "b/Dockerfile": "FROM base\nCMD x\n", "c/Dockerfile": SERVER}
    )
    questions = []

    def ask(question: str) -> int | None:
        questions.append(question)
        return 7000 if " a " in question else None

    services = yaml.safe_load(first_manifest(tmp_path, Draft(name="p"), {}, ask).draft.text())["services"]
    assert questions == ["where does a listen?", "where does b listen?"]
    assert (services["a"]["port"], services["b"]["path"]) == (7000, "none")


def test_the_command_writes_what_loads(tmp_path: Path) -> None:
    write(tmp_path, {"日本/Dockerfile": SERVER, "2024-app/Dockerfile": "FROM base\nCMD x\n"})
    done = culm_command.run(["init"], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(load(tmp_path / "culm.yml").services) == 2


def test_a_worker_of_a_procfile_is_not_an_argument_of_an_entrypoint_that_serves(tmp_path):
    files = {
        "web/Dockerfile": 'FROM base\nEXPOSE 5000\nCOPY . .\nENTRYPOINT ["./boot.sh"]\n',
        "web/boot.sh": "#!/bin/sh\nexec gunicorn -b :5000 shop:app\n",
        "web/Procfile": "web: gunicorn shop:app\nworker: rq worker mails\n",
    }
    assert block(tmp_path, files, "worker")["entrypoint"] == ["sh", "-c", "rq worker mails"]
    (tmp_path / "web/boot.sh").write_text('#!/bin/sh\nexec "$@"\n')
    assert block(tmp_path, {}, "worker")["command"] == ["sh", "-c", "rq worker mails"]


@pytest.mark.parametrize(
    ("runs", "program"),
    [
        ("RUN python -m venv venv\nRUN venv/bin/pip install -r requirements.txt\n", "./venv/bin/flask"),
        ("RUN python3 -m venv /opt/venv\nENV PATH=/opt/venv/bin:$PATH\n", "flask"),
        ("RUN pip install -r requirements.txt\n", "flask"),
        ("RUN poetry install\nCMD poetry run flask run\n", "poetry run flask"),
        ("RUN uv sync\nENV PATH=/app/.venv/bin:$PATH\nCMD uv run flask run\n", "flask"),
    ],
)
def test_a_migration_is_started_from_the_virtual_environment_of_the_image(tmp_path, runs, program):
    _, project = made(
        tmp_path,
        {
            "web/Dockerfile": f"FROM base\nCMD serve\nEXPOSE 5000\n{runs}",
            "web/requirements.txt": "flask-migrate\npsycopg2\n",
            "web/migrations/alembic.ini": "",
        },
    )
    assert migrates(project.services["web"]) == (*program.split(), "db", "upgrade")


@pytest.mark.parametrize(
    ("name", "text", "python"),
    [
        ("runtime.txt", "python-3.9.7\n", "3.9"),
        (".python-version", "3.13.1\n", "3.13"),
        ("Pipfile", '[requires]\npython_version = "3.7"\n', "3.7"),
        ("pyproject.toml", '[project]\nrequires-python = "==3.10.*"\n', "3.10"),
        ("pyproject.toml", '[project]\nrequires-python = ">=3.9"\n', "3.12"),
        ("requirements.txt", "Django==2.2.12\nflask\n", "3.9"),
        ("requirements.txt", "psycopg2==2.8.5\nflask\n", "3.9"),
    ],
)
def test_the_dockerfile_that_is_written_has_the_python_that_the_project_names(tmp_path, name, text, python):
    made(tmp_path, {"web/requirements.txt": "flask\n", "web/app.py": "app = Flask(__name__)\n", f"web/{name}": text})
    assert f"FROM python:{python}-slim" in (tmp_path / "web/Dockerfile").read_text()


def test_a_service_that_always_listens_on_8080_has_it_and_the_load_balancer_another_port(tmp_path):
    files = {"web/Dockerfile": "FROM base\nEXPOSE 8080\nCMD node server.js\n", "web/server.js": "app.listen(8080);\n"}
    text, _ = made(tmp_path, files)
    assert "local: {instances: 2 x t2.micro, port: 9080}  # web listens on 8080, by server.js" in text
    (tmp_path / "web/server.js").write_text("app.listen(process.env.PORT || 8080);\n")
    assert "port: 9080" not in made(tmp_path, {})[0]


def test_variables_that_code_reads_for_its_database_are_filled(tmp_path):
    files = {
        "web/Dockerfile": "FROM base\nEXPOSE 5000\nCMD serve\n",
        "web/requirements.txt": "psycopg2\n",
        "web/app.py": 'url = os.environ["DATABASE_URL"]\nhost = os.getenv("DB_HOST", "db")\n',
        "web/keys.py": 'key = os.environ["API_KEY"]\n',
    }
    web = block(tmp_path, files)
    assert web["secrets"]["DATABASE_URL"]["from"] == "{main.url}"
    assert web["environment"] == {"DB_HOST": "{main.host}", "PGPORT": "{main.port}"}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("settings.py", "DATABASES = {'default': dj_database_url.config(conn_max_age=600)}\n"),
        ("settings.py", "DATABASES = {'default': dj_database_url.config()}\n"),
        ("settings.py", "DATABASES = {'default': dj_database_url.config(\n    env='DATABASE_URL',\n)}\n"),
        ("settings.py", "DATABASES = {'default': env.db()}\n"),
        ("prisma/schema.prisma", 'datasource db {\n  provider = "postgresql"\n  url      = env("DATABASE_URL")\n}\n'),
    ],
)
def test_a_url_that_a_library_reads_is_filled(tmp_path: Path, file: str, text: str) -> None:
    files = {
        "web/Dockerfile": "FROM base\nEXPOSE 80\nCMD a\n",
        "web/requirements.txt": "psycopg2\n",
        f"web/{file}": text,
    }
    assert block(tmp_path, files)["secrets"]["DATABASE_URL"]["from"] == "{main.url}"


def test_variables_that_code_unpacks_are_filled(tmp_path: Path) -> None:
    files = {
        "web/Dockerfile": "FROM base\nEXPOSE 5000\nCMD serve\n",
        "web/package.json": '{"dependencies": {"mysql2": "3"}}',
        "web/db.js": "const {\n  MYSQL_HOST: HOST,\n  MYSQL_USER,\n  MYSQL_DB: DB = 'x',\n} = process.env;\n",
    }
    web = block(tmp_path, files)
    assert web["environment"] == {"MYSQL_HOST": "{main.host}"}
    assert {name: each["from"] for name, each in web["secrets"].items()} == {
        "MYSQL_USER": "{main.user}",
        "MYSQL_DB": "{main.name}",
    }


@pytest.mark.parametrize(
    ("variable", "part"),
    [
        ("DBNAME", "name"),
        ("DB_SERVER_URL", "url"),
        ("DATABASE_CONNECTION_STRING", "url"),
        ("POSTGRES_CONNSTR", "url"),
        ("PGDATABASE", "name"),
        ("APP_DB_USER", "user"),
    ],
)
def test_a_variable_is_filled_by_what_its_name_asks_for(tmp_path: Path, variable: str, part: str) -> None:
    files = {
        "web/Dockerfile": "FROM base\nEXPOSE 80\nCMD a\n",
        "web/go.mod": "require github.com/jackc/pgx/v5 v5.0.0\n",
        "web/main.go": f'package main\nvar value = os.Getenv("{variable}")\n',
    }
    assert block(tmp_path, files)["secrets"][variable]["from"] == f"{{main.{part}}}"


def test_a_go_service_is_given_the_form_that_its_driver_of_mysql_reads(tmp_path: Path) -> None:
    files = {
        "web/Dockerfile": "FROM base\nEXPOSE 80\nCMD a\n",
        "web/go.mod": "require github.com/go-sql-driver/mysql v1.8.1\n",
        "web/main.go": 'package main\nvar dsn = os.Getenv("DB_DSN")\n',
    }
    given = block(tmp_path, files)["secrets"]["DB_DSN"]["from"]
    assert given == "{main.user}:{main.password}@tcp({main.host}:{main.port})/{main.name}?parseTime=true"


@pytest.mark.parametrize(
    ("dockerfile", "migrated"),
    [
        ("FROM base\nCOPY app /app\nCMD a\n", False),
        ("FROM base\nCOPY requirements.txt app/ /app/\nCMD a\n", False),
        ("FROM base\nCOPY . .\nCMD a\n", True),
        ("FROM base\nCOPY ./ /app\nCMD a\n", True),
        ("FROM base\nCOPY *.ini app /app/\nCMD a\n", True),
        ("FROM base AS all\nCOPY . /all\nFROM base\nCOPY --from=all /all /app\nCMD a\n", True),
        ("FROM base\nARG WHAT\nCOPY $WHAT /app\nCMD a\n", True),
        ("FROM base\nRUN git clone x\nCMD a\n", True),
    ],
)
def test_a_migration_is_guessed_by_files_that_the_image_has(tmp_path: Path, dockerfile: str, migrated: bool) -> None:
    files = {
        "web/Dockerfile": dockerfile + "EXPOSE 80\n",
        "web/requirements.txt": "psycopg2\n",
        "web/alembic.ini": "",
        "web/app/a.py": "",
    }
    text, _ = made(tmp_path, files)
    assert ("migrate" in yaml.safe_load(text)["services"]["web"]) is migrated
    advice = "Dockerfile does not copy it: COPY it, and write `migrate: {command: [alembic, upgrade, head]}`"
    assert (advice in text) is not migrated


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ('STATIC_ROOT = "static"\n', "RUN python manage.py collectstatic --noinput\n"),
        (
            'STATIC_ROOT = "x"\nKEY = os.environ["SECRET_KEY"]\nURL = env("DATABASE_URL")\n',
            "RUN DATABASE_URL=sqlite:///build SECRET_KEY=build python manage.py collectstatic --noinput\n",
        ),
        ('STATIC_URL = "/static/"\n', ""),
    ],
)
def test_the_dockerfile_that_is_written_collects_django_s_static_files(
    tmp_path: Path, settings: str, line: str
) -> None:
    write(tmp_path, {"manage.py": "", "requirements.txt": "django\n", "shop/settings.py": settings})
    written = starter.dockerfile(Sources(tmp_path))
    assert written is not None
    assert [each for each in written.text.splitlines(keepends=True) if "collectstatic" in each] == [line][: bool(line)]


def test_a_port_in_gunicorn_s_configuration_is_the_service_s(tmp_path: Path) -> None:
    files = {"requirements.txt": "flask\ngunicorn\n", "Procfile": "web: gunicorn --config c.py app:app\n"}
    text, project = made(tmp_path, files | {"c.py": 'bind = "0.0.0.0:8080"\n', "app.py": ""})
    assert next(iter(project.services.values())).port == 8080
    assert "port: 9080" in text


@pytest.mark.parametrize(
    ("file", "code", "told"),
    [
        ("main.go", 'package main\nfunc main() { http.ListenAndServe(":7000", nil) }\n', True),
        ("server.js", "app.listen(7000);\n", False),
    ],
)
def test_two_programs_that_insist_on_one_port_are_told_so_where_nothing_moves_it(
    tmp_path: Path, file: str, code: str, told: bool
) -> None:
    both = {f"{name}/{file}": code for name in ("api", "web")}
    text, _ = made(tmp_path, both | {f"{name}/Dockerfile": SERVER for name in ("api", "web")})
    assert (f"{file} listens on 7000 whatever it is told, as api does" in text) is told


def test_a_compose_file_that_lacks_a_required_variable_is_read_all_the_same(tmp_path: Path) -> None:
    files = {
        "web/Dockerfile": SERVER,
        "compose.yml": "services:\n  web:\n    build: web\n    environment:\n      A_PASSWORD: ${A_PASSWORD:?say it}\n"
        "      COLOUR: ${COLOUR:?say it}\n",
    }
    web = block(tmp_path, files)
    assert web["secrets"] == {"A_PASSWORD": {"vault": "a-password"}}
    assert "environment" not in web


@pytest.mark.parametrize(
    ("requirements", "scheme"),
    [
        ("sqlalchemy==2.0.36\npsycopg[binary]==3.2\n", "postgresql+psycopg"),
        ("Flask-SQLAlchemy\npsycopg-binary\n", "postgresql+psycopg"),
        ("sqlalchemy\npsycopg2-binary\n", "postgresql+psycopg2"),
        ("Flask-SQLAlchemy==3.1.1\npsycopg2==2.9\n", "postgresql+psycopg2"),
        ("sqlalchemy==2.0.30\npsycopg2-binary\n", ""),
        ("sqlalchemy[asyncio]==1.4\npsycopg2-binary\n", ""),
        ("sqlalchemy\npsycopg2\nasyncpg\n", ""),
        ("databases[postgresql]\nsqlalchemy\npsycopg2\n", ""),
        ("psycopg==3.2\n", ""),
    ],
)
def test_the_url_names_the_driver_that_sqlalchemy_would_not_take_by_itself(tmp_path, requirements, scheme):
    files = {
        "web/Dockerfile": "FROM base\nEXPOSE 5000\nCMD serve\n",
        "web/requirements.txt": requirements,
        "web/app.py": 'url = os.environ["DATABASE_URL"]\n',
    }
    given = block(tmp_path, files)["secrets"]["DATABASE_URL"]["from"]
    assert given.partition("://")[0] == (scheme or "{main.url}")


@pytest.mark.parametrize(
    ("file", "code", "needed"),
    [
        ("a.py", 'key = os.environ["API_KEY"]', ["API_KEY"]),
        ("a.py", 'key = os.getenv("SECRET_KEY")', ["SECRET_KEY"]),
        ("a.py", 'key = config("SECRET_KEY", default="x")', []),
        ("a.py", 'key = config("SECRET_KEY")', ["SECRET_KEY"]),
        ("a.py", 'key = os.environ.get("SECRET_KEY") or "hard to guess"', []),
        ("a.py", 'key = os.environ.get("API_KEY")', []),
        ("a.py", 'os.environ["SECRET_KEY"] = "x"', []),
        ("a.py", 'a = os.environ["API_KEY"]\nb = os.environ.get("API_KEY", "")', []),
        ("a.py", 'a = os.environ["PAGE_SIZE"], os.environ["AWS_SECRET_ACCESS_KEY"]', []),
        (
            "a.py",
            "class Settings(BaseSettings):\n    name: str\n    secret_key: str\n    api_key: str = ''\n",
            ["SECRET_KEY"],
        ),
        ("a.js", "jwt.sign(data, process.env.JWT_SECRET)", ["JWT_SECRET"]),
        ("a.js", "jwt.sign(data, process.env.JWT_SECRET || 'x')", []),
        ("a.ts", "stripe(process.env.STRIPE_SECRET_KEY)", []),
        ("a.go", 'key := os.Getenv("SESSION_KEY")', ["SESSION_KEY"]),
        ("a.rb", 'key = ENV.fetch("API_TOKEN")', ["API_TOKEN"]),
        ("a.exs", 'key = System.fetch_env!("SECRET_KEY_BASE")', ["SECRET_KEY_BASE"]),
        ("a.js", 'if (process.env.JWT_SECRET === "") fail()\n  JWT_SECRET: str({ devDefault: "x" }),', ["JWT_SECRET"]),
        ("a.js", '  JWT_SECRET: str({ default: "x" }),', []),
        ("a.rb", 'key = ENV.fetch("API_TOKEN", "x")', []),
    ],
)
def test_secrets_that_code_cannot_do_without_come_from_the_vault(tmp_path, file, code, needed):
    files = {"web/Dockerfile": "FROM base\nEXPOSE 5000\nCMD serve\n", f"web/{file}": f"{code}\n"}
    secrets = block(tmp_path, files).get("secrets", {})
    assert secrets == {name: {"vault": name.lower().replace("_", "-")} for name in needed}


def test_secrets_that_the_image_sets_or_that_code_can_do_without_are_not_demanded(tmp_path):
    files = {
        "web/Dockerfile": "FROM base\nENV SECRET_KEY=dummy\nEXPOSE 5000\nCMD serve\n",
        "web/app.py": 'a = os.environ["SECRET_KEY"]\nb = os.getenv("MAIL_PASSWORD")\n',
    }
    text, project = made(tmp_path, files)
    assert not project.services["web"].container.secrets
    assert (
        "its code reads MAIL_PASSWORD, too, and starts without: `secrets: {MAIL_PASSWORD: {vault: mail-password}}`"
        in text
    )


@pytest.mark.parametrize(
    ("files", "install"),
    [
        ({"Pipfile": "", "Pipfile.lock": "{}"}, "pipenv sync --system"),
        ({"pyproject.toml": "[tool.poetry]\n", "poetry.lock": ""}, "poetry install --only main --no-root"),
        ({"pyproject.toml": "[project]\n", "uv.lock": ""}, "uv sync --frozen --no-dev --no-install-project"),
        ({"pyproject.toml": "[project]\n", "uv.lock": "", "requirements.txt": "flask\n"}, "uv sync --frozen"),
        ({"Pipfile": "", "Pipfile.lock": "{}", "requirements.txt": "flask==3.0\n# a\n"}, "-r requirements.txt"),
        ({"uv.lock": "", "requirements.txt": "flask\n"}, "-r requirements.txt"),
    ],
)
def test_a_dockerfile_that_is_written_installs_what_a_lock_file_names(tmp_path, files, install):
    files = {f"web/{name}": text for name, text in files.items()}
    made(tmp_path, {**files, "web/app.py": "app = Flask(__name__)\n"})
    assert install in (tmp_path / "web/Dockerfile").read_text()


def test_code_that_reads_the_url_of_a_redis_gets_one(tmp_path):
    files = {
        "web/Dockerfile": "FROM base\nEXPOSE 5000\nCMD serve\n",
        "web/requirements.txt": "rq==1.15\n",
        "web/app.py": 'url = os.environ.get("REDIS_URL") or "redis://"\n',
    }
    web = block(tmp_path, files)
    assert web["database"] == "redis" and web["secrets"]["REDIS_URL"]["from"] == "{redis.url}"


@pytest.mark.parametrize(
    ("command", "memory"), [("npm start", 768), ("yarn dev", 768), ("npm run serve", None), ("node server.js", None)]
)
def test_a_server_that_bundles_a_front_end_has_room_for_it(tmp_path, command, memory):
    scripts = '"start": "react-scripts start", "dev": "next dev", "serve": "next start"'
    files = {
        "web/Dockerfile": f"FROM base\nEXPOSE 3000\nCMD {command}\n",
        "web/package.json": f'{{"scripts": {{{scripts}}}}}',
    }
    assert block(tmp_path, files).get("memory") == memory


@pytest.mark.parametrize(
    ("files", "engine"),
    [
        ({"web/requirements.txt": "flask\n# psycopg[binary]\n"}, None),
        ({"web/go.mod": "require (\n\tgithub.com/lib/pq v1 // indirect\n)\n"}, None),
        ({"web/go.mod": "require github.com/lib/pq v1\n"}, "postgres"),
        ({"web/a.go": 'import _ "github.com/jinzhu/gorm/dialects/mysql"\n'}, "mysql"),
        ({"web/a.go": 'import _ "github.com/jinzhu/gorm/dialects/sqlite"\n'}, None),
        ({"web/a.go": 'import "github.com/jackc/pgx/v5/pgxpool"\n'}, "postgres"),
    ],
)
def test_a_database_is_one_whose_driver_the_service_itself_has(tmp_path, files, engine):
    _, project = made(tmp_path, {"web/Dockerfile": SERVER, **files})
    assert project.databases.get("main") == engine


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("config/runtime.exs", 'System.get_env("DB_HOST", "postgres")'),
        ("config/database.yml", "host: <%= ENV.fetch('DB_HOST') { 'postgres' } %>"),
        ("config/database.php", "'host' => env('DB_HOST', '127.0.0.1'),"),
        ("src/Db.java", 'System.getenv("DB_HOST")'),
        ("Db.cs", 'Environment.GetEnvironmentVariable("DB_HOST")'),
        ("src/main.rs", 'std::env::var("DB_HOST")'),
        ("src/config.rs", "#[clap(long, env)]\n    pub db_host: String,"),
    ],
)
def test_a_host_that_any_language_reads_is_the_database_s(tmp_path, file, code):
    files = {"web/Dockerfile": SERVER, "web/mix.exs": "{:postgrex, 1}", f"web/{file}": code}
    assert block(tmp_path, files)["environment"]["DB_HOST"] == "{main.host}"


def test_another_command_of_an_image_has_other_pages_than_its_code(tmp_path: Path) -> None:
    files = {
        "Dockerfile": "FROM base\nEXPOSE 3000\nCMD serve\n",
        "routes.rb": 'get "/up", ok',
        "compose.yml": "services:\n  web: {build: ., ports: [3000]}\n"
        "  cable: {build: ., command: puma cable.ru, ports: [4000]}\n",
    }
    text, _ = made(tmp_path, files)
    services = yaml.safe_load(text)["services"]
    assert services["web"]["health"] == "/up"
    assert services["cable"]["health"] == {"path": "/", "codes": "200-499"}


def test_a_dockerfile_without_a_command_stays_as_it_is_and_gets_one_from_its_folder(tmp_path):
    files = {"Dockerfile": "FROM python\nCOPY . .\n", "requirements.txt": "fastapi\n", "app.py": "app = FastAPI()\n"}
    text, project = made(tmp_path, files)
    [web] = project.services.values()
    assert (tmp_path / "Dockerfile").read_text() == files["Dockerfile"]
    assert web.container.command == ("sh", "-c", "uvicorn app:app --host 0.0.0.0 --port ${PORT:-8000}")
    assert web.port == 8000
    assert "its Dockerfile has no CMD" in text
    assert "left out" not in text


def test_a_dockerfile_that_cannot_be_read_is_never_written_over(tmp_path):
    files = {"Dockerfile": "a letter\n", "requirements.txt": "fastapi\n", "app.py": "app = FastAPI()\n"}
    made(tmp_path, files)
    assert (tmp_path / "Dockerfile").read_text() == files["Dockerfile"]
    assert "uvicorn" in (tmp_path / "Dockerfile.culm").read_text()


@pytest.mark.parametrize(
    ("lock", "line"),
    [
        ("", "RUN npm install"),
        ("package-lock.json", "RUN npm ci"),
        ("yarn.lock", "COPY package.json yarn.lock ./\nRUN yarn install --frozen-lockfile"),
        ("pnpm-lock.yaml", "RUN npm install -g pnpm && pnpm install --frozen-lockfile"),
    ],
)
def test_what_a_lock_file_of_node_names_is_installed_as_it_is_locked(tmp_path: Path, lock: str, line: str) -> None:
    (tmp_path / "package.json").write_text('{"scripts": {"start": "node index.js"}}')
    if lock:
        (tmp_path / lock).write_text("")

    made = starter.dockerfile(Sources(tmp_path))

    assert made is not None
    assert line in made.text


@pytest.mark.parametrize(
    ("file", "text", "command"),
    [
        (
            "Makefile",
            ".PHONY: run\nPORT := 1\nrun: install\n\t@pip list\n\t@poetry run gunicorn -b 0.0.0.0:9000 a:b\n",
            "gunicorn -b 0.0.0.0:9000 a:b",
        ),
        ("justfile", "serve port='1':\n    uv run streamlit run page.py --debug\n", "streamlit run page.py"),
        ("Makefile", "run:\n\tdocker compose up\n", "python main.py"),
        ("Makefile", "run:\n\tpython $(MAIN)\n", "python main.py"),
    ],
)
def test_a_folder_is_started_as_its_makefile_or_justfile_does(
    tmp_path: Path, file: str, text: str, command: str
) -> None:
    (tmp_path / "shop").mkdir()
    made(tmp_path / "shop", {"requirements.txt": "gunicorn\n", "main.py": "print(1)\n", file: text})
    assert (tmp_path / "shop" / "Dockerfile").read_text().splitlines()[-1] == f"CMD {command}"


def test_files_of_run_secrets_that_code_reads_come_from_the_vault(tmp_path: Path) -> None:
    files = {
        "web/Dockerfile": SERVER,
        "web/requirements.txt": "psycopg2\n",
        "web/app.py": "a = open('/run/secrets/db_password').read()\nb = open('/run/secrets/api_key').read()\n",
    }
    text, _ = made(tmp_path, files)
    web = yaml.safe_load(text)["services"]["web"]
    assert web["files"] == {"/run/secrets/db_password": "main.password", "/run/secrets/api_key": "api-key"}
    assert "# files, for the vault (`culm vault put` before `culm up`): local/web/api-key" in text
    (tmp_path / "web/requirements.txt").unlink()
    assert block(tmp_path, {})["files"]["/run/secrets/db_password"] == "db-password", "it has no database here"


def test_a_secret_that_decouple_reads_by_a_small_name_is_taken_from_the_vault(tmp_path: Path) -> None:
    files = {"web/Dockerfile": SERVER, "web/app.py": 'KEY = config("secret")\nWAY = config("algorithm")\n'}
    assert block(tmp_path, files)["secrets"] == {"secret": {"vault": "secret"}}


def test_an_env_file_with_secrets_stays_out_of_the_image_that_is_written(tmp_path: Path) -> None:
    files = {
        "requirements.txt": "flask\n",
        "app.py": 'app = Flask(__name__)\ncolour = os.getenv("COLOUR")\nhost = os.getenv("SMTP")\n',
        ".env": "SECRET_KEY=lkj3h4lkj5h23lk4j5h\nCOLOUR=red\nSMTP=localhost\nUNREAD=1\n",
    }
    web = next(iter(yaml.safe_load(made(tmp_path, files)[0])["services"].values()))
    assert ".env" in (tmp_path / ".dockerignore").read_text().splitlines()
    assert web["environment"] == {"COLOUR": "red"}


def test_a_dockerignore_that_is_there_stays_and_a_plain_env_file_is_copied(tmp_path: Path) -> None:
    files = {"requirements.txt": "flask\n", "app.py": "app = Flask(__name__)\n", ".env": "COLOUR=red\n"}
    made(tmp_path, files)
    assert ".env" not in (tmp_path / ".dockerignore").read_text().splitlines()
    assert ".git" in (tmp_path / ".dockerignore").read_text().splitlines()
    write(tmp_path, {".dockerignore": "mine\n"})
    (tmp_path / "Dockerfile").unlink()
    made(tmp_path, files)
    assert (tmp_path / ".dockerignore").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("second", "target"),
    [('down_revision: Union[str, None] = "a1"', "head"), ("down_revision = None", "heads")],
)
def test_all_heads_are_migrated_where_alembic_has_several(tmp_path: Path, second: str, target: str) -> None:
    files = {
        "web/Dockerfile": "FROM base\nEXPOSE 80\nCOPY . .\nCMD a\n",
        "web/requirements.txt": "psycopg2\n",
        "web/alembic.ini": "",
        "web/migrations/versions/a1_x.py": 'revision = "a1"\ndown_revision = None\n',
        "web/migrations/versions/b2_y.py": f'revision: str = "b2"\n{second}\n',
    }
    assert block(tmp_path, files)["migrate"] == {"command": ["alembic", "upgrade", target]}


def test_a_script_that_makes_the_tables_is_the_migration(tmp_path: Path) -> None:
    files = {
        "web/Dockerfile": "FROM base\nEXPOSE 80\nCOPY . .\nCMD a\n",
        "web/requirements.txt": "psycopg2\n",
        "web/create_db.py": "db.create_all()\n",
    }
    assert block(tmp_path, files)["migrate"] == {"command": ["python", "create_db.py"]}
    (tmp_path / "web/create_db.py").write_text("db.drop_all()\ndb.create_all()\n")
    assert "migrate" not in block(tmp_path, {})


@pytest.mark.parametrize(
    ("requirements", "packages"),
    [
        ("psycopg2==2.9\n", "gcc libc6-dev libpq-dev"),
        ("mysqlclient\n", "default-libmysqlclient-dev gcc libc6-dev pkg-config"),
        ("psycopg2-binary\n", ""),
        ("flask\n", ""),
    ],
)
def test_the_dockerfile_that_is_written_has_what_pip_compiles_with(
    tmp_path: Path, requirements: str, packages: str
) -> None:
    write(tmp_path, {"app.py": "app = Flask(__name__)\n", "requirements.txt": requirements})
    written = starter.dockerfile(Sources(tmp_path))
    assert written is not None
    assert (f"--no-install-recommends {packages} &&" in written.text) is bool(packages)
    assert ("apt-get" in written.text) is bool(packages)
