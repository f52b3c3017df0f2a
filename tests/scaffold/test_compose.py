"""Compose files as people publish them, and what becomes of each: `NAME.yml` and `NAME.expected` in compose/."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tests import culm_command

from culm.errors import UsageError
from culm.project.compose.load import load as load_compose
from culm.project.load import load, parse
from culm.scaffold import compose_waits
from culm.scaffold.compose import Imported, imported, read
from culm.scaffold.database_variables import REASON
from culm.scaffold.draft import Draft, scalar

FILES = sorted((Path(__file__).parent / "compose").glob("*.yml"))


def taken(folder: Path, *names: str) -> Imported:
    paths = [folder / name for name in names or ("compose.yml",)]
    return imported(load_compose(paths, {}), folder, Draft(name="project"))


def laid_out(folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The compose file in the folder, with a Dockerfile in each folder that it builds from; its name there."""
    monkeypatch.chdir(folder)
    shutil.copy(file, folder / file.name)
    for service in load_compose([folder / file.name], {}).services.values():
        build = service.build
        if build is not None and build.folder is not None and build.inline is None:
            path = build.folder / build.dockerfile
            path.parent.mkdir(parents=True, exist_ok=True)
            stages = f"FROM base AS {build.target}\n" if build.target else "FROM base\n"
            path.write_text(f'{stages}CMD ["serve"]\n')
    return file.name


