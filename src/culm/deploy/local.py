"""The local cluster, as its clients find it: CULM_HOME/cluster.json. Started by command, never by import."""

import contextlib
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from culm.errors import CulmError, UsageError


def home() -> Path:
    """CULM_HOME, by default `~/.culm`."""
    return Path(os.environ.get("CULM_HOME") or Path.home() / ".culm").absolute()


def running() -> dict[str, Any] | None:
    """What cluster.json says, if its daemon lives: the daemon holds a lock for as long as it does."""
    try:
        with (home() / "cluster.lock").open("r+") as lock, contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return None
        described: dict[str, Any] = json.loads((home() / "cluster.json").read_text())
        return described
    except FileNotFoundError:
        return None


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
    """`culm cluster ...`, its complaint ours."""
    command = [sys.executable, "-m", "culm", "cluster", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        what, _, hint = done.stderr.strip().removeprefix("culm: ").partition("\ntry: ")
        raise CulmError(what or f"culm cluster {arguments[0]} failed", hint or f"see {home() / 'daemon.log'}")


def demand() -> dict[str, Any]:
    """The running cluster."""
    described = running()
    if described is None:
        raise UsageError("the local cluster does not run", "`culm up` starts it, `culm cluster start` alone too")
    return described
