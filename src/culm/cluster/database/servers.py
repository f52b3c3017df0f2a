"""The database loop: a PostgreSQL or MariaDB server for every DB instance, whatever happens to it."""

from collections.abc import Sequence
from pathlib import Path

from culm.cluster.database.keeper import Keeper, Place
from culm.cluster.database.mariadb import MariaDb
from culm.cluster.database.postgres import Postgres
from culm.cluster.store import rds
from culm.cluster.store.db import Store
from culm.cluster.store.rds import DbInstance


class Databases(Keeper[DbInstance, Postgres | MariaDb]):
    """The servers listen on `addresses`; tasks, on `network`, reach them at `gateway`."""

    def __init__(
        self, store: Store, folder: Path, addresses: Sequence[str], *, gateway: str = "127.0.0.1", network: str
    ) -> None:
        place = Place(folder=folder, addresses=addresses, gateway=gateway, network=network)
        super().__init__("database", store, rds.instances, place)

    def server(self, row: DbInstance) -> Postgres | MariaDb:
        """Return the server of a DB instance, which need not run: its folder, addresses and port."""
        folder, port = self._place.folder / row.identifier, row.endpoint_port or row.port
        if row.wish.engine == "postgres":
            return Postgres(folder, self._place.addresses, port, self._place.network)
        return MariaDb(folder, self._place.addresses, port)

    async def make(self, server: Postgres | MariaDb, row: DbInstance) -> str:
        """Create and start a database with its master user; returns the name of the program."""
        await server.create(row.wish.master_username, row.verifier, row.wish.db_name)
        await server.start()
        return "PostgreSQL" if isinstance(server, Postgres) else "MariaDB"
