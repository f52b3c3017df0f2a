"""A process that holds a cluster's lock, as its daemon does."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOLDER = """
import fcntl, sys
lock = open(sys.argv[1], "w")
fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def holding(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Begins when the lock is held; ends the process, whose pipes are closed with it."""
    command = [sys.executable, "-c", HOLDER, str(home / "cluster.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()
