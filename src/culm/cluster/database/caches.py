"""The cache loop: a Valkey or Redis server for every replication group, with the users of its user groups."""

from culm.cluster.database.keeper import Keeper, Place
from culm.cluster.database.valkey import Valkey, program
from culm.cluster.store import caches
from culm.cluster.store.caches import ReplicationGroup
from culm.cluster.store.db import Store


class Caches(Keeper[ReplicationGroup, Valkey]):
    def __init__(self, store: Store, place: Place) -> None:
        super().__init__("cache", store, caches.groups, place)
        self._admitted: dict[str, str] = {}
        """Users by server, as it has read them; a new daemon lets each server read them once more."""

    def server(self, row: ReplicationGroup) -> Valkey:
        """Return the server of a cache, which need not run: its folder, addresses and port."""
        folder, port = self._place.folder / row.identifier, row.endpoint_port or row.port
        return Valkey(folder, self._place.addresses, port)

    async def make(self, server: Valkey, row: ReplicationGroup) -> str:
        """Create and start a cache with its users; returns the name of the program."""
        users = await self._users(row)
        await server.create(users)
        await server.start(row.wish.engine)
        await server.admit(users)
        self._admitted[row.identifier] = users
        return program(row.wish.engine).name

    async def settled(self, row: ReplicationGroup) -> bool:
        """Return whether the server knows the users that are wished."""
        return self._admitted.get(row.identifier) == await self._users(row)

    async def _users(self, row: ReplicationGroup) -> str:
        """Return the lines of an ACL file, with digests in place of passwords."""
        users = await self._store.run(lambda db: caches.users_of(db, row.wish.user_groups))
        return "".join(
            f"user {user.name} {user.access_string} {' '.join(f'#{digest}' for digest in user.digests)}\n"
            for user in users
            if user.digests
        )
