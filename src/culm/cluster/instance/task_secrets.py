"""The values of containers' `secrets`, as agents get them when a container starts; nobody keeps them."""

from collections.abc import Mapping
from sqlite3 import Connection

from culm.cluster.services.ecs.secrets import Unavailable, resolve
from culm.cluster.store.db import Store
from culm.core.model.agent import ContainerPayload, TaskPayload
from culm.errors import RuntimeFailure


class TaskSecrets:
    """Implements `culm.cluster.instance.interface.Secrets`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(self, task: TaskPayload, container: ContainerPayload) -> Mapping[str, str]:
        if not container.secrets:
            return {}

        def work(db: Connection) -> dict[str, str]:
            return resolve(db, container.secrets, task.execution_role_arn, task.arn)

        try:
            return await self._store.run(work)
        except Unavailable as why:
            raise RuntimeFailure("ResourceInitializationError", str(why)) from why
