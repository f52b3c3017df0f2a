"""Files that a container fetches from S3 for others of its task, read with the task's role; see `render/files.py`."""

import json
from collections.abc import Mapping
from sqlite3 import Connection

from culm.cluster.store.db import Store
from culm.cluster.store.iam import roles
from culm.cluster.store.s3 import bodies, objects
from culm.core.decide.policies import evaluate
from culm.core.decide.policy_documents import parse
from culm.core.model.agent import ContainerPayload, TaskPayload
from culm.core.model.policies import Ask
from culm.core.model.task_definitions import FILES_LABEL
from culm.errors import RuntimeFailure


class TaskFiles:
    """Implements `culm.cluster.instance.interface.Files`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(self, task: TaskPayload, container: ContainerPayload) -> Mapping[str, bytes]:
        label = container.docker_labels.get(FILES_LABEL)
        if label is None:
            return {}
        wanted: dict[str, str] = json.loads(label)

        def work(db: Connection) -> dict[str, bytes]:
            return {path: read(db, uri, task.task_role_arn) for path, uri in wanted.items()}

        return await self._store.run(work)


def read(db: Connection, uri: str, role_arn: str | None) -> bytes:
    """Return what an S3 object holds. Raises RuntimeFailure where it is not there, or the role may not read it."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    own = [parse(document) for document in roles.documents(db, role_arn)] if role_arn else []
    if not evaluate(Ask(action="s3:GetObject", resource=f"arn:aws:s3:::{bucket}/{key}"), own).allowed:
        raise RuntimeFailure("ResourceInitializationError", f"{role_arn} may not read {uri}")
    version = objects.find(db, bucket, key)
    if version is None or version.body_id is None:
        raise RuntimeFailure("ResourceInitializationError", f"{uri} is not there")
    return bodies.read(db, version.body_id, 0, version.facts.size - 1)
