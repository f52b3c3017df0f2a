"""Processes of services."""

import os
import signal
import sys
from pathlib import Path

import pytest

from culm.direct.processes import Running, finish
from culm.errors import CulmError


def test_what_a_process_writes_is_said_line_by_line_and_its_end_is_known(tmp_path: Path) -> None:
    said: list[str] = []
    finish("it", (sys.executable, "-c", "print(1); print(2)"), tmp_path, os.environ, said.append)
    assert said == ["1", "2"]


def test_a_process_that_fails_tells_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(CulmError, match=r"it ended with status 3:\n(\d+\n){19}24$"):
        finish("it", (sys.executable, "-c", "[print(n) for n in range(25)]; exit(3)"), tmp_path, os.environ, str)


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CulmError, match="it cannot be started: no-such-program: No such file"):
        Running("it", ("no-such-program",), tmp_path, os.environ, str)


def test_one_that_ends_before_it_is_well_says_so_at_once(tmp_path: Path) -> None:
    running = Running("it", (sys.executable, "-c", "print('no conf'); exit(1)"), tmp_path, os.environ, str)
    with pytest.raises(CulmError, match="it ended with status 1:\nno conf"):
        running.until_healthy("http://127.0.0.1:1/")


def test_stopping_ends_its_children_too(tmp_path: Path) -> None:
    """A child has the output open: as long as one lives, its end is not seen, and `stop` does not return."""
    ready: list[str] = []
    code = "import subprocess as s; p = s.Popen(['sleep', '600']); print(p.pid, flush=True); p.wait()"
    running = Running("it", (sys.executable, "-c", code), tmp_path, os.environ, ready.append)
    while not ready:
        assert running.ended() is None
    running.stop()
    assert running.ended() == -signal.SIGTERM
    running.stop()
