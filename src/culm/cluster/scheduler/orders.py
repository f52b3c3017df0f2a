"""What an instance's agent is to be told, read from the rows."""

from collections.abc import Sequence
from sqlite3 import Connection

from culm.cluster.scheduler import identities
from culm.cluster.scheduler.images import digest_of, to_pull
from culm.cluster.scheduler.payloads import payload
from culm.cluster.services.ecs import service_connect
from culm.cluster.store.ecs import deployments, task_definitions, tasks
from culm.cluster.wire.keyring import Keyring
from culm.core.model.agent import (
    IAMRoleCredentialsMessage,
    PayloadMessage,
    TaskManifestMessage,
    TaskPayload,
    ToAgent,
)
from culm.core.model.record import record
from culm.core.model.task_definitions import ContainerDefinition, TaskDefinition
from culm.core.model.tasks import Task


@record
class Issuer:
    """What orders are made with."""

    registry: str
    """`host:port` of the local registry as the runtime reaches it."""
    keys: Keyring
    """Makes the keys of tasks."""
    now: float


def orders(db: Connection, wanted: Sequence[tuple[str, str]], issuer: Issuer) -> list[ToAgent]:
    """Return the messages that tell an agent to have these tasks RUNNING or STOPPED.

    Credentials come before their tasks.
    """
    messages: list[ToAgent] = []
    payloads: list[TaskPayload] = []
    for arn, desired in wanted:
        if desired == "STOPPED":
            payloads.insert(0, TaskPayload(arn=arn, desired_status="STOPPED"))
            continue
        task = tasks.find(db, arn)
        definition = task_definitions.find_arn(db, task.task_definition_arn) if task else None
        if task is None or definition is None:
            continue
        messages.append(credentials(db, task, definition, issuer))
        images, names = _images(db, task, definition, issuer), service_connect.names(db, task)
        payloads.append(payload(task, definition, images, names))
    return [*messages, PayloadMessage(tasks=tuple(payloads))] if payloads else messages


def together(messages: Sequence[ToAgent]) -> list[ToAgent]:
    """Return the same with one payload at the end, stops before starts: an agent frees room before it takes some."""
    payloads = [task for message in messages if isinstance(message, PayloadMessage) for task in message.tasks]
    payloads.sort(key=lambda task: task.desired_status != "STOPPED")
    others: list[ToAgent] = [message for message in messages if not isinstance(message, PayloadMessage)]
    return [*others, PayloadMessage(tasks=tuple(payloads))] if payloads else others


def introduction(db: Connection, container_instance_arn: str, issuer: Issuer) -> list[ToAgent]:
    """Return what an agent that just connected has to know: credentials of what runs there, and the manifest."""
    messages: list[ToAgent] = []
    running = "container_instance_arn = ? AND last_status != 'STOPPED'"
    live = list(tasks.select(db, running, (container_instance_arn,)))
    for task in live:
        definition = task_definitions.find_arn(db, task.task_definition_arn)
        if definition is not None:
            messages.append(credentials(db, task, definition, issuer))
    return [*messages, TaskManifestMessage(task_arns=tuple(task.task_arn for task in live))]


def credentials(db: Connection, task: Task, definition: TaskDefinition, issuer: Issuer) -> IAMRoleCredentialsMessage:
    return IAMRoleCredentialsMessage(
        task_arn=task.task_arn,
        role_credentials=identities.credentials_of(db, task, definition, issuer.keys, issuer.now),
    )


def _images(db: Connection, task: Task, definition: TaskDefinition, issuer: Issuer) -> dict[str, str]:
    """Return the images of a deployment, pinned by its first task so that tags mean the same for all its tasks."""
    deployment = deployments.find(db, task.started_by or "")
    pinned = dict(deployment.digests) if deployment else {}
    images: dict[str, str] = {}
    for container in definition.container_definitions:
        digest = pinned.get(container.name) or digest_of(db, container.image)
        if digest is not None and _is_consistent(container):
            pinned[container.name] = digest
        images[container.name] = to_pull(db, container.image, digest, issuer.registry)
    if deployment is not None and pinned != deployment.digests:
        deployments.pin(db, deployment.deployment.id, pinned)
    return images


def _is_consistent(container: ContainerDefinition) -> bool:
    return container.version_consistency != "disabled"
