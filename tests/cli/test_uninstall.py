"""`culm uninstall`: lists, asks, removes its own and nothing else, and not under a running cluster."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from culm.cli import culm
from culm.errors import CulmError, UsageError

HOLDS = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that was used, its keys, and those of another home."""
    made = tmp_path / "home"
    (made / "images").mkdir(parents=True)
    (made / "images" / "layer").write_bytes(b"x" * 2 * 1024 * 1024)
    (made / "cluster.id").write_text("00ff00ff\n")
    for name in ("00ff00ff", "11aa11aa"):
        (tmp_path / "configuration" / "culm" / "keys" / name).mkdir(parents=True)
    monkeypatch.setenv("CULM_HOME", str(made))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    monkeypatch.delenv("CULM_KEYS", raising=False)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    return made


def uninstall(*words: str) -> Result:
    return CliRunner().invoke(culm, ["uninstall", *words])


def keys(home: Path) -> list[str]:
    return sorted(path.name for path in (home.parent / "configuration" / "culm" / "keys").iterdir())


def test_a_dry_run_lists_and_removes_nothing(home: Path) -> None:
    result = uninstall("--dry-run")
    assert f"{home}  2.0 MiB: the local cluster, its data, caches\n" in result.stdout
    assert "keys/00ff00ff  0.0 MiB: keys that its data is sealed with\n" in result.stdout
    assert "nothing was removed" in result.stderr
    assert home.is_dir()
    assert keys(home) == ["00ff00ff", "11aa11aa"]


def test_its_home_and_the_homes_own_keys_go_and_those_of_another_home_stay(home: Path) -> None:
    assert uninstall("--yes").exit_code == 0
    assert not home.exists()
    assert keys(home) == ["11aa11aa"]
    assert "culm has put nothing on this machine" in uninstall("--yes").stderr


def test_nothing_goes_without_an_answer(home: Path) -> None:
    assert isinstance(uninstall().exception, UsageError)
    assert home.is_dir()


@pytest.fixture
def running(home: Path) -> Iterator[None]:
    command = [sys.executable, "-c", HOLDS, str(home / "cluster.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == b"held\n"
        yield
        daemon.communicate()


def test_a_cluster_that_runs_is_to_be_stopped_first(home: Path, running: None) -> None:
    error = uninstall("--yes").exception
    assert isinstance(error, CulmError)
    assert (error.what, error.hint) == (
        f"the local cluster of {home} runs",
        "culm cluster stop, then the same command",
    )
    assert home.is_dir()


@pytest.mark.parametrize("file", ["culm.yml", "thesis.txt"])
def test_a_folder_that_is_not_culms_alone_is_left(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / file).write_text("name: mine\n")
    monkeypatch.setenv("CULM_HOME", str(folder))
    assert isinstance(uninstall("--yes").exception, CulmError)
    assert (folder / file).exists()


def test_the_persons_own_home_is_never_removed(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home))
    assert isinstance(uninstall("--yes").exception, CulmError)
    assert home.is_dir()


def test_no_empty_folder_is_left_where_the_keys_were(home: Path) -> None:
    (home.parent / "configuration" / "culm" / "keys" / "11aa11aa").rmdir()
    assert uninstall("--yes").exit_code == 0
    assert not (home.parent / "configuration").exists()
