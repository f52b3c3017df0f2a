"""`culm open` as a process of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Opened:
    """A page that is served."""

    base: str
    """`http://culm.localhost:4700`."""
    entrance: str
    """The address that lets one browser in."""
    pid: int

    @property
    def port(self) -> int:
        return int(self.base.rpartition(":")[2])


@contextmanager
def opened(project: Path, environment: dict[str, str], *options: str) -> Iterator[Opened]:
    """Type `culm open` and read the address that it prints."""
    command = [sys.executable, "-m", "culm", "open", "--no-browser", *options]
    with subprocess.Popen(
        command, cwd=project, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        told = ""
        for line in process.stderr:
            told += line
            if found := re.search(r"(http://[^\s/]+)/\?token=\S+", line):
                break
        else:
            raise AssertionError(f"no address was printed:\n{told}")
        try:
            yield Opened(base=found[1], entrance=found[0], pid=process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(10)
