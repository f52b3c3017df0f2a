"""The local cluster, as its clients find it: CULM_HOME/cluster.json. Started by command, never by import."""

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from culm.errors import CulmError, UsageError

SETTLE_SECONDS = 60.0
"""For a daemon to start or to end: each of its tasks may take 30 s to stop."""
ANSWER_SECONDS = 5.0


_FLOCK, _KIND = ("qqihh", 3) if sys.platform == "darwin" else ("hhqqi4x", 0)
"""`struct flock` of <fcntl.h>, and which of its fields is the kind of lock."""


def home() -> Path:
    """Return CULM_HOME, by default `~/.culm`."""
    return Path(os.environ.get("CULM_HOME") or Path.home() / ".culm").absolute()


def running() -> dict[str, Any] | None:
    """Return what cluster.json says, if its daemon lives and is ready; else None."""
    if not held():
        return None
    try:
        described: dict[str, Any] = json.loads((home() / "cluster.json").read_text())
    except FileNotFoundError:  # it is about to start, or to end
        return None
    return described


def last_runtime() -> str | None:
    """Return the runtime that the cluster had when it last ran, for which its images were built; else None."""
    try:
        return (home() / "runtime").read_text().strip()
    except FileNotFoundError:
        return None


def held() -> bool:
    """Return whether a daemon lives: it holds a record lock from its beginning to its very end, however it ends.

    The kernel is asked who has the lock. To try to take it would keep a daemon from starting at that moment.
    """
    try:
        with (home() / "cluster.lock").open("r+b") as lock:
            answer = fcntl.fcntl(lock, fcntl.F_GETLK, _asked_lock())
    except FileNotFoundError:
        return False
    kind: int = struct.unpack(_FLOCK, answer)[_KIND]
    return kind != fcntl.F_UNLCK


def _asked_lock() -> bytes:
    """Return an exclusive lock of the whole file."""
    kind, whole = fcntl.F_WRLCK, (0, 0, 0)
    return struct.pack(_FLOCK, *whole, kind, os.SEEK_SET) if _KIND else struct.pack(_FLOCK, kind, os.SEEK_SET, *whole)


def settled() -> dict[str, Any] | None:
    """Return what `running` does, after waiting for a daemon that starts or ends just now.

    One that was killed holds its lock until the kernel comes to it: only an answer tells that it lives.
    """
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        described = running()
        done = answers(described["endpoint"]) if described else not held()
        if done or time.monotonic() > end:
            return described
        time.sleep(0.05)


def answers(endpoint: str) -> bool:
    """Return whether somebody there says anything at all."""
    where = urlsplit(endpoint)
    try:
        with socket.create_connection((where.hostname or "", where.port or 80), ANSWER_SECONDS) as line:
            line.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
            return bool(line.recv(1))
    except OSError:
        return False


def start(runtime: str, instances: str) -> dict[str, Any]:
    """Start the cluster by its own command, and wait until it answers."""
    run("start", "--runtime", runtime, "--instances", instances)
    described = running()
    if described is None:
        raise CulmError("the cluster started and ended at once", f"see {home() / 'daemon.log'}")
    return described


def stop() -> None:
    """Stop the cluster by its own command; its data stays."""
    run("stop")


def run(*arguments: str) -> None:
    """Run `culm cluster ...`, and raise its complaint as CulmError."""
    command = [sys.executable, "-m", "culm", "cluster", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        what, _, hint = done.stderr.strip().removeprefix("culm: ").partition("\ntry: ")
        raise CulmError(what or f"culm cluster {arguments[0]} failed", hint or f"see {home() / 'daemon.log'}")


def demand() -> dict[str, Any]:
    """Return the running cluster. Raises UsageError when none runs."""
    described = running()
    if described is None:
        raise UsageError("the local cluster does not run", "`culm up` starts it, `culm cluster start` alone too")
    return described
