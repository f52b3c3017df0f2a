"""`culm db`, on a target that is any endpoint; the client is a script that says how it was called."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from tests.serving import served

from culm.cli import culm
from culm.errors import CulmError

PASSWORD = "k3Lm9-xYz_w8Qr"
URL = f"mysql://shop_web:{PASSWORD}@127.0.0.1:3307/shop_web\n"


class Answer(NamedTuple):
    """What a command printed, and the error that it ended with."""

    out: str
    error: CulmError | None


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("db")
    for name in ("web", "plain"):
        (root / name).mkdir()
        (root / name / "Dockerfile").write_text("FROM base\nEXPOSE 8080\n")
    with served(root) as endpoint:
        targets = "".join(
            f"  {name}: {{provider: {provider}, endpoint_url: '{endpoint}', env: stg}}\n"
            for name, provider in (("near", "local"), ("far", "aws"))
        )
        databases = "databases: {main: {engine: mariadb}, cache: {engine: valkey}}\n"
        services = "services:\n  web: {database: [main, cache]}\n  plain:\n"
        (root / "culm.yml").write_text(f"name: shop\ntargets:\n{targets}{databases}{services}")
        yield root


@pytest.fixture(autouse=True)
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")


def run(*words: str, given: str = "") -> Answer:
    result = CliRunner().invoke(culm, words, input=given)
    error = result.exception
    assert error is None or isinstance(error, CulmError), result.output
    return Answer(result.stdout, error)


@pytest.fixture
def in_vault(here: None) -> None:
    assert run("vault", "put", "stg/web/database.url", "--target", "near", given=URL).error is None


def test_the_client_is_opened_as_the_service_and_gets_what_is_piped_in(in_vault: None, tmp_path: Path) -> None:
    script = tmp_path / "mariadb"
    script.write_text('#!/bin/sh\necho "$@"; echo "$MYSQL_PWD"; cat; exit 5\n')
    script.chmod(0o755)
    done = subprocess.run(  # in a process of its own, which becomes the client
        [sys.executable, "-m", "culm", "db", "web", "--target", "near", "--", "--batch"],
        input="select 1;",
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert done.returncode == 5, done.stderr
    words, password, statement = done.stdout.splitlines()
    assert words == "--host=127.0.0.1 --port=3307 --user=shop_web --protocol=tcp --skip-ssl --batch shop_web"
    assert (password, statement) == (PASSWORD, "select 1;")


def test_without_a_client_the_address_is_printed_and_no_password(
    in_vault: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    out, error = run("db", "web", "--target", "near")
    assert out.split() == [
        *("engine", "mariadb", "host", "127.0.0.1", "port", "3307", "database", "shop_web", "user", "shop_web")
    ]
    assert error is not None
    assert error.what == "this machine has no client of MariaDB: mariadb or mysql is not on PATH"
    assert error.hint.startswith("apt install mariadb-client")
    assert PASSWORD not in f"{out}{error.what}{error.hint}"


def test_the_url_is_printed_when_it_is_asked_for(in_vault: None) -> None:
    assert run("db", "web", "--url", "--target", "near").out == URL


def test_a_database_on_aws_is_refused_with_what_reaches_it() -> None:
    error = run("db", "web", "--target", "far").error
    assert error is not None
    assert error.what == "database main on far is private: only tasks in its network reach it"
    assert error.hint.startswith("culm exec web --target far, and mariadb there")


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (["plain"], "plain has no database", "`database:` of plain"),
        (["web", "--database", "cach"], "web has no database 'cach'", "did you mean cache?"),
        (["web", "--database", "cache"], "there is no stg/web/cache.url in the vault", "culm up --target near"),
    ],
)
def test_what_is_not_there_is_named(words: list[str], what: str, hint: str) -> None:
    error = run("db", *words, "--target", "near").error
    assert error is not None
    assert (error.what, hint in error.hint) == (what, True)
