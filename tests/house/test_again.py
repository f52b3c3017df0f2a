"""CI's tests that failed run once more, by themselves; what passes only then is named at the end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AGAIN = ROOT / ".ci" / "again.sh"
RUN = """
set -euo pipefail
. {again}
tests "the ring" "--timeout 300" {ring} || true
tests "another ring" "" true
tests_again || status=$?
tests_said
exit "${{status:-0}}"
"""
RING = """
import json, pathlib, sys

here = pathlib.Path(__file__).parent
runs = json.loads((here / "runs.json").read_text())
calls = here / "calls"
with calls.open("a") as file:
    print(*sys.argv[1:], file=file)
status, failed, kept = runs[len(calls.read_text().splitlines()) - 1]
cache = pathlib.Path(sys.argv[1].partition("cache_dir='")[2].partition("'")[0]) / "v"
for name, value in {"cache/lastfailed": dict.fromkeys(failed, True), "culm/exitstatus": kept}.items():
    (cache / name).parent.mkdir(parents=True, exist_ok=True)
    (cache / name).write_text(json.dumps(value))
sys.exit(status)
"""
FLAKY = """
from pathlib import Path

def test_it_passes_the_second_time():
    before = Path(__file__).with_name("ran")
    assert before.exists() or before.touch()

def test_it_passes():
    Path(__file__).with_name("times").open("a").write("once ")
"""


def run(folder: Path, ring: str, *, variables: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    script = RUN.format(again=AGAIN, ring=ring)
    environment = {**os.environ, "TMPDIR": str(folder), **(variables or {})}
    return subprocess.run(["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True)


def played(folder: Path, *runs: tuple[int, list[str], int]) -> "subprocess.CompletedProcess[str]":
    """Run a ring that ends so: make's exit status, the names that pytest keeps as failed, pytest's own status."""
    (folder / "runs.json").write_text(json.dumps(runs))
    (folder / "ring.py").write_text(RING)
    return run(folder, f"{sys.executable} {folder / 'ring.py'}")


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def test_what_passes_when_run_again_is_named_last_and_ends_well(tmp_path: Path) -> None:
    done = played(tmp_path, (2, ["a.py::test[x y]", "b.py::test"], 1), (0, [], 0))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-3:] == [
        "passed only when run again: a.py::test[x y]",
        "passed only when run again: b.py::test",
        "A test that fails now and then is a fault all the same: please see to it.",
    ]
    first, second = calls(tmp_path)
    assert first.startswith("PYTEST_ARGS=--timeout 300 -o cache_dir=")
    assert second == f"{first} --last-failed -n 0"


def test_a_run_without_failures_runs_nothing_again_and_adds_nothing(tmp_path: Path) -> None:
    done = played(tmp_path, (0, [], 0))
    assert (done.returncode, done.stdout, done.stderr, len(calls(tmp_path))) == (0, "", "", 1)


def test_what_fails_again_fails_the_run(tmp_path: Path) -> None:
    done = played(tmp_path, (2, ["a.py::test", "b.py::test"], 1), (2, ["b.py::test"], 1))
    assert done.returncode == 1
    assert "passed only" not in done.stdout


def test_what_did_not_run_again_did_not_pass(tmp_path: Path) -> None:
    assert played(tmp_path, (2, ["a.py::test"], 1), (0, ["a.py::test"], 0)).returncode == 1


def test_more_than_five_failures_are_no_accident(tmp_path: Path) -> None:
    done = played(tmp_path, (2, [f"a.py::test_{n}" for n in range(6)], 1))
    assert (done.returncode, done.stderr) == (1, "6 tests failed, more than 5: none is run again\n")
    assert len(calls(tmp_path)) == 1


@pytest.mark.parametrize(
    ("failed", "kept"),
    [(["a.py::test"], 3), (["a.py::test"], 2), (["a.py"], 1), ([], 1)],
    ids=["an error of pytest's own", "interrupted", "a file that cannot be collected", "no test failed"],
)
def test_a_run_that_broke_off_is_not_taken_for_tests_that_fail(tmp_path: Path, failed: list[str], kept: int) -> None:
    done = played(tmp_path, (2, failed, kept))
    assert done.returncode == 1
    assert "the ring: more went wrong than tests that fail" in done.stderr
    assert len(calls(tmp_path)) == 1


def test_a_command_that_never_came_to_pytest_is_not_run_again(tmp_path: Path) -> None:
    done = run(tmp_path, "false")
    assert done.returncode == 1
    assert "the ring: more went wrong than tests that fail" in done.stderr


def test_pytest_runs_just_the_test_that_failed_again(tmp_path: Path) -> None:
    (tmp_path / "test_flaky.py").write_text(FLAKY)
    (tmp_path / "pytest.ini").touch()
    ring = tmp_path / "ring"
    plugins = "-p xdist -p tests.outcome"
    # `--timeout 300` is a word to the run's own arguments, so that the ring needs one plugin fewer.
    ring.write_text(f'#!/bin/bash\neval "{sys.executable} -m pytest -q {plugins} ${{1#PYTEST_ARGS=--timeout 300 }}"\n')
    ring.chmod(0o755)
    done = run(tmp_path, str(ring), variables={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout
    assert "passed only when run again: test_flaky.py::test_it_passes_the_second_time\n" in done.stdout
    assert (tmp_path / "times").read_text() == "once "
