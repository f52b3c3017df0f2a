"""Old images go: every few minutes, when `culm cluster prune` asks, and at the cluster's orderly end.

What stays: whatever a container has, running or not, and the images of each repository that were used last. All the
rest can be pulled from the registry again, whose own blobs follow the repositories.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from culm.cluster.daemon.files import write_owner_only
from culm.cluster.instance.runtime.interface import Pruned, Runtime
from culm.cluster.store.db import Store
from culm.cluster.store.ecr import repositories

PRUNE_EVERY = 300.0
NEWEST = 3
"""Images of a repository that stay though nothing runs them: what a rollback, or a second one, goes back to."""
REPORT = "pruned.json"
"""In the home: what the last pruning took away, for whoever asked for it."""


class Pruning:
    def __init__(self, home: Path, store: Store, runtime: Runtime, registry: str, now: Callable[[], float]) -> None:
        """`registry`: `host:port` of the cluster's own, as its images are named by it."""
        self._home = home
        self._store = store
        self._runtime = runtime
        self._registry = registry
        self._now = now
        self.asked = asyncio.Event()
        """Set: prune now, rather than in a while."""
        self._began = False

    async def step(self) -> int:
        """Prune; but the start of a daemon is no time for it, so the first call does nothing."""
        if self._began:
            await self.prune()
        self._began = True
        return 0

    async def prune(self) -> Pruned:
        """Prune; raise RuntimeFailure when the runtime cannot."""
        names = await self._store.run(lambda db: {each.repository_name for each in repositories.list_all(db)})
        pruned = await self._runtime.prune(self._registry, names, NEWEST)
        report = {
            "at": self._now(),
            "images": pruned.images,
            "environments": pruned.environments,
            "bytes": pruned.bytes,
        }
        write_owner_only(self._home / REPORT, json.dumps(report))
        return pruned
