"""The local cluster, for the databases of services that are not in it."""

import threading

from culm.deploy import local
from culm.deploy.console import Console
from culm.deploy.target import Target, login_from
from culm.manifest.project import TargetSettings
from culm.manifest.sizes import fleet

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
    """Started when the first database is wanted; threads may share it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.started = False
        """Whether it did not run before, and so may be stopped after."""
        self._target: Target | None = None
        self._making = threading.Lock()

    def target(self) -> Target:
        with self._making:
            if self._target is None:
                described = local.settled()
                if described is None:
                    self.console.say("starting the local cluster, for its PostgreSQL")
                    described = local.start(local.last_runtime() or "process", "2 x t2.micro")
                    self.started = True
                login = login_from(described.get("environment", {}))
                self._target = Target(SETTINGS, described["endpoint"], login)
            return self._target
