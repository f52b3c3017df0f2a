"""Integration tests without an engine: copies of the service folders, a fresh database, nothing left at the end."""

import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from culm.deploy.build.port import Say
from culm.deploy.target import Target
from culm.direct import environments, ports, servers, suite
from culm.direct.parts import Part
from culm.direct.processes import Running, finish
from culm.direct.suite import Result
from culm.direct.watch import SKIPPED
from culm.errors import CulmError


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

    def up(self, part: Part, work: Path, progress: Say) -> str:
        """Its database, its migration, itself: the URL where it is well."""
        folder = work / part.name
        shutil.copytree(part.folder, folder, ignore=shutil.ignore_patterns(*SKIPPED), symlinks=True)
        port = self.moved[ports.of_conf(folder)] = ports.free()
        self.configure(part, folder, progress)
        variables = environments.variables(folder, HOST="127.0.0.1", PORT=str(port))
        say = partial(self.say, part.name)
        if part.migration is not None:
            progress(f"migrating {part.name}")
            finish(f"the migration of {part.name}", part.migration, folder, variables, say)
        progress(f"starting {part.name}")
        running = Running(part.name, part.command, folder, variables, say)
        self._ends.callback(running.stop)
        base = f"http://127.0.0.1:{port}"
        running.until_healthy(base + part.health)
        return base

    def configure(self, part: Part, folder: Path, progress: Say) -> None:
        """Its `.url` files: a fresh database, and neighbours where they are."""
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
    parts: Sequence[Part], target: Callable[[], Target], mark: str, say: Callable[[str, str], None], progress: Say
) -> Result:
    """Bring up the neighbours and the service (the last of the parts), run its tests, take everything down."""
    own = parts[-1]
    with tempfile.TemporaryDirectory(prefix="culm-test-") as work, Stack(target, mark, say) as stack:
        report = Path(work) / "report.xml"
        try:
            words = suite.command(own.folder, report)
            for part in parts:
                base = stack.up(part, Path(work), progress)
            progress("testing")
            env = environments.variables(Path(work) / own.name, BASE_URL=base)
            problem = ""
            try:
                finish(f"{own.name}'s tests", words, Path(work) / own.name, env, partial(say, own.name))
            except CulmError as error:
                problem = error.what
            return suite.read(own.name, report, problem)
        except CulmError as error:
            return Result(service=own.name, problem=error.what)
