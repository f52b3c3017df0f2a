"""A whole project, and what the commands make of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from culm.deploy.build.host import HostBuilder
from culm.deploy.build.port import Place, Recipe
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
    return subprocess.run(
        [sys.executable, "-m", "culm", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "CULM_HOME": str(folder / "home")},
    )


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
    place = Place(repository="127.0.0.1:1/nowhere", tag="t", user="", password="", insecure=True)
    dockerfile.write_text('FROM scratch\nARG WORD=swordfish\nENV DB_PASSWORD=${WORD}\nCOPY Dockerfile /x\nCMD ["/x"]\n')
    recipe = Recipe(folder=dockerfile.parent, dockerfile=dockerfile, args={})
    with pytest.raises(CulmError, match="nowhere: DB_PASSWORD: by its name"):
        HostBuilder().publish(recipe, place, print, print)
    dockerfile.write_text(
        'FROM scratch\n# culm: allow-secret of the test\nENV DB_PASSWORD=swordfish\nCOPY Dockerfile /x\nCMD ["/x"]\n'
    )
    with pytest.raises(CulmError, match="cannot push"):
        HostBuilder().publish(recipe, place, print, print)
