"""The local cluster, for the databases of services that are not in it."""

import fcntl
import threading
from pathlib import Path
from typing import TextIO

from culm.console import Console
from culm.project.project import TargetSettings
from culm.project.sizes import fleet
from culm.target import local
from culm.target.connection import Target, cluster_target

SETTINGS = TargetSettings(
    name="local",
    provider="local",
    instances=fleet("2 x t2.micro"),
    env="local",
    region=None,
    profile=None,
    endpoint_url=None,
    port=None,
)


class Laptop:
    """Started when the first database is wanted, stopped when the last that wants one leaves; threads may share it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._target: Target | None = None
        self._using: TextIO | None = None
        """Locked, together with others', for as long as the databases are wanted."""
        self._making = threading.Lock()

    def target(self) -> Target:
        with self._making:
            if self._target is None:
                self._using = using()
                described = local.settled()
                if described is None:
                    self.console.say("starting the local cluster, for its PostgreSQL")
                    described = local.start(local.last_runtime() or "process", "2 x t2.micro")
                    started_for_databases().write_text(str(described["pid"]))
                self._target = cluster_target(SETTINGS, described)
            return self._target

    def leave(self) -> None:
        """Stop the cluster if it was started for databases, nobody else wants one, and nothing else was put on it."""
        if self._using is None or self._target is None:
            return
        with self._using:
            try:
                fcntl.flock(self._using, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            described, marker = local.settled(), started_for_databases()
            ours = described is not None and marker.exists() and marker.read_text() == str(described["pid"])
            if ours and not self._target.client("ecs").list_clusters()["clusterArns"]:
                local.stop()


def using() -> TextIO:
    folder = local.home() / "direct"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = (folder / "cluster.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_SH)
    return lock


def started_for_databases() -> Path:
    """Return the file that holds the daemon's process id."""
    return local.home() / "direct" / "cluster.started"
