"""Programs of database servers that the local cluster starts and culm does not bring: the distribution has them."""

import os
import shutil

from culm.core.model.record import record
from culm.errors import UsageError
from culm.project import engines
from culm.project.project import Project


@record
class Programs:
    """Any of these programs serves; `get_it` tells how to get one."""

    names: tuple[str, ...]
    get_it: str

    def first(self) -> str | None:
        """The first that this machine has, on PATH or where the daemon looks besides."""
        more = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin")
        search = ":".join((os.environ.get("PATH", ""), *more))
        return next((path for name in self.names if (path := shutil.which(name, path=search))), None)


SQL = Programs(names=("mariadbd",), get_it="apt install mariadb-server, or brew install mariadb")
CACHES = Programs(
    names=("valkey-server", "redis-server"),
    get_it="apt install valkey-server (or redis-server), or brew install valkey",
)


def demand(project: Project) -> None:
    """Raise UsageError for the first database that is used and whose server this machine lacks."""
    for name, engine in project.databases.items():
        programs = CACHES if engine in engines.CACHES else SQL
        if engine != "postgres" and project.users(name) and programs.first() is None:
            wanted = " or ".join(programs.names)
            problem = f"{engines.TITLES[engine]} needs {wanted}, which this machine lacks"
            raise UsageError(f"databases.{name}: {problem}", f"{programs.get_it}; culm starts it by itself")
