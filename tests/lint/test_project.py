"""A whole project, and what the commands make of it."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests import culm_command

from culm.deploy.build.host import HostBuilder
from culm.deploy.build.port import PushDestination, Recipe
from culm.errors import CulmError
from culm.lint.project import check
from culm.project.load import load

LEAK = "FROM base\nENV DB_PASSWORD=swordfish\nEXPOSE 8080\nCMD ['a']\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("accounts", "web"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text('FROM base\nEXPOSE 8080\nCMD ["sh"]\n')
    (tmp_path / "culm.yml").write_text("name: bamboo\nservices: {accounts: , web: }\n")
    return tmp_path


def culm(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return culm_command.run(words, cwd=folder, environment={**os.environ, "CULM_HOME": str(folder / "home")})


def test_each_kind_of_file_is_looked_at(folder: Path) -> None:
    (folder / "accounts" / "Dockerfile.migrate").write_text(LEAK)
    (folder / "accounts" / "compose.stg.yml").write_text(
        "services:\n  a:\n    env_file: s.env\n    environment: {API_KEY: swordfish}\n"
    )
    (folder / "accounts" / "s.env").write_text("TOKEN=swordfish\n")
    (folder / "accounts" / "docker-compose.yml").write_text("services: {d: {environment: {PASSWORD: postgres}}}\n")
    (folder / "web" / "taskdef.json").write_text(
        '{"containerDefinitions": [{"environment": [{"name": "SECRET", "value": "swordfish"}]}]}'
    )
    (folder / "culm.yml").write_text(
        "name: bamboo\ndefaults:\n  args:\n    NPM_TOKEN: swordfish\nservices: {accounts: , web: }\n"
    )
    found = [f"{each.file}:{each.line} {each.name}" for each in check(load(folder / "culm.yml"))]
    assert found == [
        "accounts/Dockerfile.migrate:2 DB_PASSWORD",
        "accounts/compose.stg.yml:4 API_KEY",
        "accounts/s.env:1 TOKEN",
        "culm.yml:4 NPM_TOKEN",
        "web/taskdef.json:1 SECRET",
    ]


LEAKING_COMPOSE = "services: {a: {image: x, environment: {API_KEY: swordfish}}}\n"
LEAKING_TASK = '{"containerDefinitions": [{"environment": [{"name": "SECRET", "value": "swordfish"}]}]}'


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("docker-compose.stg.yml", LEAKING_COMPOSE),
        ("infra/compose.production.yaml", LEAKING_COMPOSE),
        ("web/deploy/staging/docker-compose.prod.yml", LEAKING_COMPOSE),
        ("task-definition.json", LEAKING_TASK),
        ("web/.aws/web.json", LEAKING_TASK),
        ("web/ecs/stg/service.json", LEAKING_TASK),
        ("infra/described.json", f'{{"taskDefinition": {LEAKING_TASK}}}'),
    ],
)
def test_secrets_are_found_where_people_keep_such_files(folder: Path, file: str, text: str) -> None:
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(text)
    assert [each.file for each in check(load(folder / "culm.yml"))] == [file]


@pytest.mark.parametrize(
    "file", ["node_modules/x/compose.prod.yml", ".git/compose.prod.yml", "web/vendor/compose.stg.yml"]
)
def test_other_peoples_files_are_passed_over(folder: Path, file: str) -> None:
    (folder / file).parent.mkdir(parents=True)
    (folder / file).write_text(LEAKING_COMPOSE)
    assert check(load(folder / "culm.yml")) == []


def test_files_that_a_staging_file_takes_over_are_looked_at(folder: Path) -> None:
    (folder / "compose.stg.yml").write_text(
        "include: [{path: more.yml}]\nservices: {a: {extends: {file: common.yml, service: b}}}\n"
    )
    for name in ("common.yml", "more.yml"):
        (folder / name).write_text("services: {b: {environment: {API_KEY: swordfish}}}\n")
    assert [each.file for each in check(load(folder / "culm.yml"))] == ["common.yml", "more.yml"]


def test_a_service_that_is_deployed_alone_is_looked_at_alone(folder: Path) -> None:
    (folder / "accounts" / "compose.stg.yml").write_text(LEAKING_COMPOSE)
    project = load(folder / "culm.yml")
    assert check(project, ["web"]) == []
    assert len(check(project, ["accounts"])) == 1


COPYING = 'FROM base\nCOPY . .\nEXPOSE 8080\nCMD ["a"]\n'
PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("id_rsa", PRIVATE_KEY),
        ("keys/deploy.pem", PRIVATE_KEY),
        (".env", "DB_PASSWORD=swordfish\n"),
        ("prod.env", "API_KEY=swordfish\n"),
        (".npmrc", "//registry.example.com/:_authToken=npm_abcdefgh\n"),
        (".netrc", "machine x login y password swordfish\n"),
        (".aws/credentials", "[default]\naws_secret_access_key = swordfish\n"),
        ("service-account.json", '{"private_key": "-----BEGIN PRIVATE KEY-----abc"}'),
    ],
)
def test_keys_that_are_copied_with_the_folder_are_found(folder: Path, file: str, text: str) -> None:
    (folder / "web" / "Dockerfile").write_text(COPYING)
    (folder / "web" / file).parent.mkdir(exist_ok=True)
    (folder / "web" / file).write_text(text)
    (folder / "web" / ".gitignore").write_text(f"{file}\n")  # git does not know it, and COPY takes it all the same
    project = load(folder / "culm.yml")
    assert [(each.file, each.line, each.name) for each in check(project)] == [("web/Dockerfile", 2, file)]
    (folder / "web" / ".dockerignore").write_text(f"{file}\n")
    assert check(project) == []
    (folder / "web" / ".dockerignore").unlink()
    (folder / "web" / "Dockerfile").write_text(COPYING.replace("COPY . .", "# culm: allow-secret a test\nCOPY . ."))
    assert check(project) == []


@pytest.mark.parametrize(
    ("dockerfile", "file", "text"),
    [
        (COPYING, "id_rsa.pub", "ssh-rsa AAAA"),
        (COPYING, "ca.pem", "-----BEGIN CERTIFICATE-----"),
        (COPYING, ".env", "PORT=80\nDB_PASSWORD=${DB_PASSWORD}\n"),
        (COPYING, ".env.example", "DB_PASSWORD=swordfish\n"),
        (COPYING, ".npmrc", "//registry.example.com/:_authToken=${NPM_TOKEN}\n"),
        (COPYING, "tests/fixtures/id_rsa", PRIVATE_KEY),
        (COPYING.replace("COPY . .", "COPY app.py ."), "id_rsa", PRIVATE_KEY),
        (COPYING.replace("COPY . .", "COPY src ."), "id_rsa", PRIVATE_KEY),
        ("FROM a AS build\nCOPY . .\nFROM b\nCOPY --from=build /x /x\nEXPOSE 8080\nCMD a\n", "id_rsa", PRIVATE_KEY),
    ],
)
def test_what_does_not_reach_the_image_or_is_no_secret_is_passed_over(
    folder: Path, dockerfile: str, file: str, text: str
) -> None:
    (folder / "web" / "Dockerfile").write_text(dockerfile)
    (folder / "web" / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / "web" / file).write_text(text)
    assert check(load(folder / "culm.yml")) == []


def test_lint_ends_with_3_when_it_finds_something_and_0_when_not(folder: Path) -> None:
    done = culm(folder, "lint")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "no secrets in accounts, web\n")
    (folder / "web" / "Dockerfile").write_text(LEAK)
    done = culm(folder, "lint")
    why = "by its name it is a secret; everybody who has the image can read it"
    assert (done.returncode, done.stdout) == (3, f"web/Dockerfile:2: DB_PASSWORD: {why}\n")
    found = json.loads(culm(folder, "lint", "--json").stdout)
    assert found == [{"file": "web/Dockerfile", "line": 2, "name": "DB_PASSWORD", "why": why}]


def test_a_deploy_refuses_secrets_before_it_does_anything(folder: Path) -> None:
    (folder / "web" / "Dockerfile").write_text(LEAK)
    for words in (("up",), ("deploy", "web")):
        done = culm(folder, *words)
        assert done.returncode == 1
        assert "culm: there are secrets where they show:\n  web/Dockerfile:2: DB_PASSWORD" in done.stderr
        assert "try: keep them in the vault" in done.stderr
        assert "swordfish" not in done.stderr
    assert not (folder / "home").exists(), "no cluster was started"


def test_a_built_image_with_a_secret_is_not_pushed(folder: Path) -> None:
    dockerfile = folder / "web" / "Dockerfile"
    place = PushDestination(repository="127.0.0.1:1/nowhere", tag="t", user="", password="", insecure=True)
    dockerfile.write_text('FROM scratch\nARG WORD=swordfish\nENV DB_PASSWORD=${WORD}\nCOPY Dockerfile /x\nCMD ["/x"]\n')
    recipe = Recipe(folder=dockerfile.parent, dockerfile=dockerfile, args={})
    with pytest.raises(CulmError, match="nowhere: DB_PASSWORD: by its name"):
        HostBuilder().publish(recipe, place, print, print)
    dockerfile.write_text(
        'FROM scratch\n# culm: allow-secret of the test\nENV DB_PASSWORD=swordfish\nCOPY Dockerfile /x\nCMD ["/x"]\n'
    )
    with pytest.raises(CulmError, match="cannot push"):
        HostBuilder().publish(recipe, place, print, print)


def test_a_key_that_a_line_writes_into_a_layer_is_not_pushed_though_a_later_line_removes_it(folder: Path) -> None:
    dockerfile = folder / "web" / "Dockerfile"
    place = PushDestination(repository="127.0.0.1:1/nowhere", tag="t", user="", password="", insecure=True)
    lines = ["FROM scratch", "WORKDIR /app", "COPY names /app/names", "RUN cp names .npmrc", "RUN rm .npmrc", "CMD sh"]
    (folder / "web" / "names").write_text("//registry.example.com/:_authToken=npm_AbCdEf0123456789swordfish\n")
    recipe = Recipe(folder=dockerfile.parent, dockerfile=dockerfile, args={})
    dockerfile.write_text("\n".join(lines))
    with pytest.raises(CulmError, match=r"nowhere: /app/\.npmrc: has a registry's token, and is in a layer"):
        HostBuilder().publish(recipe, place, print, print)
    lines.insert(3, "# culm: allow-secret a token of the test")
    dockerfile.write_text("\n".join(lines))
    with pytest.raises(CulmError, match="cannot push"):
        HostBuilder().publish(recipe, place, print, print)