def shown(result: Imported) -> str:
    files = "".join(f"# + {os.path.relpath(path)}\n" for path in result.files)
    return result.draft.text() + files + "".join(f"# {note}\n" for note in result.notes)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_maps_and_what_is_reported(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = laid_out(tmp_path, file, monkeypatch)
    result = shown(taken(tmp_path, name))
    if os.environ.get("CULM_TEST_WRITE"):
        file.with_suffix(".expected").write_text(result)
    assert result == file.with_suffix(".expected").read_text()


def test_there_are_more_than_a_dozen() -> None:
    assert len(FILES) >= 13


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_key_is_carried_over_or_reported(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line of each key of a service has a note, or the key is one that has a place in the block."""
    name = laid_out(tmp_path, file, monkeypatch)
    result = taken(tmp_path, name)
    noted = {note.key for note in result.notes}
    carried = {
        *("build", "image", "command", "entrypoint", "ports", "expose", "environment", "env_file", "depends_on"),
        *("healthcheck", "volumes", "tmpfs", "deploy", "mem_limit", "cpus", "scale", "user", "read_only", "init"),
        *("ulimits", "platform", "stop_grace_period", "shm_size", "extends", "labels"),
    }
    databases = result.notes.database_names
    for service, block in yaml.safe_load(file.read_text())["services"].items():
        if f"services.{service}" in noted and service not in databases:
            continue
        for key in block:
            if key not in ({"image", "depends_on"} if service in databases else carried) and key != "<<":
                assert f"services.{service}.{key}" in noted, key


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_manifest_is_one_that_culm_takes(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = laid_out(tmp_path, file, monkeypatch)
    result = taken(tmp_path, name)
    for path, text in result.files.items():
        path.write_text(text)
    (tmp_path / "culm.yml").write_text(result.draft.text())
    assert set(load(tmp_path / "culm.yml").services) == set(result.services)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("web", "api"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text('FROM base\nEXPOSE 8080\nCMD ["serve"]\n')
    return tmp_path


def block(folder: Path, compose: str, service: str = "web") -> dict[str, object]:
    """What a service of a compose file becomes."""
    (folder / "compose.yml").write_text(compose)
    result = taken(folder)
    for path, text in result.files.items():
        path.write_text(text)
    parse(result.draft.text(), folder / "culm.yml")
    written: dict[str, object] = yaml.safe_load(result.draft.text())["services"][service]
    return written


def notes(folder: Path, compose: str) -> list[str]:
    (folder / "compose.yml").write_text(compose)
    return [f"{note.place.line} {note.key}: {note.what}" for note in taken(folder).notes]


def test_variables_of_the_env_file_beside_it_are_filled_in(folder: Path) -> None:
    (folder / ".env").write_text("WEB_PORT=5000\nWEB_DOCKERFILE=Dockerfile.prod\nVERSION=3\n")
    (folder / "web" / "Dockerfile.prod").write_text("FROM base\n")
    compose = """\
services:
  web:
    build: {context: web, dockerfile: "$WEB_DOCKERFILE", args: {VERSION: "$VERSION", NONE: "$NONE", OR: "${NONE:-or}"}}
    ports: ["80:${WEB_PORT}"]
"""
    written = block(folder, compose)
    assert (written["dockerfile"], written["port"]) == ("Dockerfile.prod", 5000)
    assert written["args"] == {"VERSION": "3", "OR": "or"}, "an empty one would hide the Dockerfile's default"
    assert "3 services.web.build.args.NONE: left out: NONE is not set" in notes(folder, compose)


def test_a_dockerfile_by_a_variable_that_is_not_set_is_left_out_and_the_service_is_not(folder: Path) -> None:
    (folder / "web" / "Dockerfile").write_text("FROM base\nEXPOSE 80\n")
    compose = 'services:\n  web:\n    build: {context: web, dockerfile: "${WEB_DOCKERFILE}"}\n    ports: ["80"]\n'
    assert "dockerfile" not in block(folder, compose)
    assert "3 services.web.build.dockerfile: left out: WEB_DOCKERFILE is not set" in notes(folder, compose)


def test_a_required_variable_that_is_not_set_is_an_error_with_its_line(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"compose\.yml:2: the variable A is required: message"):
        block(folder, "services:\n  web: {build: web, environment: {A: '${A:?message}'}}\n")


@pytest.mark.parametrize(
    "command",
    ["celery -A shop worker", "python -m rq worker", "bundle exec sidekiq", "node worker.js", "php artisan queue:work"],
)
def test_a_command_that_serves_nobody_makes_a_worker(folder: Path, command: str) -> None:
    compose = f"services:\n  web: {{build: web, ports: ['80:8080']}}\n  jobs: {{build: web, command: {command}}}\n"
    written = block(folder, compose, "jobs")
    assert (written["build"], written["path"], written["command"]) == ("web", "none", command.split())


def test_another_command_of_an_image_that_serves_makes_a_worker(folder: Path) -> None:
    compose = "services:\n  web: {build: web, ports: ['80:8080']}\n  mails: {build: web, command: ./send-mails}\n"
    assert block(folder, compose, "mails")["path"] == "none"


@pytest.mark.parametrize(
    "migrate",
    [
        "migrate: {build: web, command: python manage.py migrate}",
        "migrations: {build: web, command: [python, manage.py, migrate]}",
        "setup: {build: ./web, command: alembic upgrade head}",
        "db-init: {image: shop/web, command: rails db:migrate}",
    ],
)
def test_a_migration_is_that_of_the_service_whose_image_it_shares(folder: Path, migrate: str) -> None:
    compose = f"""\
services:
  api: {{build: api, ports: ["1:8080"]}}
  web: {{build: web, image: shop/web, ports: ["2:8080"]}}
  {migrate}
"""
    command = block(folder, compose)["migrate"]["command"]
    assert " ".join(command) in migrate.replace(",", "").replace("[", "").replace("]", "")
    assert set(yaml.safe_load(taken(folder).draft.text())["services"]) == {"api", "web"}


def test_a_migration_s_own_entrypoint_stays_one(folder: Path) -> None:
    (folder / "web" / "Dockerfile").write_text('FROM base\nEXPOSE 80\nENTRYPOINT ["serve", "--"]\n')
    compose = "services: {web: {build: web}, migrate: {build: web, entrypoint: python, command: manage.py migrate}}\n"
    assert block(folder, compose)["migrate"] == {"entrypoint": ["python"], "command": ["manage.py", "migrate"]}


def test_a_migration_with_a_dockerfile_of_its_own_keeps_it(folder: Path) -> None:
    (folder / "web" / "migrate.Dockerfile").write_text("FROM base\n")
    compose = """\
services:
  web: {build: web, depends_on: {m: {condition: service_completed_successfully}}}
  m: {build: {context: web, dockerfile: migrate.Dockerfile}}
"""
    assert block(folder, compose)["migrate"] == "migrate.Dockerfile"


def test_a_service_that_migrates_and_then_serves_is_a_service(folder: Path) -> None:
    compose = (
        'services: {web: {build: web, command: sh -c "python manage.py migrate && gunicorn shop", ports: ["80:80"]}}'
    )
    assert block(folder, compose)["command"] == ["sh", "-c", "python manage.py migrate && gunicorn shop"]


def test_two_names_that_become_one_are_both_kept(folder: Path) -> None:
    (folder / "compose.yml").write_text("services: {web_a: {build: web}, web-a: {build: api}}")
    assert taken(folder).services == ("web-a", "web-a-2")


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("healthcheck: {test: 'curl http://localhost/h', start_interval: 1s}", "healthcheck.start_interval"),
        ("mem_reservation: 1g", "mem_reservation"),
        ("deploy: {placement: {constraints: [a]}}", "deploy.placement"),
        ("deploy: {resources: {reservations: {memory: 1g}}}", "deploy.resources.reservations.memory"),
        ("deploy: {update_config: {parallelism: 1}}", "deploy.update_config"),
        ("build: {context: web, additional_contexts: {a: ./b}}", "build.additional_contexts"),
        ("build: {context: web, cache_from: [a]}", "build.cache_from"),
        ("container_name: web", "container_name"),
        ("restart: always", "restart"),
        ("blkio_config: {weight: 1}", "blkio_config"),
        ("privileged: true", "privileged"),
        ("volumes: ['./x:/x']", "volumes"),
        ("secrets: [a]", "secrets"),
        ("something_new: 1", "something_new"),
    ],
)
def test_a_key_that_is_not_carried_over_is_reported_with_its_line(folder: Path, key: str, line: str) -> None:
    build = "" if key.startswith("build") else "\n    build: web"
    said = notes(folder, f"services:\n  web:{build}\n    {key}\n")
    at = 3 if not build else 4
    assert [each for each in said if each.startswith(f"{at} services.web.{line}: ")], said


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("read_only: true", {"read-only": True}),
        ("init: true", {"init": True}),
        ("user: '1000:1000'", {"user": "1000:1000"}),
        ("stop_grace_period: 1m30s", {"stop": "90s"}),
        ("mem_limit: 0.5gb", {"memory": 512}),
        ("cpus: 0.5", {"cpu": 512}),
        (
            "deploy: {replicas: 3, resources: {limits: {memory: 64M, cpus: '0.25'}}}",
            {"count": 3, "memory": 64, "cpu": 256},
        ),
        ("ports: ['8080:80', '53:53/udp', '9000-9001']", {"port": 80, "ports": ["9000", "9001", "53/udp"]}),
        ("expose: [3000]", {"port": 3000}),
        ("tmpfs: [/tmp]", {"tmpfs": {"/tmp": "64 MB"}}),
        ("volumes: ['data:/data', 'conf:/conf:ro']", {"volumes": {"data": "/data", "conf": "/conf:ro"}}),
        ("ulimits: {nofile: 1024, nproc: {soft: 1, hard: 2}}", {"ulimits": {"nofile": "1024", "nproc": "1/2"}}),
        ("entrypoint: /start.sh --x", {"entrypoint": ["/start.sh", "--x"]}),
        ("platform: linux/arm64", {"platform": "linux/arm64"}),
        (
            "healthcheck: {test: curl http://localhost:8080/up, interval: 10s, retries: 5, start_period: 60s}",
            {"health": {"path": "/up", "interval": "10s", "unhealthy": 5}, "grace": 60},
        ),
        (
            "healthcheck: {test: curl http://localhost:8080/up, start_period: 5s}",
            {"health": "/up", "grace": None},
        ),
        ("healthcheck: {test: [CMD, wget, -q, 'http://127.0.0.1/ping']}", {"health": "/ping"}),
        ("labels: ['traefik.http.routers.w.rule=PathPrefix(`/shop`)']\n    ports: [80]", {"path": "/shop/*"}),
    ],
)
def test_a_key_that_has_a_place_is_carried_over(folder: Path, key: str, written: dict[str, object]) -> None:
    found = block(folder, f"services:\n  web:\n    build: web\n    {key}\n")
    assert {name: found.get(name) for name in written} == written


def test_an_inline_dockerfile_is_written_to_a_file(folder: Path) -> None:
    build = "context: web\n      dockerfile_inline: |\n        FROM base\n        EXPOSE 90\n"
    compose = f"services:\n  w:\n    build:\n      {build}"
    assert block(folder, compose, "w")["dockerfile"] == "Dockerfile.w"
    assert (folder / "web" / "Dockerfile.w").read_text() == "FROM base\nEXPOSE 90\n"


def test_a_stage_to_build_is_carried_over(folder: Path) -> None:
    (folder / "web" / "Dockerfile").write_text("FROM a AS one\nEXPOSE 81\nFROM b AS two\nEXPOSE 82\n")
    written = block(folder, "services: {web: {build: {context: web, target: one}}}")
    assert (written["target"], load_text(folder).services["web"].port) == ("one", 81)


def load_text(folder: Path):  # type: ignore[no-untyped-def]
    return parse(taken(folder).draft.text(), folder / "culm.yml")


def test_databases_are_servers_and_services_that_use_them_say_so(folder: Path) -> None:
    compose = """\
services:
  web: {build: web, depends_on: [db]}
  api:
    build: api
    environment: {DB_HOST: db, DB_PORT: 5432, DATABASE_URL: "postgres://u:p@db/x", API: "http://web:8080/v1"}
  db: {image: "postgis/postgis:17", environment: {POSTGRES_PASSWORD: x}}
"""
    (folder / "compose.yml").write_text(compose)
    written = yaml.safe_load(taken(folder).draft.text())
    assert written["databases"] == {"main": {"engine": "postgres", "shared": True}}
    assert [written["services"][name]["database"] for name in ("web", "api")] == ["main", "main"]
    assert written["services"]["api"]["environment"] == {
        "DB_HOST": "{main.host}",
        "DB_PORT": "{main.port}",
        "API": "{web.url}/v1",
    }
    became = "5 services.api.environment.DATABASE_URL: becomes one of `secrets:`: {main.url}"
    assert became.replace(
        "{main.url}", "postgres://{main.user}:{main.password}@{main.host}:{main.port}/{main.name}"
    ) in (notes(folder, compose))


def test_a_server_that_only_an_environment_file_names_is_used_and_each_port_is_that_of_its_own_server(
    folder: Path,
) -> None:
    (folder / "web" / ".env").write_text(
        "SQL_HOST=store\nSQL_PORT=3306\nREDIS_URL=redis://:p4ssw0rd-of-ours@cache:6379/0\nQUEUE_HOST=cache\n"
        "QUEUE_PORT=6379\nPORT=6379\n"
    )
    written = block(
        folder,
        """\
services:
  web: {build: web, env_file: web/.env, depends_on: [cache]}
  store: {image: "mysql:8"}
  cache: {image: "redis:7"}
""",
    )
    assert written["database"] == ["store", "cache"]
    assert written["environment"] == {
        "SQL_HOST": "{store.host}",
        "SQL_PORT": "{store.port}",
        "QUEUE_HOST": "{cache.host}",
        "QUEUE_PORT": "{cache.port}",
        "PORT": "6379",
    }


def test_a_ready_image_is_a_service_and_a_proxy_is_none(folder: Path) -> None:
    compose = """\
services:
  web: {build: web}
  mails: {image: "axllent/mailpit:v1", ports: ["8025:8025"]}
  queue: {image: "rabbitmq:4"}
  odd: {image: "example/odd"}
  proxy: {image: "nginx:1", ports: ["80:80"]}
"""
    (folder / "compose.yml").write_text(compose)
    services = yaml.safe_load(taken(folder).draft.text())["services"]
    assert set(services) == {"web", "mails", "queue", "odd"}
    assert (services["mails"]["image"], services["mails"]["port"]) == ("axllent/mailpit:v1", 8025)
    assert (services["queue"]["path"], services["queue"]["port"]) == ("none", 5672)
    assert services["odd"]["path"] == "none"


def test_the_order_is_kept_through_what_is_left_out_and_circles_are_cut(folder: Path) -> None:
    compose = """\
services:
  web: {build: web, depends_on: [seed]}
  seed: {build: web, command: ./seed, restart: "no", depends_on: [api]}
  api: {build: api, depends_on: [web]}
"""
    (folder / "compose.yml").write_text(compose)
    services = yaml.safe_load(taken(folder).draft.text())["services"]
    assert [name for name, each in services.items() if "after" in each] in (["web"], ["api"])
    assert any("waits for" in note.what for note in taken(folder).notes)


def test_variables_of_an_env_file_are_carried_over_but_secrets(folder: Path) -> None:
    (folder / "web.env").write_text("LOG=debug\nAPI_KEY=abc\nOVER=file\n")
    compose = "services:\n  web:\n    build: web\n    env_file: web.env\n    environment: [OVER=here, 'J={a.b}']\n"
    assert block(folder, compose)["environment"] == {"LOG": "debug", "OVER": "here", "J": "{{a.b}}"}
    assert [str(note) for note in taken(folder).notes] == [
        "web.env:2: API_KEY: is a secret: becomes one of `secrets:`, from the vault's web/api-key"
    ]


def test_secrets_of_a_compose_file_come_from_the_vault_and_equal_ones_from_one_file(folder: Path) -> None:
    compose = """\
services:
  web: {build: web, ports: [80], environment: {JWT_SECRET: sign-it, API_KEY: "${API_KEY}", TOKEN_TTL: 5, OTHER: "${O}"}}
  api: {build: api, ports: [81], environment: [JWT_SECRET=sign-it, API_KEY=abc, AWS_SECRET_ACCESS_KEY]}
"""
    (folder / "compose.yml").write_text(compose)
    imported = taken(folder)
    services = yaml.safe_load(imported.draft.text())["services"]
    assert services["web"]["secrets"] == {"JWT_SECRET": {"vault": "jwt-secret"}, "API_KEY": {"vault": "api-key"}}
    assert services["web"]["environment"] == {"TOKEN_TTL": "5"}
    assert services["api"]["secrets"] == {"JWT_SECRET": {"vault": "web/jwt-secret"}, "API_KEY": {"vault": "api-key"}}
    assert "# secrets, for the vault (`culm vault put` before `culm up`): local/api/api-key" in imported.draft.text()


def test_variables_come_from_the_sample_of_an_env_that_is_not_there(folder: Path) -> None:
    (folder / ".env.example").write_text("PORT=8123\nAPI_KEY=\nLOG=info\n")
    compose = (
        'services:\n  web: {build: web, ports: ["${PORT}"], environment: {LEVEL: "${LOG}", API_KEY: "${API_KEY}"}}\n'
    )
    (folder / "compose.yml").write_text(compose)
    result = imported(read([folder / "compose.yml"], {"LOG": "debug"}), folder, Draft(name="project"))
    web = yaml.safe_load(result.draft.text())["services"]["web"]
    assert (web["port"], web["environment"]) == (8123, {"LEVEL": "debug"})
    assert web["secrets"] == {"API_KEY": {"vault": "api-key"}}
    (folder / ".env").write_text("PORT=8124\n")
    result = imported(read([folder / "compose.yml"], {}), folder, Draft(name="project"))
    assert yaml.safe_load(result.draft.text())["services"]["web"]["port"] == 8124


def test_the_sample_that_is_taken_is_said(folder: Path) -> None:
    (folder / ".env.example").write_text("PORT=8123\n")
    (folder / "compose.yml").write_text('services: {web: {build: web, ports: ["${PORT}"]}}')
    notes = [note.what for note in imported(read([folder / "compose.yml"], {}), folder, Draft(name="project")).notes]
    assert "there is no .env: .env.example is taken" in notes


@pytest.mark.parametrize(
    ("keys", "left_out"),
    [
        ('command: yarn build --watch, volumes: [".:/app"]', True),
        ('command: npm run watch, volumes: [".:/app"]', True),
        ('command: ../run yarn:build:css, volumes: [".:/app"]', True),
        ('command: npx tailwindcss -i a.css -o b.css --watch, volumes: ["./web:/app"]', True),
        ('command: webpack --mode development --watch, volumes: [".:/app"]', True),
        ('command: webpack --watch, volumes: [".:/app"], ports: [3000]', False),
        ('command: webpack serve --watch, volumes: [".:/app"]', False),
        ('command: "npm run build && node server.js", volumes: [".:/app"]', False),
        ("command: npm run watch", False),
        ('command: npm start, volumes: [".:/app"]', False),
    ],
)
def test_services_that_only_build_assets_are_left_out_with_the_reason(folder: Path, keys: str, left_out: bool) -> None:
    compose = f"services:\n  web: {{build: web, ports: [80], depends_on: [assets]}}\n  assets: {{build: api, {keys}}}\n"
    (folder / "compose.yml").write_text(compose)
    result = taken(folder)
    assert ("assets" not in result.services) is left_out
    assert any("it builds files into a folder that is mounted" in note.what for note in result.notes) is left_out


def test_profiles_are_left_out_unless_asked_for(folder: Path) -> None:
    (folder / "compose.yml").write_text("services: {web: {build: web}, api: {build: api, profiles: [more]}}")
    assert taken(folder).services == ("web",)
    model = load_compose([folder / "compose.yml"], {})
    assert imported(model, folder, Draft(name="p"), ["more"]).services == ("web", "api")


def test_what_culm_refuses_all_the_same_is_taken_out_and_said(folder: Path) -> None:
    compose = "services: {web: {build: web, ulimits: {nonsense: 1}}, api: {image: 'x//y', ports: [1]}}"
    (folder / "compose.yml").write_text(compose)
    result = taken(folder)
    load_text(folder)
    assert result.services == ("web",)
    assert "ulimits: left out" in result.draft.text()
    assert "# api is left out" in result.draft.text()


@pytest.mark.parametrize(
    "text",
    [
        *(
            "plain",
            "./a/b",
            "alpine:3.20",
            "3.12",
            "yes",
            "a b",
            'a "b" \\',
            "",
            "a:",
            "{x}",
            "30s",
            "1e3",
            "0x1",
            "*",
            "a\nb",
        ),
        *("日本", "a #b", "- a", "null", "~", "\x07", "a,b", "[x]", "!a", "&a", "%a", "'a'", "08", "1_000", "=", "<<"),
    ],
)
def test_what_is_written_is_read_again_as_it_was(text: str) -> None:
    assert yaml.safe_load(f"{{a: {scalar(text)}, b: 1}}") == {"a": text, "b": 1}
    assert yaml.safe_load(f"{scalar(text)}: 1") == {text: 1}


def culm(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return culm_command.run(["import", *words], cwd=folder)


def test_the_command_writes_the_file_and_reports_by_line(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_text("FROM base\n")
    (tmp_path / "docker-compose.yml").write_text(
        'services:\n  web:\n    build: web\n    ports: ["80:5000"]\n    volumes: [".:/x"]\n  c: {image: nginx}\n'
    )
    done = culm(tmp_path, "docker-compose.yml", "--name", "shop")
    assert (done.returncode, done.stderr) == (0, "wrote culm.yml with web; next: culm up\n")
    assert [line.split(": ")[0] for line in done.stdout.splitlines()] == [
        "docker-compose.yml:4",
        "docker-compose.yml:5",
        "docker-compose.yml:6",
    ]
    assert load(tmp_path / "culm.yml").services["web"].port == 5000
    again = culm(tmp_path, "docker-compose.yml")
    assert again.returncode == 2
    assert "culm import --force" in again.stderr


def test_without_a_file_it_is_the_folders_own_with_its_override(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM base\n")
    (tmp_path / "compose.yml").write_text("services: {web: {build: .}}")
    (tmp_path / "compose.override.yml").write_text("services: {web: {ports: [70]}}")
    assert culm(tmp_path).returncode == 0
    assert load(tmp_path / "culm.yml").services["web"].port == 70


def test_a_file_without_a_service_of_ones_own_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(json.dumps({"services": {"proxy": {"image": "nginx"}}}))
    done = culm(tmp_path, "compose.yml")
    assert done.returncode == 3
    assert not (tmp_path / "culm.yml").exists()


def test_a_file_whose_every_service_is_refused_says_why_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text("services: {a: {image: 'x//y'}}")
    done = culm(tmp_path, "compose.yml")
    assert (done.returncode, "is not an image" in done.stdout) == (3, True)
    assert not (tmp_path / "culm.yml").exists()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("services:\n  web:\n    build: .\n    cpus: half\n", 4),
        ("services:\n  web:\n    build: .\n    mem_limit: 1.2.3g\n", 4),
        ("services: &s {<<: *s}\n", 1),
        ("services: {web: {build: [a]}}\n", 1),
    ],
)
def test_a_file_that_cannot_be_is_an_error_with_a_line(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "Dockerfile").write_text("FROM base\n")
    (tmp_path / "compose.yml").write_text(text)
    done = culm(tmp_path, "compose.yml")
    assert done.returncode == 2
    assert done.stderr.startswith(f"culm: compose.yml:{line}: ")


def test_a_stage_whose_code_is_mounted_from_this_machine_gives_way_to_the_one_that_copies_it(tmp_path):
    (tmp_path / "web").mkdir()
    (tmp_path / "web/Dockerfile").write_text(
        "FROM base AS deps\nWORKDIR /app\nCOPY package.json .\nFROM deps AS dev\nCMD watch\n"
        "FROM deps AS final\nCOPY . .\nEXPOSE 80\nCMD serve\n"
    )
    web = {"build": {"context": "web", "target": "dev"}, "volumes": ["./web:/app"], "ports": ["5000:80"]}
    (tmp_path / "compose.yml").write_text(json.dumps({"services": {"web": web}}))
    result = taken(tmp_path)
    assert "target" not in result.draft.services["web"].keys
    assert any("build.target: left out: dev has the code mounted" in str(note) for note in result.notes)
    del web["volumes"]
    (tmp_path / "compose.yml").write_text(json.dumps({"services": {"web": web}}))
    assert taken(tmp_path).draft.services["web"].get("target") == "dev"


@pytest.mark.parametrize("image", ["redislabs/redismod", "redis/redis-stack:7", "bitnami/redis:7.2"])
def test_every_image_of_redis_is_a_cache_of_the_target(tmp_path, image):
    services = {"web": {"build": ".", "depends_on": ["cache"]}, "cache": {"image": image}}
    (tmp_path / "Dockerfile").write_text("FROM base\nEXPOSE 80\nCMD serve\n")
    (tmp_path / "compose.yml").write_text(json.dumps({"services": services}))
    assert taken(tmp_path).draft.services["web"].get("database") == "main"


@pytest.mark.parametrize(
    ("variable", "source"), [("APP_PASSWORD", "{main.password}"), ("DB_ADMIN_PASSWORD", "{main.password}")]
)
def test_a_password_is_the_database_s_by_its_value(tmp_path, variable, source):
    assert password_of(tmp_path, variable) == {"from": source, "reason": REASON}


@pytest.mark.parametrize("variable", ["FIRST_SUPERUSER_PASSWORD", "SMTP_PASSWORD", "ADMIN_PASS"])
def test_a_password_of_somebody_else_is_not_the_database_s_though_it_is_the_same(tmp_path, variable):
    assert "vault" in password_of(tmp_path, variable)


def password_of(folder: Path, variable: str) -> dict[str, str]:
    """The secret that a variable becomes which has the password of the database's server."""
    services = {
        "web": {"build": ".", "environment": {variable: "changethis", "DB_HOST": "db"}, "depends_on": ["db"]},
        "db": {"image": "postgres", "environment": {"POSTGRES_PASSWORD": "changethis"}},
    }
    (folder / "Dockerfile").write_text("FROM base\nEXPOSE 80\nCMD serve\n")
    (folder / "compose.yml").write_text(json.dumps({"services": services}))
    secrets = taken(folder).draft.services["web"].get("secrets")
    assert isinstance(secrets, dict)
    return dict(secrets[variable])


@pytest.mark.parametrize(
    ("image", "published", "port", "others"),
    [
        ("rabbitmq:3-management", [15672], 5672, ["15672"]),
        ("rabbitmq:3-management", [5672, 15672], 5672, ["15672"]),
        ("axllent/mailpit", [1025, 8025], 8025, ["1025"]),
        ("adminer", [81], 81, None),
    ],
)
def test_a_known_image_has_its_own_port_first(tmp_path, image, published, port, others):
    (tmp_path / "compose.yml").write_text(json.dumps({"services": {"tool": {"image": image, "ports": published}}}))
    block = taken(tmp_path).draft.services["tool"]
    assert (block.get("port"), block.get("ports")) == (port, others)


def test_a_sample_s_development_gives_way_to_the_production_of_the_compose_file(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM base\nEXPOSE 80\nCMD serve\n")
    (tmp_path / ".env.example").write_text("NODE_ENV=development\nWORKERS=1\nDEBUG=true\n")
    (tmp_path / "compose.yml").write_text(
        'services: {web: {build: {context: ., args: ["NODE_ENV=${NODE_ENV:-production}"]}, env_file: .env}}'
    )
    result = imported(read([tmp_path / "compose.yml"], {}), tmp_path, Draft(name="project"))
    web = result.draft.services["web"]
    assert web.get("args") == {"NODE_ENV": "production"}
    assert web.get("environment") == {"WORKERS": "1", "DEBUG": "true"}
    assert "NODE_ENV: left out: development is for a laptop" in "\n".join(map(str, result.notes))


@pytest.mark.parametrize(
    "keys",
    [{"image": "mcr.microsoft.com/playwright:v1"}, {"build": {"context": ".", "dockerfile": "ui/Dockerfile.cypress"}}],
)
def test_what_tries_the_others_in_a_browser_is_left_out_with_the_reason(tmp_path, keys):
    services = {"web": {"build": "."}, "tries": {**keys, "ports": [9323]}}
    (tmp_path / "Dockerfile").write_text("FROM base\nEXPOSE 80\nCMD serve\n")
    (tmp_path / "compose.yml").write_text(json.dumps({"services": services}))
    result = taken(tmp_path)
    assert result.services == ("web",)
    assert "it tries the other services in a browser" in "\n".join(map(str, result.notes))


@pytest.mark.parametrize(
    ("services", "front"),
    [
        ({"shop": {"build": ".", "ports": [80]}, "adminer": {"image": "adminer", "ports": [8080]}}, "shop"),
        ({"shop": {"build": ".", "ports": [80]}, "studio": {"build": ".", "command": "b", "ports": [81]}}, "shop"),
        ({"shop": {"build": ".", "ports": [80]}, "pets": {"build": "pets", "ports": [81]}}, None),
    ],
)
def test_all_that_is_no_other_s_goes_to_the_service_of_one_s_own(tmp_path, services, front):
    for folder in (tmp_path, tmp_path / "pets"):
        folder.mkdir(exist_ok=True)
        (folder / "Dockerfile").write_text("FROM base\nCMD serve\n")
    (tmp_path / "compose.yml").write_text(json.dumps({"services": services}))
    drafted = taken(tmp_path).draft.services
    assert [name for name, each in drafted.items() if each.get("path") == "/"] == ([front] if front else [])


def test_a_databases_login_in_variables_becomes_secrets_of_the_login_that_culm_makes(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM base\nEXPOSE 80\nCMD serve\n")
    (tmp_path / ".env.dev").write_text(
        "SQL_USER=ada\nSQL_PASSWORD=swordfish\nSQL_DATABASE=books\nSQL_HOST=db\nDEBUG=1\n"
    )
    given = {"POSTGRES_USER": "ada", "POSTGRES_PASSWORD": "swordfish", "POSTGRES_DB": "books"}
    urls = {"ASYNC_URL": "postgresql+asyncpg://ada:swordfish@db:5432/books?ssl=off", "CACHE": "redis://cache:6379/0"}
    services = {
        "web": {"build": ".", "env_file": ".env.dev", "environment": urls, "depends_on": ["db", "cache"]},
        "db": {"image": "postgres:17", "environment": given},
        "cache": {"image": "redis"},
    }
    (tmp_path / "compose.yml").write_text(json.dumps({"services": services}))
    block = taken(tmp_path).draft.services["web"]
    assert {name: each["from"] for name, each in dict(block.get("secrets")).items()} == {
        "SQL_USER": "{main.user}",
        "SQL_PASSWORD": "{main.password}",
        "SQL_DATABASE": "{main.name}",
        "ASYNC_URL": "postgresql+asyncpg://{main.user}:{main.password}@{main.host}:{main.port}/{main.name}?ssl=off",
        "CACHE": "{cache.url}",
    }
    assert block.get("environment") == {"SQL_HOST": "{main.host}", "DEBUG": "1"}
    parse(taken(tmp_path).draft.text(), tmp_path / "culm.yml")


@pytest.mark.parametrize(
    ("command", "left"),
    [
        (
            ["bash", "-c", "while !</dev/tcp/db/5432; do sleep 1; done; serve --port 80"],
            ["bash", "-c", "serve --port 80"],
        ),
        (["sh", "-c", "until nc -z db 5432; do echo waiting; sleep 1; done && serve"], ["sh", "-c", "serve"]),
        (["./wait-for-it.sh", "db:5432", "-t", "30", "--", "npm", "start"], ["npm", "start"]),
        (["dockerize", "-wait", "tcp://db:5432", "-timeout", "20s", "serve"], ["serve"]),
        (["sh", "-c", "while true; do serve; done"], ["sh", "-c", "while true; do serve; done"]),
    ],
)
def test_a_command_that_waits_for_its_database_begins_behind_the_wait(command, left):
    assert list(compose_waits.without_waiting(command)) == left


@pytest.mark.parametrize("sample", [".env.dev-sample", ".env.dev.example", "env.dev.template"])
def test_the_sample_of_an_environment_file_that_is_not_there_is_taken(tmp_path, sample):
    (tmp_path / "Dockerfile").write_text("FROM base\nEXPOSE 80\nCMD serve\n")
    (tmp_path / sample).write_text("ALLOWED_HOSTS=localhost\n")
    (tmp_path / "compose.yml").write_text(json.dumps({"services": {"web": {"build": ".", "env_file": ".env.dev"}}}))
    result = taken(tmp_path)
    assert result.draft.services["web"].get("environment") == {"ALLOWED_HOSTS": "localhost"}
    assert any(f"{sample} is taken" in str(note) for note in result.notes)


def test_what_a_database_and_a_migration_have_besides_is_said_key_by_key(folder: Path) -> None:
    compose = (
        "services:\n  web: {build: web, depends_on: [db]}\n"
        "  migrate: {build: web, command: alembic upgrade head, environment: {MODE: once}}\n"
        "  db:\n    image: postgres\n    command: postgres -c max_connections=200\n    tmpfs: /tmp\n"
        "    volumes: [./init.sql:/docker-entrypoint-initdb.d/init.sql]\n"
    )
    said = "\n".join(notes(folder, compose))
    assert "6 services.db.command: left out: the server is the target's, with its own settings" in said
    assert "7 services.db.tmpfs: left out" in said
    assert "8 services.db.volumes: left out: nobody runs its scripts" in said
    assert "services.migrate.environment: left out: a migration has the environment and the files of web" in said


HOST_IN_CODE = """services:
  db: {image: "postgres:17"}
  redis: {image: redis}
  web: {build: web, ports: ["80:5000"]}
"""


def test_a_server_whose_host_stands_in_the_code_is_the_services_and_its_url_a_variable(folder: Path) -> None:
    (folder / "web/app.py").write_text("import redis\n\nr = redis.Redis(host='redis', port=6379)\n")

    web = block(folder, HOST_IN_CODE)

    assert web["database"] == "redis"
    assert web["secrets"] == {"REDIS_URL": {"from": "{redis.url}", "reason": "its code reads it from the environment"}}
    assert "app.py:3 names the host redis, which only compose has: let it read REDIS_URL" in shown(taken(folder))


def test_a_host_that_code_reads_from_a_variable_with_its_login_has_all_parts(folder: Path) -> None:
    names = ("REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD")
    (folder / "web/app.py").write_text("\n".join(f"x = os.getenv('{name}', 'redis')" for name in names))

    web = block(folder, HOST_IN_CODE)

    assert web["environment"] == {"REDIS_HOST": "{redis.host}", "REDIS_PORT": "{redis.port}"}
    assert list(web["secrets"]) == ["REDIS_PASSWORD"]


def test_a_word_that_is_no_host_makes_no_database(folder: Path) -> None:
    (folder / "web/app.py").write_text("import redis\nkinds = ['db', 'redis']\n")

    assert "database" not in block(folder, HOST_IN_CODE)


def test_a_host_that_the_dockerfile_sets_is_the_servers(folder: Path) -> None:
    (folder / "web/Dockerfile").write_text('FROM base\nENV REDIS_HOST=redis LEVEL=info\nEXPOSE 80\nCMD ["serve"]\n')

    web = block(folder, HOST_IN_CODE.replace("build: web,", "build: web, depends_on: [redis],"))

    assert web["environment"] == {"REDIS_HOST": "{redis.host}"}


SETTINGS = """from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    POSTGRES_HOST: str
    postgres_password: str
    TOKEN_MINUTES: int
    LEVEL: str = "info"
    QUEUE: str

    class Config:
        env_file = ".env"
"""


def test_variables_that_settings_read_come_from_the_env_file_that_no_image_has(folder: Path) -> None:
    (folder / "web/config.py").write_text(SETTINGS)
    (folder / ".env").write_text(
        "POSTGRES_HOST=db\nPOSTGRES_PASSWORD=letmein\nTOKEN_MINUTES=30\nOTHER=1\nQUEUE=http://localhost:9\n"
    )
    compose = """services:
  db: {image: "postgres:17", env_file: .env}
  web: {build: web, ports: ["80:5000"], depends_on: [db]}
"""

    web = block(folder, compose)

    assert web["environment"] == {"POSTGRES_HOST": "{main.host}", "TOKEN_MINUTES": "30", "PGPORT": "{main.port}"}
    assert web["secrets"]["POSTGRES_PASSWORD"]["from"] == "{main.password}"


def test_a_worker_writes_its_log_where_it_is_seen(folder: Path) -> None:
    compose = """services:
  web: {build: web, ports: ["80:5000"]}
  worker: {build: web, command: celery -A app worker --logfile=logs/celery.log --loglevel=info}
"""

    assert block(folder, compose, "worker")["command"] == ["celery", "-A", "app", "worker", "--loglevel=info"]
    assert any("writes its log to its output" in note for note in notes(folder, compose))


def test_the_code_of_a_service_whose_dockerfile_is_kept_apart_is_in_its_context(folder: Path) -> None:
    (folder / "web/.docker").mkdir()
    (folder / "web/.docker/Dockerfile").write_text('FROM base\nCOPY . .\nCMD ["serve"]\n')
    (folder / "web/config.py").write_text(SETTINGS)
    (folder / ".env").write_text("TOKEN_MINUTES=30\n")
    compose = 'services: {web: {build: {context: web, dockerfile: .docker/Dockerfile}, ports: ["80:5000"]}}\n'

    assert block(folder, compose)["environment"] == {"TOKEN_MINUTES": "30"}


def test_a_url_of_this_machine_is_that_of_the_service_which_is_published_there(folder: Path) -> None:
    compose = """services:
  api: {build: api, ports: ["127.0.0.1:8000:80"]}
  web:
    build: web
    ports: ["3000:3000"]
    environment: {API: "http://localhost:8000/v1", OTHER: "http://localhost:8001", SELF: "http://localhost:3000"}
"""

    web = block(folder, compose)

    assert web["environment"] == {
        "API": "{api.url}/v1",
        "OTHER": "http://localhost:8001",
        "SELF": "http://localhost:3000",
    }


@pytest.mark.parametrize(
    ("first", "second", "migrations", "shared"),
    [
        ("postgres://u:p@db/x", "postgres://u:p@db/x", "", True),
        ("postgres://u:p@db/x", "postgres://u:p@db/x", "one two", True),
        ("postgres://u:p@db/x", "postgres://u:p@db/y", "", False),
        ("", "", "", True),
        ("", "", "one", True),
        ("", "", "one two", False),
        ("postgres://u:p@db/x", "", "one two", False),
    ],
)
def test_programs_share_a_database_where_the_compose_file_means_one(folder, first, second, migrations, shared):
    services = ""
    for name, url in (("one", first), ("two", second)):
        (folder / name).mkdir()
        (folder / name / "Dockerfile").write_text("FROM base\nEXPOSE 8080\nCMD serve\n")
        if name in migrations:
            (folder / name / "Dockerfile.migrate").write_text("FROM base\nCMD migrate\n")
        environment = f', environment: {{URL: "{url}"}}' if url else ""
        services += f"  {name}: {{build: {name}, depends_on: [db]{environment}}}\n"
    (folder / "compose.yml").write_text(f"services:\n{services}  db: {{image: 'postgres:17'}}\n")
    written = yaml.safe_load(taken(folder).draft.text())
    assert written["databases"]["main"].get("shared", False) is shared


NAMED_HOSTS = """services:
  redis: {image: "redis:7"}
  db: {image: "postgres:17", environment: {POSTGRES_PASSWORD: s3cret}}
  api: {build: api, ports: ["80:8080"]}
  web: {build: web, ports: ["81:5555"], depends_on: [redis, db], COMMAND}
"""


@pytest.mark.parametrize(
    ("given", "key", "written"),
    [
        (
            "command: celery --broker=redis://redis:6379/0 flower --port=5555",
            "command",
            ["sh", "-c", 'exec celery "--broker=${REDIS_URL}" flower --port=5555'],
        ),
        (
            "command: redis-cli -h redis monitor",
            "command",
            ["sh", "-c", 'exec redis-cli -h "${REDIS_HOST}" monitor'],
        ),
        (
            "command: [proxy, 'redis:6379', 'a b']",
            "command",
            ["sh", "-c", "exec proxy \"${REDIS_HOST}:${REDIS_PORT}\" 'a b'"],
        ),
        (
            "command: sh -c 'migrate -database postgres://postgres:s3cret@db/postgres up && serve'",
            "command",
            ["sh", "-c", "migrate -database ${DATABASE_URL} up && serve"],
        ),
        ("command: [front, 'http://api:8080/v1']", "command", ["sh", "-c", 'exec front "${API_URL}/v1"']),
        (
            "entrypoint: [celery], command: [-b, 'redis://redis:6379/0', worker]",
            "command",
            ['exec celery -b "${REDIS_URL}" worker'],
        ),
        ("command: serve --name db", "command", ["serve", "--name", "db"]),
        ("command: [redis, db]", "command", ["redis", "db"]),
    ],
)
def test_a_command_reads_what_it_names_of_compose_s_network_from_variables(folder, given, key, written):
    service = block(folder, NAMED_HOSTS.replace("COMMAND", given))
    assert service[key] == written
    variables = {**service.get("environment", {}), **service.get("secrets", {})}
    assert all(name in variables for name in re.findall(r"\$\{(\w+)\}", " ".join(written)))


def test_a_command_takes_a_variable_that_the_service_has_already(folder: Path) -> None:
    given = "command: [celery, -b, 'redis://redis:6379/0'], environment: {BROKER: 'redis://redis:6379/0'}"
    service = block(folder, NAMED_HOSTS.replace("COMMAND", given))
    assert service["command"] == ["sh", "-c", 'exec celery -b "${BROKER}"']
    assert list(service["secrets"]) == ["BROKER"]


def test_a_command_stays_where_the_image_would_not_run_a_shell(folder: Path) -> None:
    (folder / "web" / "Dockerfile").write_text('FROM base\nEXPOSE 80\nENTRYPOINT ["celery"]\n')
    service = block(folder, NAMED_HOSTS.replace("COMMAND", "command: [-b, 'redis://redis:6379/0']"))
    assert service["command"] == ["-b", "redis://redis:6379/0"]


MOUNTED = "services: {web: {build: web, command: nodemon app.js, ports: ['80:3000'], volumes: ['./web:/usr/src/app']}}"


def test_code_that_compose_mounts_is_copied_by_a_dockerfile_that_is_written(folder: Path) -> None:
    (folder / "web" / "Dockerfile").write_text(
        "FROM node\nWORKDIR /usr/src/app\nCOPY package.json .\nRUN npm install\n"
    )
    (folder / "web" / "package.json").write_text("{}")
    (folder / "web" / "app.js").write_text("")
    web = block(folder, MOUNTED)
    assert web["dockerfile"] == "Dockerfile.culm"
    written = (folder / "web" / "Dockerfile.culm").read_text().splitlines()
    assert written[3:] == [
        "RUN npm install",
        "",
        "# As Dockerfile, with what the compose file mounts.",
        "COPY . /usr/src/app",
    ]


@pytest.mark.parametrize("copy", ["COPY . .", "COPY app.js .", "COPY --chown=1:1 *.js ./", "ADD lib /lib"])
def test_a_dockerfile_that_copies_code_is_taken_as_it_is(folder: Path, copy: str) -> None:
    (folder / "web" / "Dockerfile").write_text(f"FROM node\n{copy}\n")
    (folder / "web" / "lib").mkdir()
    (folder / "web" / "app.js").write_text("")
    assert "dockerfile" not in block(folder, MOUNTED)


def test_what_is_mounted_without_code_in_it_is_not_copied(folder: Path) -> None:
    (folder / "web" / "Dockerfile").write_text("FROM nginx\n")
    (folder / "web" / "nginx.conf").write_text("")
    assert "dockerfile" not in block(folder, MOUNTED)


def test_secrets_become_files_of_the_vault_and_a_database_s_password_is_culm_s(folder: Path) -> None:
    compose = """\
services:
  db:
    image: postgres:17
    secrets: [db-password]
    environment: {POSTGRES_PASSWORD_FILE: /run/secrets/db-password}
  web:
    build: web
    ports: ["80:80"]
    depends_on: [db]
    secrets: [db-password, {source: mail, target: mail.key}, {source: odd, target: /etc/odd}]
    environment: {DATABASE_PASSWORD: /run/secrets/db-password}
secrets: {db-password: {file: db/password.txt}, mail: {file: mail.txt}, odd: {file: odd.txt}}
"""
    web = block(folder, compose)
    assert web["files"] == {"/run/secrets/db-password": "main.password", "/run/secrets/mail.key": "mail"}
    assert web["environment"] == {"DATABASE_PASSWORD": "/run/secrets/db-password"}
    assert "files, for the vault (`culm vault put` before `culm up`): local/web/mail" in taken(folder).draft.text()
    assert any("/etc/odd is not in /run/secrets" in str(note) for note in taken(folder).notes)


def test_a_login_is_known_though_its_password_is_in_a_file(folder: Path) -> None:
    compose = """\
services:
  db:
    image: mariadb
    secrets: [db-password]
    environment: {MYSQL_DATABASE: example, MYSQL_ROOT_PASSWORD_FILE: /run/secrets/db-password}
  web:
    build: web
    depends_on: [db]
    environment: {DATABASE_DB: example, DATABASE_USER: root, DATABASE_HOST: db}
secrets: {db-password: {file: db/password.txt}}
"""
    given = {name: each["from"] for name, each in block(folder, compose)["secrets"].items()}
    assert given == {"DATABASE_DB": "{main.name}", "DATABASE_USER": "{main.user}"}


LANGUAGE = """\
services:
  app:
    image: node:22-alpine
    working_dir: /app
    volumes: ["./code:/app"]
    ports: ["3000:3000"]
    command: sh -c "npm install && npm run dev"
"""


def test_mounted_code_that_a_language_s_image_runs_gets_a_dockerfile(folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "index.js").write_text("")
    assert block(folder, LANGUAGE, "app")["dockerfile"] == "Dockerfile.app"
    text = (folder / "code" / "Dockerfile.app").read_text()
    assert text == "FROM node:22-alpine\nWORKDIR /app\nCOPY . /app\nRUN npm install\nCMD npm run dev\n"
    assert "7 services.app.command: is in a Dockerfile that has the code, which is mounted here" in notes(
        folder, LANGUAGE
    )


@pytest.mark.parametrize(
    ("file", "command", "line"),
    [
        ("requirements.txt", "python app.py", "RUN pip install --no-cache-dir -r requirements.txt"),
        ("package-lock.json", "node index.js", "RUN npm ci"),
        ("Gemfile", "bundle exec rackup", "RUN bundle install"),
    ],
)
def test_what_its_dependencies_are_named_in_is_installed(folder: Path, file: str, command: str, line: str) -> None:
    (folder / "code").mkdir()
    for name in ("index.js", file):
        (folder / "code" / name).write_text("")
    compose = LANGUAGE.replace('sh -c "npm install && npm run dev"', command)
    assert block(folder, compose, "app")["build"] == "code"
    assert (folder / "code" / "Dockerfile.app").read_text().splitlines()[3:] == [line, f"CMD {command}"]


def test_mounted_code_with_a_dockerfile_of_its_own_is_built_by_it(folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "index.js").write_text("")
    (folder / "code" / "Dockerfile").write_text("FROM node:22\nCOPY . .\nCMD node index.js\n")
    app = block(folder, LANGUAGE, "app")
    assert (app["build"], app.get("dockerfile"), app.get("command")) == ("code", None, None)
    what = "left out: the Dockerfile of code has the code that is mounted into node:22-alpine"
    assert f"3 services.app.image: {what}" in notes(folder, LANGUAGE)


def test_a_language_s_image_without_mounted_code_stays_an_image(folder: Path) -> None:
    compose = 'services:\n  app:\n    image: "node:22"\n    command: node -e 1\n'
    assert block(folder, compose, "app")["image"] == "node:22"


CELERY = """\
services:
  web: {build: web, ports: ["80:80"], depends_on: [redis]}
  redis: {image: redis}
"""


@pytest.mark.parametrize(
    ("code", "variables"),
    [
        ("CELERY_BROKER_URL = 'redis://redis:6379'\n", ["CELERY_BROKER_URL"]),
        (
            "app = Celery('a', broker='redis://redis:6379/0', backend='redis://redis:6379/0')\n",
            ["CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"],
        ),
        ("BROKER_URL = 'redis://redis'\nCACHE = 'redis://redis/1'\n", ["CELERY_BROKER_URL"]),
    ],
)
def test_celery_is_told_its_broker_by_the_variables_that_it_reads_itself(
    folder: Path, code: str, variables: list[str]
) -> None:
    (folder / "web" / "requirements.txt").write_text("celery==5\nredis\n")
    (folder / "web" / "settings.py").write_text(code)
    secrets = block(folder, CELERY)["secrets"]
    assert [name for name in secrets if name.startswith("CELERY")] == variables
    assert {secrets[name]["from"] for name in variables} == {"{main.url}"}


def test_variables_of_compose_itself_stay_out(folder: Path) -> None:
    (folder / "web.env").write_text("COMPOSE_PROFILES=web,worker\nDOCKER_BUILDKIT=1\nCOLOUR=red\n")
    assert block(folder, "services: {web: {build: web, env_file: web.env}}")["environment"] == {"COLOUR": "red"}


def test_a_url_of_compose_names_psycopg2_where_sqlalchemy_would_look_for_another(folder: Path) -> None:
    (folder / "web" / "requirements.txt").write_text("sqlalchemy\npsycopg2-binary\n")
    compose = """\
services:
  web: {build: web, environment: {URL: "postgresql://u:p@db/x"}, depends_on: [db]}
  db: {image: postgres, environment: {POSTGRES_USER: u, POSTGRES_PASSWORD: p, POSTGRES_DB: x}}
"""
    assert block(folder, compose)["secrets"]["URL"]["from"].startswith("postgresql+psycopg2://{main.user}:")
