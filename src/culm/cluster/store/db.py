"""The state database: one SQLite file, one connection, one transaction at a time.

Operations and the loops' reads and writes are plain functions given a connection; each call is one transaction,
committed before its caller learns the answer. WAL with synchronous=NORMAL: the death of the daemon, at any moment,
loses nothing that was committed; a power cut may lose what was committed since the last checkpoint, and leaves the
rest whole (https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

import asyncio
import contextlib
import errno
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import TypeVar

from culm.cluster.store.sealing import Sealer
from culm.errors import CulmError

T = TypeVar("T")

STATEMENTS = 1024
"""Statements that stay prepared: more than there are."""
MOST_LOG_PAGES = 8192
"""Pages of 4 KiB in the write-ahead log at which a transaction makes a checkpoint itself: `checkpoint` was too late."""


def connect(path: Path | str, sealer: Sealer | None = None) -> sqlite3.Connection:
    """Open (and migrate) the state at `path`; `:memory:` for tests.

    Without a `sealer` nothing secret can be read or written.
    """
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS)
    try:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"PRAGMA wal_autocheckpoint = {MOST_LOG_PAGES}")
        db.execute(f"PRAGMA journal_size_limit = {MOST_LOG_PAGES * 4096}")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute("PRAGMA secure_delete = FAST")  # what was deleted leaves no traces where that costs no writes
        if sealer is not None:
            sealer.attach(db)
        migrate(db)
    except BaseException:
        db.close()
        raise
    return db


def migrate(db: sqlite3.Connection) -> None:
    """Apply the scripts of `store/migrations`, in the order of their names, that this database has not seen.

    Raises CulmError where it has seen one that this version does not have: its rows could mean something else.
    """
    db.execute("CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY) STRICT")
    applied = {row["name"] for row in db.execute("SELECT name FROM migration")}
    scripts = sorted(
        (f for f in resources.files("culm.cluster.store").joinpath("migrations").iterdir() if f.name.endswith(".sql")),
        key=lambda f: f.name,
    )
    if newer := sorted(applied - {script.name for script in scripts}):
        raise CulmError(
            f"this cluster's state was written by a newer version of culm ({newer[-1]})",
            "install that version, or give another folder in CULM_HOME",
        )
    for script in scripts:
        if script.name not in applied:
            mark = f"INSERT INTO migration VALUES ('{script.name}');"
            db.executescript(f"BEGIN IMMEDIATE;\n{script.read_text()}\n{mark}\nCOMMIT;")


def transact(db: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Run `work` in one transaction: committed when it returns, rolled back when it raises.

    A StopIteration becomes a RuntimeError: no future can hold one, and who awaits its thread would wait for ever.
    """
    db.execute("BEGIN")
    try:
        result = work(db)
        db.execute("COMMIT")
    except BaseException as error:
        if db.in_transaction:  # a full disk may have rolled it back by itself
            db.execute("ROLLBACK")
        if isinstance(error, StopIteration):
            raise RuntimeError("a transaction looked for what is not there") from error
        raise
    return result


@contextlib.contextmanager
def savepoint(db: sqlite3.Connection) -> Iterator[None]:
    """Undo what is written inside when it raises, and keep the rest of the transaction."""
    db.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        if db.in_transaction:  # a full disk may have rolled all of it back
            db.execute("ROLLBACK TO part")
            db.execute("RELEASE part")
        raise
    db.execute("RELEASE part")


def disk_is_full(error: Exception) -> bool:
    """Return whether it is the disk that refuses, be it to SQLite or to a file beside it."""
    match error:
        case sqlite3.OperationalError():
            return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        case OSError():
            return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return False


class Store:
    """The one connection that writes, and the one transaction at a time that has it.

    Transactions run where they are asked for, on the event loop: most are brief, and to hand them to a thread costs
    more than they do. Long ones have a thread of the store's own; what comes meanwhile waits for it.
    """

    def __init__(self, state: Path | str | sqlite3.Connection, sealer: Sealer | None = None) -> None:
        """`state`: a file, `:memory:`, or a connection of `connect` that nobody else uses meanwhile."""
        self._file = None if isinstance(state, sqlite3.Connection) or state == ":memory:" else state
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._db = (
            state if isinstance(state, sqlite3.Connection) else self._thread.submit(connect, state, sealer).result()
        )
        self._in_use = threading.Lock()
        """Held for the length of a transaction, by whichever thread runs it."""
        self._checkpointed = self._db.total_changes

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, which takes a few milliseconds at most, in one transaction: here, or behind the one that runs."""
        if not self._in_use.acquire(blocking=False):
            return await self.run_long(work)
        try:
            return transact(self._db, work)
        finally:
            self._in_use.release()

    async def run_long(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction on the store's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    def at_once(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Do what `run` does, for who cannot wait: return None if another transaction runs."""
        if not self._in_use.acquire(blocking=False):
            return None
        try:
            return transact(self._db, work)
        finally:
            self._in_use.release()

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._in_use:
            return transact(self._db, work)

    async def checkpoint(self) -> int:
        """Bring what was committed onto the disk, while transactions go on: it is they that would wait otherwise.

        Returns 0: there is never more to do.
        """
        changes = self._db.total_changes
        if self._file is not None and changes != self._checkpointed:
            await asyncio.to_thread(_checkpoint, self._file)
            self._checkpointed = changes
        return 0

    def close(self) -> None:
        """Close the database after what is running on its thread; a call that comes later fails."""
        self._thread.submit(self._db.close).result()
        self._thread.shutdown()


def _checkpoint(file: Path | str) -> None:
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
