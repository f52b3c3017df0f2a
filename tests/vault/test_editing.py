"""`edit`, with editors that are programs."""

import os
import stat
from pathlib import Path

import pytest

from culm.errors import CulmError
from culm.vault import names
from culm.vault.editing import edit, store
from culm.vault.files import Vault
from culm.vault.secret import Secret

NAME = names.name("stg/accounts/settings.toml")


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where edits lie while they are edited."""
    place = tmp_path / "memory"
    place.mkdir()
    monkeypatch.setattr("culm.vault.editing.IN_MEMORY", place)
    monkeypatch.delenv("VISUAL", raising=False)
    return place


def editor(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    path = folder / "my editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("EDITOR", f"'{path}' --wait")


def test_the_edited_file_is_the_next_version(
    vault: Vault, tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.write(NAME, Secret(b"a = 1\n"), over=None)
    editor(tmp_path, monkeypatch, f'ls -ld "$2" "$(dirname "$2")" > {tmp_path}/rights; sed -i s/1/2/ "$2"')
    version = edit(vault, NAME)
    found = vault.read(NAME)
    assert found is not None
    assert (found.data.text(), found.version) == ("a = 2\n", version)
    file, folder = sorted((tmp_path / "rights").read_text().splitlines())
    assert file.startswith("-rw-------")
    assert folder.startswith("drwx------")
    assert list(memory.iterdir()) == [], "nothing of it stays"


def test_a_file_that_is_not_there_begins_empty(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor(tmp_path, monkeypatch, 'echo new > "$2"')
    edit(vault, NAME)
    found = vault.read(NAME)
    assert found is not None
    assert found.data.text() == "new\n"


def test_nothing_changed_makes_no_version(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.write(NAME, Secret(b"a = 1\n"), over=None)
    editor(tmp_path, monkeypatch, "true")
    assert edit(vault, NAME) is None
    assert len(list(vault.history(NAME))) == 1


def test_somebody_elses_change_is_not_overwritten_and_the_edit_is_kept(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.write(NAME, Secret(b"a = 1\n"), over=None)
    seen = vault.read(NAME)
    read = vault.read

    def read_before_they_wrote(name: names.Name) -> object:
        found = read(name)
        vault.write(NAME, Secret(b"theirs = 1\n"), over=seen)
        return found

    monkeypatch.setattr(vault, "read", read_before_they_wrote)
    editor(tmp_path, monkeypatch, 'echo mine = 1 > "$2"')
    with pytest.raises(CulmError, match="was changed by somebody else") as refused:
        edit(vault, NAME)
    kept = Path(refused.value.hint.split()[-1])
    assert kept.read_text() == "mine = 1\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    found = read(NAME)
    assert found is not None
    assert found.data.text() == "theirs = 1\n"


def test_an_edit_that_cannot_be_written_is_kept(
    vault: Vault, tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, 'echo mine > "$2"')
    gone = Vault(vault.s3, "culm-vault-no-such-bucket")
    with pytest.raises(CulmError, match="could not be written") as refused:
        edit(gone, NAME)
    assert Path(refused.value.hint.split()[-1]).read_text() == "mine\n"


@pytest.mark.parametrize(("script", "why"), [("exit 1", "ended with status 1"), (None, "cannot start the editor")])
def test_an_editor_that_fails_changes_nothing(
    vault: Vault, tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, why: str
) -> None:
    if script is None:
        monkeypatch.setenv("EDITOR", str(tmp_path / "no such editor").replace(" ", "\\ "))
    else:
        editor(tmp_path, monkeypatch, script)
    with pytest.raises(CulmError, match=why):
        edit(vault, NAME)
    assert list(memory.iterdir()) == []
    assert vault.read(NAME) is None


def test_a_file_that_is_there_loses_the_rights_of_others_before_it_has_content(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("x")
    path.chmod(0o666)
    store(path, Secret(b"secret"))
    assert (path.read_text(), stat.S_IMODE(os.stat(path).st_mode)) == ("secret", 0o600)
