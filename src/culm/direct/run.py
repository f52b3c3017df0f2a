"""`culm run`: a service and its neighbours from their conf/, until Ctrl-C; again when its files change."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from culm.console import Console
from culm.direct import environments, ports, servers, watch
from culm.direct.legible import legible
from culm.direct.parts import ServiceFolder
from culm.direct.processes import Running, finish
from culm.target.connection import Target


class Run:
    """Every part has its database, is migrated, started and well before the next."""

    def __init__(self, parts: Sequence[ServiceFolder], target: Callable[[], Target], console: Console) -> None:
        self.parts = parts
        self.target = target
        """Called once a part has a database: then the local cluster is needed."""
        self.console = console
        self.running: dict[str, Running] = {}
        self.before: dict[str, Mapping[str, tuple[int, int]]] = {}
        """Each part's files when it was started: what is edited before it answers counts as a change, too."""

    def forever(self, *, reload: bool) -> None:
        try:
            for part in self.parts:
                self.prepare(part)
                self.before[part.name] = watch.look(part.folder)
                self.start(part)
                self.await_health(part)
            own = self.parts[-1]
            self.console.say(f"at http://127.0.0.1:{ports.of_conf(own.folder)}/{own.name}/", own.name)
            self.watch(reload=reload)
        finally:
            for running in reversed(self.running.values()):
                running.stop()

    def prepare(self, part: ServiceFolder) -> None:
        """Prepare a service: its database, and the migration."""
        say = partial(self.hear, part.name)
        url = servers.wanted_by(part.folder)
        if url is not None:
            doing = partial(self.console.doing, part.name)
            instance = servers.ensure(self.target(), instance_of(part.name, url), url, doing)
            self.console.doing(part.name)
            servers.at_home(url, instance)
        if part.preparation is not None:
            self.console.doing(part.name, "compiling")
            finish(f"compiling {part.name}", part.preparation, part.folder, self.variables(part.folder), say)
            self.console.doing(part.name)
        if part.migration is not None:
            finish(f"the migration of {part.name}", part.migration, part.folder, self.variables(part.folder), say)

    def hear(self, name: str, line: str) -> None:
        """Print a line of a service's own; on a terminal for people, else as it was written."""
        shown = legible(line, coloured=self.console.coloured) if self.console.live else line
        self.console.say(shown, name)

    def variables(self, folder: Path) -> dict[str, str]:
        """Return a part's environment; PORT says again what its conf/ says, for code that reads no files."""
        return environments.variables(folder, PORT=str(ports.of_conf(folder)))

    def start(self, part: ServiceFolder) -> None:
        say = partial(self.hear, part.name)
        self.running[part.name] = Running(part.name, part.command, part.folder, self.variables(part.folder), say)

    def await_health(self, part: ServiceFolder) -> None:
        self.running[part.name].until_healthy(f"http://127.0.0.1:{ports.of_conf(part.folder)}{part.health}")

    def watch(self, *, reload: bool) -> None:
        """Start a part again when its files change; one that has ended waits for the change that fixes it."""
        sources = {part.name: watch.as_started(self.before[part.name], watch.look(part.folder)) for part in self.parts}
        ended: set[str] = set()
        while True:
            time.sleep(watch.LOOK_SECONDS)
            for part in self.parts:
                running = self.running[part.name]
                if (status := running.ended()) is not None and part.name not in ended:
                    ended.add(part.name)
                    self.console.say(f"ended with status {status}", part.name)
                    if not reload:
                        return
                now = watch.look(part.folder)
                if reload and (files := watch.changed(sources[part.name], now)):
                    sources[part.name] = now
                    ended.discard(part.name)
                    self.console.say(f"{Path(files[0]).name} has changed: starting again", part.name)
                    running.stop()
                    self.start(part)


def instance_of(name: str, url: str) -> str:
    """Return a DB instance for each place that a laptop's configuration names."""
    return f"laptop-{name}-{url.rpartition(':')[2].partition('/')[0]}"
