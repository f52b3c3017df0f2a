"""The database loop: a PostgreSQL server for every DB instance, whatever happens to it."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from culm.cluster.database.postgres import Postgres, free_port
from culm.cluster.loop import Isolated
from culm.cluster.store import rds
from culm.cluster.store.db import Store
from culm.cluster.store.rds import DbInstance
from culm.errors import CulmError

log = logging.getLogger(__name__)


class Databases:
    """Level-triggered: a killed server is started again at the next look; a deleted instance loses its data.

    The servers listen on `addresses`; tasks, on `network`, reach them at `gateway`.
    """

    def __init__(
        self, store: Store, folder: Path, addresses: Sequence[str], *, gateway: str = "127.0.0.1", network: str
    ) -> None:
        self._store = store
        self._folder = folder
        self._addresses = addresses
        self._gateway = gateway
        self._network = network
        self._isolated = Isolated("database")

    async def step(self) -> int:
        """One look at every DB instance; how many were changed."""
        changed = 0
        for identifier in await self._store.run(rds.identifiers):
            with self._isolated.item(identifier):
                changed += await self._look_after(identifier)
        return changed

    async def _look_after(self, identifier: str) -> int:
        instance = await self._store.run(lambda db: rds.find(db, identifier))
        if instance is None:
            return 0
        if instance.deleting:
            await self._delete(instance)
            return 1
        return 0 if self._as_wished(instance) else await self._ensure(instance)

    async def stop(self) -> None:
        """Stop every server; the data stays."""
        for instance in await self._store.run(rds.every):
            with self._isolated.item(instance.identifier):
                await self._server(instance).stop()

    def _as_wished(self, instance: DbInstance) -> bool:
        server = self._server(instance)
        return (
            instance.status == "available"
            and instance.endpoint_address == self._gateway
            and server.running()
            and server.listening_port() == instance.endpoint_port
        )

    async def _ensure(self, instance: DbInstance) -> int:
        server = self._server(instance)
        try:
            if server.running() and instance.endpoint_address not in (None, self._gateway):
                await server.stop()  # it listens where the tasks of this runtime cannot reach it
            if not server.running():
                server.port = free_port(self._addresses[0], instance.endpoint_port or instance.port)
            elif (port := server.listening_port()) is not None:
                server.port = port  # a daemon that died before it wrote the port down may have chosen another
            await server.create(instance.wish.master_username, instance.verifier, instance.wish.db_name)
            await server.start()
        except (CulmError, OSError) as error:
            why = error.what if isinstance(error, CulmError) else f"{error.strerror}: {error.filename}"
            if instance.status_reason != why:
                log.error("database %s: %s", instance.identifier, why)
            await self._store.run(
                self._facts(instance, "failed", why, instance.endpoint_address, instance.endpoint_port)
            )
            return 0
        log.info("database %s: PostgreSQL listens on %s:%d", instance.identifier, self._gateway, server.port)
        await self._store.run(self._facts(instance, "available", "", self._gateway, server.port))
        return 1

    async def _delete(self, instance: DbInstance) -> None:
        server = self._server(instance)
        await server.stop()
        server.remove()
        await self._store.run(lambda db: rds.delete(db, instance.identifier))

    def _server(self, instance: DbInstance) -> Postgres:
        port = instance.endpoint_port or instance.port
        return Postgres(self._folder / instance.identifier, self._addresses, port, self._network)

    def _facts(
        self, instance: DbInstance, status: str, reason: str, address: str | None, port: int | None
    ) -> Callable[..., None]:
        return lambda db: rds.write_facts(
            db, instance.identifier, status=status, reason=reason, address=address, port=port
        )
