"""What instances' agents report, kept: the only writer of facts about tasks.

The same for an agent in this process and for one that calls the API.
"""

from collections.abc import Iterable
from dataclasses import replace
from sqlite3 import Connection

from culm.cluster.store.ecs import container_instances, task_credentials, task_definitions, tasks
from culm.core.decide.lifecycle import health_of, is_ahead, why_stopped
from culm.core.model.agent import (
    ContainerStateChange,
    PublishHealth,
    RegisterContainerInstance,
    SubmitTaskStateChange,
)
from culm.core.model.instances import ContainerInstance
from culm.core.model.tasks import Container, Status, StopCode, Task


def register(db: Connection, message: RegisterContainerInstance, arn: str, now: float) -> ContainerInstance:
    """Keep an instance under this ARN; one that was there keeps its state and the time that it joined."""
    there = container_instances.find(db, arn)
    instance = ContainerInstance(
        container_instance_arn=arn,
        ec2_instance_id=message.ec2_instance_id,
        cpu=message.cpu,
        memory=message.memory,
        ports=message.ports,
        attributes=message.attributes,
        registered_at=there.registered_at if there else now,
        address=message.address,
    )
    container_instances.register(db, message.cluster, instance)
    return instance


def task_changed(db: Connection, change: SubmitTaskStateChange, now: float) -> None:
    """Follow an agent's report. What it says of a task that is STOPPED or unknown is old news.

    A report that tells nothing new, such as the first one that the task is PENDING, writes nothing.
    """
    known = tasks.find(db, change.task)
    if known is None or known.last_status == Status.STOPPED:
        return
    task = replace(
        known,
        containers=_containers(known.containers, change.containers),
        pull_started_at=known.pull_started_at or change.pull_started_at,
        pull_stopped_at=known.pull_stopped_at or change.pull_stopped_at,
        execution_stopped_at=change.execution_stopped_at or known.execution_stopped_at,
    )
    match change.status:
        case "RUNNING" if is_ahead(task.last_status, Status.RUNNING):
            task = replace(task, last_status=Status.RUNNING, started_at=now)
        case "STOPPED":
            code, reason = why_stopped(task, change.reason)
            tasks.stop(db, task.task_arn, code, reason, now)
            task_credentials.delete(db, task.task_arn)
            task = replace(
                task,
                last_status=Status.STOPPED,
                stopped_at=now,
                execution_stopped_at=task.execution_stopped_at or now,
                health_status="UNKNOWN",
                containers=tuple(replace(c, last_status="STOPPED") for c in task.containers),
            )
    if task != known:
        tasks.save_facts(db, task)


def container_changed(db: Connection, task_arn: str, change: ContainerStateChange) -> None:
    """Write down what an agent reports of one container; a report about a task that is over changes nothing."""
    task = tasks.find(db, task_arn)
    if task is not None and task.last_status != Status.STOPPED:
        tasks.save_facts(db, replace(task, containers=_containers(task.containers, (change,))))


def health_changed(db: Connection, message: PublishHealth) -> None:
    """Write down the health of containers, and the task's that follows from it."""
    task = tasks.find(db, message.task)
    if task is None or task.last_status == Status.STOPPED:
        return
    by_name = {c.container_name: c.health_status for c in message.containers}
    containers = tuple(replace(c, health_status=by_name.get(c.name, c.health_status)) for c in task.containers)
    definition = task_definitions.find_arn(db, task.task_definition_arn)
    health = health_of(containers, definition) if definition else "UNKNOWN"
    if (health, containers) != (task.health_status, task.containers):
        tasks.save_facts(db, replace(task, containers=containers, health_status=health))


def lost(db: Connection, task: Task, reason: str, now: float) -> None:
    """Stop a task whose instance is gone: nobody will report its end."""
    tasks.stop(db, task.task_arn, StopCode.INFRASTRUCTURE_HEALTH, reason, now)
    tasks.save_facts(db, replace(task, last_status=Status.STOPPED, stopped_at=now))
    task_credentials.delete(db, task.task_arn)


def _containers(known: Iterable[Container], changes: Iterable[ContainerStateChange]) -> tuple[Container, ...]:
    """The changes are applied in their order: one container may have several."""
    by_name = {container.name: container for container in known}
    for change in changes:
        before = by_name.get(change.container_name)
        if before is not None:
            by_name[change.container_name] = replace(
                before,
                last_status=change.status,
                runtime_id=change.runtime_id or before.runtime_id,
                image_digest=change.image_digest or before.image_digest,
                exit_code=change.exit_code,
                reason=change.reason,
                network_bindings=change.network_bindings or before.network_bindings,
            )
    return tuple(by_name.values())
