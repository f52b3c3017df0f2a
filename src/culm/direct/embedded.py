"""Integration tests without an engine: copies of the service folders, a fresh database, nothing left at the end."""

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from culm.deploy.build.port import Say
from culm.direct import environments, ports, servers, suite
from culm.direct.parts import ServiceFolder
from culm.direct.processes import Running, finish
from culm.direct.suite import Result
from culm.direct.watch import SKIPPED
from culm.errors import CulmError
from culm.target.connection import Target


class Stack:
    """A service and its neighbours, each on a free port with its configuration changed to match."""

    def __init__(self, target: Callable[[], Target], mark: str, say: Callable[[str, str], None]) -> None:
        self.target = target
        self.mark = mark
        """Part of every name, so that two runs at once do not meet."""
        self.say = say
        self.moved: dict[int, int] = {}
        """From the port that a conf/ names to the one that it is here."""
        self._ends = ExitStack()

    def __enter__(self) -> "Stack":
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def up(self, part: ServiceFolder, work: Path, progress: Say) -> str:
        """Start a service, its database and migration first; return the URL where it is well."""
        folder = work / part.name
        shutil.copytree(part.folder, folder, ignore=shutil.ignore_patterns(*SKIPPED), symlinks=True)
        port = self.moved[ports.of_conf(folder)] = ports.free()
        self.configure(part, folder, progress)
        variables = environments.variables(folder, HOST="127.0.0.1", PORT=str(port))
        say = partial(self.say, part.name)
        if part.preparation is not None:
            progress(f"compiling {part.name}")
            finish(f"compiling {part.name}", part.preparation, folder, variables, say)
        if part.migration is not None:
            progress(f"migrating {part.name}")
            finish(f"the migration of {part.name}", part.migration, folder, variables, say)
        progress(f"starting {part.name}")
        running = Running(part.name, part.command, folder, variables, say)
        self._ends.callback(running.stop)
        base = f"http://127.0.0.1:{port}"
        running.until_healthy(base + part.health)
        return base

    def configure(self, part: ServiceFolder, folder: Path, progress: Say) -> None:
        """Write a service's `.url` files: a fresh database, and neighbours where they are."""
        if (url := servers.wanted_by(folder)) is not None:
            identifier = f"test-{part.name}-{self.mark}"
            self._ends.callback(lambda: servers.remove(self.target(), identifier))
            fresh = servers.ensure(self.target(), identifier, with_port(url, ports.free()), progress)
            (folder / "conf" / servers.URL_FILE).write_text(fresh + "\n")
        for path in (folder / "conf").glob("*.url"):
            if path.name == servers.URL_FILE:
                continue
            old = path.read_text()
            known = urlsplit(old.strip()).port
            if known in self.moved:
                path.write_text(with_port(old.strip(), self.moved[known]) + "\n")


def with_port(url: str, port: int) -> str:
    return re.sub(r"(?<=[\w\]]):\d+(?=/|$)", f":{port}", url, count=1)


def test(
    parts: Sequence[ServiceFolder],
    target: Callable[[], Target],
    mark: str,
    say: Callable[[str, str], None],
    progress: Say,
) -> Result:
    """Bring up the neighbours and the service (the last of the parts), run its tests, take everything down."""
    own = parts[-1]
    with tempfile.TemporaryDirectory(prefix="culm-test-") as name, Stack(target, mark, say) as stack:
        work = Path(name)
        try:
            suite.commands(own.folder, work)  # if it has none, nothing need come up
            bases = {part.name: stack.up(part, work, progress) for part in parts}
            progress("testing")
            env = environments.variables(work / own.name, BASE_URL=bases.pop(own.name), **urls(bases))
            return suite.run(own.name, work / own.name, work, env, partial(say, own.name))
        except CulmError as error:
            return Result(service=own.name, problem=error.what)


def urls(bases: Mapping[str, str]) -> dict[str, str]:
    """Return where neighbours are, for tests that ask them: `CATALOG_URL`."""
    return {f"{re.sub('[^A-Z0-9]', '_', name.upper())}_URL": base for name, base in bases.items()}
