"""What every loop over database servers does: each that is wished for runs, where its row says, whatever happens to it.

Level-triggered: a killed server is started again at the next look; a deleted one loses its data. `servers` and `caches`
say which rows there are and how a server of theirs is made.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from culm.cluster.database.postgres import free_port, is_free
from culm.cluster.loop import Isolated
from culm.cluster.store.db import Store
from culm.cluster.store.servers import ServerFacts, ServerRow, Servers
from culm.core.model.record import record
from culm.errors import CulmError

log = logging.getLogger(__name__)

OWN_PORT_SECONDS = 15.0
"""A server that was killed waits so long for the port that its services know it by, then takes another."""
PORTS_TRIED = 5
"""Another program may take a port between the look and the start; the server then takes the next one."""


class ServerInFolder(Protocol):
    """A server in its folder."""

    port: int

    async def stop(self) -> None: ...
    def running(self) -> bool: ...
    def listening_port(self) -> int | None: ...
    def remove(self) -> None: ...


R = TypeVar("R", bound=ServerRow)
S = TypeVar("S", bound=ServerInFolder)


@record
class Place:
    """Where servers are: their folders, the addresses that they listen on, and where tasks of `network` reach them."""

    folder: Path
    addresses: Sequence[str]
    gateway: str
    network: str


class Keeper(Generic[R, S]):
    """`noun` is what a server is, for the log: `database`."""

    def __init__(self, noun: str, store: Store, rows: Servers[R], place: Place) -> None:
        self._noun = noun
        self._store = store
        self._rows = rows
        self._place = place
        self._isolated = Isolated(noun)
        self._ran: dict[str, float] = {}  # identifier -> when it was last found running, by the monotonic clock

    async def step(self) -> int:
        """Look at every server once; return how many were changed."""
        changed = 0
        for identifier in await self._store.run(self._rows.identifiers):
            with self._isolated.item(identifier):
                changed += await self._look_after(identifier)
        return changed

    async def stop(self) -> None:
        """Stop every server; the data stays."""
        for identifier in await self._store.run(self._rows.identifiers):
            with self._isolated.item(identifier):
                await self._stop(identifier)

    async def _stop(self, identifier: str) -> None:
        row = await self._store.run(lambda db: self._rows.find(db, identifier))
        if row is not None:
            await self.server(row).stop()

    def server(self, row: R) -> S:
        """Return the server of a row."""
        raise NotImplementedError

    async def make(self, server: S, row: R) -> str:
        """Make it unless it is made, start it unless it runs; what it is, for the log."""
        raise NotImplementedError

    async def settled(self, row: R) -> bool:
        """Return whether a server that runs is as its row says."""
        return True

    async def _look_after(self, identifier: str) -> int:
        row = await self._store.run(lambda db: self._rows.find(db, identifier))
        if row is None:
            return 0
        if row.deleting:
            await self._delete(row)
            return 1
        if self._runs(row):
            self._ran[identifier] = time.monotonic()
            if await self.settled(row):
                return 0
        return await self._ensure(row)

    def _runs(self, row: R) -> bool:
        server = self.server(row)
        return (
            row.status == "available"
            and row.endpoint_address == self._place.gateway
            and server.running()
            and server.listening_port() == row.endpoint_port
        )

    async def _ensure(self, row: R) -> int:
        server = self.server(row)
        try:
            if not server.running() and self._waits_for_its_port(row):
                return 0
            if server.running() and row.endpoint_address not in (None, self._place.gateway):
                await server.stop()  # it listens where the tasks of this runtime cannot reach it
            if (port := server.listening_port()) is not None and server.running():
                server.port = port  # a daemon that died before it wrote the port down may have chosen another
            what = await self._make_on_a_free_port(server, row)
        except (CulmError, OSError) as error:
            why = (
                f"{error.what}: {error.hint}".removesuffix(": ")
                if isinstance(error, CulmError)
                else (f"{error.strerror}: {error.filename}")
            )
            if row.status_reason != why:
                log.error("%s %s: %s", self._noun, row.identifier, why)
            facts = ServerFacts(status="failed", reason=why, address=row.endpoint_address, port=row.endpoint_port)
            await self._store.run(self._facts(row, facts))
            return 0
        log.info("%s %s: %s listens on %s:%d", self._noun, row.identifier, what, self._place.gateway, server.port)
        facts = ServerFacts(status="available", reason="", address=self._place.gateway, port=server.port)
        await self._store.run(self._facts(row, facts))
        return 1

    async def _make_on_a_free_port(self, server: S, row: R) -> str:
        """Call `make`, again where another program took the port meanwhile. Raises what the last try raised."""
        wanted = row.endpoint_port or row.port
        for tries_left in reversed(range(PORTS_TRIED)):
            if not server.running():
                server.port = free_port(self._place.addresses[0], wanted)
            try:
                return await self.make(server, row)
            except (CulmError, OSError):
                if tries_left == 0 or server.running() or is_free(self._place.addresses[0], server.port):
                    raise
        raise AssertionError("the last try returns or raises")

    def _waits_for_its_port(self, row: R) -> bool:
        """Return whether to wait for its port: it is taken, but the server ran a moment ago, so it may be free soon."""
        wanted = row.endpoint_port
        if wanted is None or time.monotonic() - self._ran.get(row.identifier, float("-inf")) > OWN_PORT_SECONDS:
            return False
        return not is_free(self._place.addresses[0], wanted)

    async def _delete(self, row: R) -> None:
        server = self.server(row)
        await server.stop()
        server.remove()
        await self._store.run(lambda db: self._rows.delete(db, row.identifier))

    def _facts(self, row: R, facts: ServerFacts) -> Callable[[sqlite3.Connection], None]:
        return lambda db: self._rows.write_facts(db, row.identifier, facts)
