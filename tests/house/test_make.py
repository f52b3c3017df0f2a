"""`make run` on a machine that lacks something ends with a sentence."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "a folder"
    (folder / "examples" / "bamboo").mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    shutil.copy(MAKEFILE, folder)
    return folder


def program(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


def environment(folder: Path, *, uv: str = "exit 0", python: str = "exit 0") -> None:
    """A .venv as it is after its first steps, whose programs do as told."""
    for name, line in {"python": python, "uv": uv, "culm": 'echo "culm $* in $(pwd)"'}.items():
        program(folder / ".venv" / "bin" / name, line)


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run(["make", "run", *words], cwd=folder, env=variables, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (('case "$*" in *version_info*) exit 1;; esac',), "culm needs Python 3.11 or newer; try: make run PYTHON="),
        (('case "$*" in *ensurepip*) exit 1;; esac',), "Python's venv module is missing; try: apt-get install"),
        (('case "$*" in "-m venv"*) exit 1;; esac',), "the environment .venv could not be made: the lines above"),
    ],
)
def test_a_python_that_will_not_do_is_named(folder: Path, lines: tuple[str, ...], said: str) -> None:
    done = run(folder, f"PYTHON={program(folder.parent / 'python', *lines)}")
    assert done.returncode == 2
    assert said in done.stderr
    assert not (folder / ".venv").exists()


def test_a_machine_without_python_is_told_which_to_get(folder: Path) -> None:
    assert "culm needs Python 3.11 or newer" in run(folder, "PYTHON=/nowhere/python3").stderr


@pytest.mark.parametrize(
    "programs", [{"python": "exit 1"}, {"uv": "exit 1", "python": 'case "$*" in *editable*) exit 1;; esac'}]
)
def test_without_a_way_to_a_package_index_proxies_are_named(folder: Path, programs: dict[str, str]) -> None:
    environment(folder, **programs)
    done = run(folder)
    assert done.returncode == 2
    assert "name a proxy (HTTPS_PROXY) or an index of your own" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_named(folder: Path) -> None:
    folder.chmod(0o555)
    done = run(folder)
    folder.chmod(0o755)
    assert f"{folder} cannot be written to" in done.stderr


def test_a_folder_whose_name_has_a_blank_will_do(folder: Path) -> None:
    environment(folder)
    done = run(folder)
    assert (done.returncode, done.stdout) == (0, f"culm up in {folder}/examples/bamboo\n")
