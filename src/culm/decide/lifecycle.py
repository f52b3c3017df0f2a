"""How tasks and containers live: which state follows which, whose end is the task's end, who waits for whom.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from collections.abc import Iterable, Mapping, Sequence

from culm.model.task_definitions import ContainerDefinition, ContainerRestartPolicy, TaskDefinition
from culm.model.tasks import Container, Health, Status, StopCode, Task

TRANSITIONS: Mapping[Status, Mapping[Status, str]] = {
    Status.PROVISIONING: {
        Status.PENDING: "what the task needs beside its containers is there",
        Status.DEPROVISIONING: "stopped before it had a container",
    },
    Status.PENDING: {
        Status.ACTIVATING: "every container has started",
        Status.STOPPING: "stopped while its containers start",
        Status.DEPROVISIONING: "a container could not start",
    },
    Status.ACTIVATING: {
        Status.RUNNING: "its targets are registered",
        Status.DEACTIVATING: "stopped, or an essential container ended",
    },
    Status.RUNNING: {Status.DEACTIVATING: "stopped, or an essential container ended"},
    Status.DEACTIVATING: {Status.STOPPING: "its targets have drained"},
    Status.STOPPING: {Status.DEPROVISIONING: "every container has ended"},
    Status.DEPROVISIONING: {Status.STOPPED: "what it held is given back"},
    Status.STOPPED: {Status.DELETED: "its record is removed"},
    Status.DELETED: {},
}
"""The next states of each, and what brings a task there."""

ORDER = tuple(TRANSITIONS)


def is_ahead(current: Status, status: Status) -> bool:
    """Whether a report of `status` is news: a task only ever moves on, so a late report changes nothing."""
    return ORDER.index(status) > ORDER.index(current)


def is_stopping(task: Task) -> bool:
    """Whether the task has been told to end, or ends by itself."""
    return task.desired_status == "STOPPED" or is_ahead(Status.RUNNING, task.last_status)


def task_status(containers: Sequence[Container], definition: TaskDefinition) -> Status:
    """The status that the containers' own give their task: PENDING, RUNNING, or STOPPED when all have ended."""
    if all(c.last_status == "STOPPED" for c in containers):
        return Status.STOPPED
    essential = {c.name for c in definition.container_definitions if c.essential}
    started = (
        c.last_status == "RUNNING" or (c.last_status == "STOPPED" and c.name not in essential) for c in containers
    )
    return Status.RUNNING if all(started) else Status.PENDING


def essential_exit(containers: Sequence[Container], definition: TaskDefinition) -> Container | None:
    """The essential container whose end ends the task, if one has."""
    essential = {c.name for c in definition.container_definitions if c.essential}
    return next((c for c in containers if c.name in essential and c.last_status == "STOPPED"), None)


def stop_of(containers: Sequence[Container], definition: TaskDefinition) -> tuple[StopCode, str] | None:
    """The stop code and reason of a task that ends by itself; None while nothing ends it.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
    """
    ended = essential_exit(containers, definition)
    if ended is None:
        return None
    if ended.exit_code is None:
        return StopCode.TASK_FAILED_TO_START, ended.reason or "Task failed to start"
    return StopCode.ESSENTIAL_CONTAINER_EXITED, "Essential container in task exited"


def out_of_memory_reason() -> str:
    """What a container's `reason` says when its memory limit ended it; its exit code is 137."""
    return "OutOfMemoryError: Container killed due to memory usage"


def health_of(containers: Iterable[Container], definition: TaskDefinition) -> Health:
    """A task is as healthy as its essential containers that have a health check; without any it is UNKNOWN.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html
    """
    checked = {c.name for c in definition.container_definitions if c.essential and c.health_check}
    states = [c.health_status for c in containers if c.name in checked]
    if "UNHEALTHY" in states:
        return "UNHEALTHY"
    if not states or "UNKNOWN" in states:
        return "UNKNOWN"
    return "HEALTHY"


def may_start(container: ContainerDefinition, others: Mapping[str, Container]) -> bool:
    """Whether what the container depends on has come as far as its conditions ask."""
    return all(_is_met(d.condition, others[d.container_name]) for d in container.depends_on or ())


def never_starts(container: ContainerDefinition, others: Mapping[str, Container]) -> str | None:
    """Why a dependency can no more be met, if so: the container, and with it the task, fails."""
    for dependency in container.depends_on or ():
        other = others[dependency.container_name]
        if other.last_status != "STOPPED" or _is_met(dependency.condition, other):
            continue
        return (
            f"dependency {other.name} of container {container.name} ended with exit code {other.exit_code}: "
            f"it never becomes {dependency.condition}"
        )
    return None


def _is_met(condition: str, other: Container) -> bool:
    match condition:
        case "START":
            return other.last_status in ("RUNNING", "STOPPED")
        case "COMPLETE":
            return other.last_status == "STOPPED" and other.exit_code is not None
        case "SUCCESS":
            return other.last_status == "STOPPED" and other.exit_code == 0
        case _:
            return other.last_status == "RUNNING" and other.health_status == "HEALTHY"


def start_order(definition: TaskDefinition) -> list[ContainerDefinition]:
    """The containers, each after those that it depends on; stopping goes the other way round.

    Raises ValueError where they wait for each other in a circle.
    """
    by_name = {c.name: c for c in definition.container_definitions}
    ordered: dict[str, ContainerDefinition] = {}

    def visit(container: ContainerDefinition, path: tuple[str, ...]) -> None:
        if container.name in path:
            raise ValueError(f"containers wait for each other: {' -> '.join((*path, container.name))}")
        if container.name in ordered:
            return
        for dependency in container.depends_on or ():
            visit(by_name[dependency.container_name], (*path, container.name))
        ordered[container.name] = container

    for container in definition.container_definitions:
        visit(container, ())
    return list(ordered.values())


def restarts(policy: ContainerRestartPolicy | None, exit_code: int, ran_seconds: float) -> bool:
    """Whether a container that ended is started again in its place, within the same task.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-restart-policy.html
    """
    if policy is None or not policy.enabled:
        return False
    return exit_code not in policy.ignored_exit_codes and ran_seconds >= policy.restart_attempt_period
