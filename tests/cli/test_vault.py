"""`culm vault` as typed, on a target that is any endpoint."""

import json
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests import culm_command
from tests.serving import served

PASSWORD = "k3Lm9-xYz_w8Qr"
Culm = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def culm(tmp_path: Path) -> Iterator[Culm]:
    project = tmp_path / "project"
    (project / "accounts").mkdir(parents=True)
    (project / "accounts" / "Dockerfile").write_text("FROM base\nEXPOSE 8080\n")
    with served(tmp_path) as endpoint:
        (project / "culm.yml").write_text(
            f"name: bamboo\ntargets: {{stg: {{provider: aws, endpoint_url: '{endpoint}'}}}}\nservices: {{accounts: }}\n"
        )

        def run(*words: str, given: str = "", status: int = 0, **more: str) -> "subprocess.CompletedProcess[str]":
            done = culm_command.run(
                ["vault", *words, "--target", "stg"],
                cwd=project,
                given=given,
                environment={**os.environ, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", **more},
            )
            assert done.returncode == status, done.stderr
            return done

        yield run


def test_a_file_goes_in_comes_out_and_shows_its_history(culm: Culm, tmp_path: Path) -> None:
    text = f'port = 1\npassword = "{PASSWORD}"\n'
    said = culm("put", "stg/accounts/settings.toml", given=text).stderr
    assert said.startswith("stg/accounts/settings.toml is at version ")
    version = said.split()[-1]
    assert culm("get", "stg/accounts/settings.toml").stdout == text
    assert culm("put", "stg/accounts/settings.toml", given=text).stderr == "stg/accounts/settings.toml is unchanged\n"

    file = tmp_path / "new.toml"
    file.write_text(text.replace("1", "2"))
    culm("put", "stg/accounts/settings.toml", str(file), "--if-version", version)
    refused = culm("put", "stg/accounts/settings.toml", "--if-version", version, given="lost", status=1)
    assert f"culm: stg/accounts/settings.toml is not at version {version}: version " in refused.stderr

    entries = json.loads(culm("history", "stg/accounts/settings.toml", "--json").stdout)
    assert [entry["current"] for entry in entries] == [True, False]
    assert culm("get", "stg/accounts/settings.toml", "--version", entries[1]["version"]).stdout == text
    table = culm("history", "stg/accounts/settings.toml").stdout.splitlines()
    assert table[0].split() == ["VERSION", "AT", "BYTES"]
    assert table[1].startswith(entries[0]["version"])

    changed = culm("diff", "stg/accounts/settings.toml", status=3).stdout
    assert "-port = 1\n+port = 2\n" in changed
    assert PASSWORD not in changed
    assert PASSWORD in culm("diff", "stg/accounts/settings.toml", "--reveal", status=3).stdout


def test_folders_go_in_come_out_owner_only_and_are_compared_across_environments(culm: Culm, tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "settings.toml").write_text("port = 1\n")
    (conf / "database.url").write_text(f"postgresql://u:{PASSWORD}@h/d\n")
    culm("put", "stg/accounts", str(conf))
    culm("put", "prd/accounts", str(conf))
    assert culm("diff", "stg/accounts", "prd/accounts").stdout == ""
    culm("put", "prd/accounts/settings.toml", given="port = 2\n")
    differs = culm("diff", "stg/accounts", "prd/accounts", status=3).stdout.splitlines()
    assert differs[:2] == ["--- stg/accounts/settings.toml", "+++ prd/accounts/settings.toml"]

    out = tmp_path / "out"
    culm("get", "prd/accounts", str(out))
    assert (out / "settings.toml").read_text() == "port = 2\n"
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o600}
    assert stat.S_IMODE(out.stat().st_mode) == 0o700

    names = [entry["name"] for entry in json.loads(culm("ls", "stg", "--json").stdout)]
    assert names == ["stg/accounts/database.url", "stg/accounts/settings.toml"]
    assert culm("ls").stdout.count("accounts") == 4
    assert culm("ls", "nowhere").stdout == ""


def test_removing_keeps_the_history_unless_it_is_purged(culm: Culm) -> None:
    culm("put", "stg/accounts/a.toml", given="a\n")
    culm("rm", "stg/accounts/a.toml")
    gone = culm("get", "stg/accounts/a.toml", status=1).stderr
    assert gone == "culm: there is no stg/accounts/a.toml in the vault\ntry: culm vault ls stg\n"
    assert "deleted" in culm("history", "stg/accounts/a.toml").stdout
    assert "with 2 versions" in culm("rm", "stg/accounts/a.toml", "--purge").stderr
    assert "has never been" in culm("history", "stg/accounts/a.toml", status=1).stderr
    assert "there is no" in culm("rm", "stg/accounts/a.toml", status=1).stderr


def test_edit_runs_the_editor(culm: Culm, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "b = 1" >> "$1"\n')
    editor.chmod(0o755)
    culm("put", "stg/accounts/a.toml", given="a = 1\n")
    culm("edit", "stg/accounts/a.toml", VISUAL="", EDITOR=str(editor))
    assert culm("get", "stg/accounts/a.toml").stdout == "a = 1\nb = 1\n"
    assert "is unchanged" in culm("edit", "stg/accounts/a.toml", VISUAL="", EDITOR="true").stderr


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["get", "stg/accounts"], "does not name a file"),
        (["put", "stg"], "does not name a file"),
        (["edit", "stg/accounts"], "does not name a file of the vault"),
        (["rm", "stg"], "names no file or service"),
        (["put", "stg/accounts/a", "/no/such/file"], "cannot read /no/such/file: No such file"),
        (["diff", "a/b/c", "d/e/f", "--version", "1"], "--version compares versions of one file"),
    ],
)
def test_wrong_words_are_told_apart(culm: Culm, words: list[str], what: str) -> None:
    refused = culm(*words, status=2)
    assert what in refused.stderr
    assert "Traceback" not in refused.stderr
