"""A database server as a process that is nobody's child: it outlives the daemon, and its pid file tells where it is.

`MariaDb` and `Valkey` are made of it. PostgreSQL has `pg_ctl` for starting and stopping, and takes the functions.
"""

import asyncio
import errno
import os
import shutil
import signal
import socket
from collections.abc import Collection, Sequence
from pathlib import Path

from culm.cluster.database import unprivileged
from culm.errors import CulmError

START_SECONDS = 30.0
STOP_SECONDS = 30.0
LOOK_EVERY = 0.05
DETACHED = '"$@" >>"$CULM_LOG" 2>&1 </dev/null &'
"""For a shell that ends at once, so that init inherits the server."""


class Process:
    """A server whose data is `folder`, with its pid in `server.pid` and its log in `server.log` there."""

    names: tuple[str, ...] = ()
    """What the kernel calls its process: a pid may have been given to another program since."""
    package = ""
    """What Debian and Homebrew call it, for messages."""

    def __init__(self, folder: Path, addresses: Sequence[str], port: int) -> None:
        self.folder = folder
        self.addresses = tuple(addresses)
        self.port = port

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def running(self) -> bool:
        """Return whether the process of the pid file lives."""
        pid = self.pid()
        return pid is not None and lives(pid, self.names)

    def pid(self) -> int | None:
        """Return the pid that was written down at the start; None when there is none. It need not run any more."""
        try:
            return int((self.folder / "server.pid").read_text())
        except (OSError, ValueError):
            return None

    def listening_port(self) -> int | None:
        """Return the port that it was started with; None: it never was."""
        try:
            return int((self.folder / "server.port").read_text())
        except (OSError, ValueError):
            return None

    async def launch(self, command: Sequence[str | Path]) -> None:
        """Start it, and return when it accepts connections on every address.

        Raises CulmError, with the last lines of its log, when it ends before or takes longer than `START_SECONDS`.
        """
        (self.folder / "server.pid").unlink(missing_ok=True)
        self.log.write_text("")
        self.log.chmod(0o600)
        (self.folder / "server.port").write_text(str(self.port))
        words = [*await asyncio.to_thread(prefix, self.package), *map(str, command)]
        shell = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", DETACHED, "sh", *words),
            start_new_session=True,
            cwd=self.folder,
            env=environment() | {"CULM_LOG": str(self.log)},
        )
        await shell.wait()
        begun = asyncio.get_running_loop().time()
        while not (self.running() and all([await self.answers(address) for address in self.addresses])):
            late = asyncio.get_running_loop().time() - begun
            if late > START_SECONDS or (late > 1.0 and not self.running()):
                await self.end(signal.SIGKILL)
                lines = "\n".join(self.log.read_text(errors="replace").splitlines()[-6:])
                raise CulmError(f"{self.package} does not start on port {self.port}:\n{lines}", f"see {self.log}")
            await asyncio.sleep(LOOK_EVERY)

    async def answers(self, address: str) -> bool:
        """Return whether it has started: it accepts connections on this address."""
        return accepts(address, self.port)

    async def stop(self) -> None:
        """Stop it in order (SIGTERM: it writes its data down); returns when it has gone."""
        await self.end(signal.SIGTERM)

    async def end(self, number: signal.Signals) -> None:
        """Send the signal, and SIGKILL after `STOP_SECONDS`; returns when the process has gone."""
        begun = asyncio.get_running_loop().time()
        while self.running():
            late = asyncio.get_running_loop().time() - begun > STOP_SECONDS
            try:
                os.kill(self.pid() or 0, signal.SIGKILL if late else number)
            except ProcessLookupError:
                return
            except OSError:
                pass
            for _ in range(20):
                if not self.running():
                    return
                await asyncio.sleep(LOOK_EVERY)

    def remove(self) -> None:
        """Delete the data for good. The server must have been stopped."""
        shutil.rmtree(self.folder, ignore_errors=True)


def draft(folder: Path, command_prefix: Sequence[str]) -> Path:
    """Return an empty folder beside `folder`, which is to take its name when it is complete."""
    made = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(mode=0o700, parents=True)
    os.chown(made, unprivileged.owner(command_prefix), -1)
    return made


def prefix(what: str) -> list[str]:
    """Return what to put in front of a server's command, so that it does not run as root."""
    try:
        return unprivileged.prefix()
    except LookupError as why:
        hint = "run culm as an ordinary user, or install util-linux"
        raise CulmError(f"{what} does not run as root, and {why}", hint) from None


def environment() -> dict[str, str]:
    """Return all of the environment that a server gets: nothing of the caller's has a part in it."""
    return {"PATH": search_path(), "LC_ALL": "C", "TZ": "UTC"}


def search_path() -> str:
    """Return PATH, and where distributions and Homebrew keep servers that ordinary users do not have on it."""
    return ":".join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin"])


def binary(*names: str) -> Path | None:
    """Return the first of these programs that this machine has."""
    for name in names:
        if path := shutil.which(name, path=search_path()):
            return Path(path)
    return None


def accepts(address: str, port: int) -> bool:
    """Return whether something accepts connections there within a second."""
    try:
        socket.create_connection((address, port), timeout=1.0).close()
    except OSError:
        return False
    return True


async def run(name: str, command: Sequence[str | Path], folder: Path, stdin: str = "") -> None:
    """Run a server's tool in a folder to its end. Raises CulmError, by this name, with its last lines when it fails.

    It has failed, too, when it prints an error and ends with 0, as servers do that are fed statements.
    """
    words = list(map(str, command))
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        cwd=folder,
        env=environment(),
    )
    output, _ = await process.communicate(stdin.encode())
    if process.returncode != 0 or b"ERROR" in output:
        last = output.decode(errors="replace").strip().splitlines()[-6:]
        raise CulmError(f"{name} failed (exit code {process.returncode}): " + "\n".join(last))


def lives(pid: int, names: Collection[str]) -> bool:
    """Return whether a process of one of these names has this id; an id may have been given to another one since."""
    try:
        name, _, state = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc/self").exists() and _answers(pid)
    return name in names and not state.lstrip().startswith("Z")


def _answers(pid: int) -> bool:
    """Return whether there is a process of this id, on a system without /proc."""
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    return True
