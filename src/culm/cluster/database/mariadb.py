"""One MariaDB server in a folder. It serves `mysql` and `mariadb`: they speak one protocol, and Debian has this one."""

import asyncio
from pathlib import Path

from culm.cluster.database import process
from culm.cluster.database.process import Process
from culm.errors import CulmError

SETTINGS = (
    *("--skip-name-resolve", "--performance-schema=OFF", "--skip-log-bin", "--max-connections=100"),
    *("--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M", "--key-buffer-size=1M"),
    *("--aria-pagecache-buffer-size=8M", "--character-set-server=utf8mb4", "--default-time-zone=+00:00"),
)
"""Small: a staging database shares its machine with everything else."""
GET_IT = "apt install mariadb-server, or brew install mariadb; culm starts it by itself"


def binaries() -> tuple[Path, Path]:
    """Return the paths of `mariadbd` and `mariadb-install-db`. Raises CulmError where they are missing."""
    server, install = process.binary("mariadbd"), process.binary("mariadb-install-db")
    if server is None or install is None:
        raise CulmError("no MariaDB on this machine: mariadbd or mariadb-install-db is not on PATH", GET_IT)
    return server, install


class MariaDb(Process):
    """The server whose data is `folder`. Every method may be called again: it does what is left to do."""

    names = ("mariadbd",)
    package = "mariadb"

    async def create(self, user: str, verifier: str, database: str | None) -> None:
        """Make the folder, with one user who may do everything; `verifier` is MySQL's hash of the password.

        Everything happens in a folder beside it that takes its name at the end, so a killed `create` leaves nothing.
        """
        if self.folder.exists():
            return
        server, install = binaries()
        prefix = await asyncio.to_thread(process.prefix, self.package)
        draft = process.draft(self.folder, prefix)
        data = ("--no-defaults", f"--datadir={draft}", "--innodb-log-file-size=16M")
        ways_in = ("--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
        await process.run(install.name, [*prefix, install, *data, *ways_in], draft)
        name = f"{quoted(user)}@`%`"
        statements = [
            "USE mysql",
            "DELETE FROM global_priv WHERE User <> 'mariadb.sys'",
            "DELETE FROM proxies_priv",
            "FLUSH PRIVILEGES",
            f"CREATE USER {name} IDENTIFIED BY PASSWORD '{verifier}'",
            f"GRANT ALL PRIVILEGES ON *.* TO {name} WITH GRANT OPTION",
            *([f"CREATE DATABASE {quoted(database)}"] if database else []),
        ]
        text = "".join(f"{statement};\n" for statement in statements)
        await process.run(server.name, [*prefix, server, *data, "--log-warnings=0", "--bootstrap"], draft, text)
        draft.rename(self.folder)

    async def start(self) -> None:
        """Start it unless it runs; returns when it accepts connections."""
        if self.running():
            return
        server, _ = binaries()
        where = (f"--datadir={self.folder}", "--socket=server.sock", f"--pid-file={self.folder / 'server.pid'}")
        listening = (f"--port={self.port}", f"--bind-address={','.join(self.addresses)}")
        await self.launch([server, "--no-defaults", *where, *listening, *SETTINGS])

    async def answers(self, address: str) -> bool:
        """Return whether it greets who connects to this address, within a second.

        It accepts connections long before, while it still starts; told to stop then, it hangs.
        https://mariadb.com/kb/en/connection/
        """
        try:
            async with asyncio.timeout(1.0):
                reader, writer = await asyncio.open_connection(address, self.port)
                try:
                    return await reader.read(1) != b""
                finally:
                    writer.close()
        except OSError:  # refused, reset, or late
            return False


def quoted(name: str) -> str:
    """Return a name as MariaDB's SQL has it, in backticks."""
    return "`" + name.replace("`", "``") + "`"
