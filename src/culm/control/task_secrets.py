"""The values of containers' `secrets`, as agents get them when a container starts; nobody keeps them."""

from collections.abc import Mapping
from sqlite3 import Connection

from culm.cloud.ecs.secrets import Unavailable, resolve
from culm.errors import RuntimeFailure
from culm.model.agent import ContainerPayload, TaskPayload
from culm.store.db import Store


class TaskSecrets:
    """Implements `culm.worker.ports.Secrets`."""

    def __init__(self, store: Store, region: str) -> None:
        self._store = store
        self._region = region

    async def __call__(self, task: TaskPayload, container: ContainerPayload) -> Mapping[str, str]:
        if not container.secrets:
            return {}

        def work(db: Connection) -> dict[str, str]:
            return resolve(db, container.secrets, task.execution_role_arn, self._region)

        try:
            return await self._store.run(work)
        except Unavailable as why:
            raise RuntimeFailure("ResourceInitializationError", str(why)) from why
