"""The loop that makes ECS's wishes true: observe, decide, write down, tell the agents; until nothing is left to do.

Deciding and writing down is one transaction, so no wish can change in between; what agents are told comes after it,
from the rows. A crash anywhere is healed by the next look.
"""

from collections.abc import Callable
from sqlite3 import Connection

from culm.control import registrations
from culm.control.agents import Agents
from culm.control.apply import apply
from culm.control.observe import observe
from culm.decide.schedule import schedule
from culm.store.db import Store
from culm.store.ecs import clusters

EVERY = 1.0
"""Seconds between looks when nothing happens: grace periods, back-offs and the 40 s rule pass by themselves."""


class Reconciler:
    def __init__(self, store: Store, agents: Agents, *, now: Callable[[], float], new_id: Callable[[], str]) -> None:
        self._store = store
        self._agents = agents
        self._now = now
        self._new_id = new_id

    async def step(self) -> int:
        """One look at every cluster; returns how much was done."""
        done = await self._store.run(self.decide)
        done += await self._agents.order()
        await self._agents.renew_credentials()
        return done

    def decide(self, db: Connection) -> int:
        """Everything that can be decided now, written down."""
        return sum(self._decide_cluster(db, cluster.name) for cluster in clusters.list(db))

    def _decide_cluster(self, db: Connection, cluster: str) -> int:
        now = self._now()
        done = registrations.register(db, cluster, now, self._new_id)
        state = observe(db, cluster, now)
        actions = schedule(state)
        apply(db, state, actions, self._new_id)
        return done + len(actions) + registrations.deregister(db, cluster, now, self._new_id)
