"""The life of tasks and containers: which state follows which, why a task ended, its health.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from collections.abc import Iterable, Iterator, Mapping

from culm.core.model.task_definitions import ContainerRestartPolicy, TaskDefinition
from culm.core.model.tasks import Container, Health, Status, StopCode, Task

KILLED = 137
"""The exit code of what SIGKILL ended."""
TRANSITIONS: Mapping[Status, Mapping[Status, str]] = {
    Status.PROVISIONING: {
        Status.PENDING: "placed on an instance",
        Status.DEPROVISIONING: "stopped before it was placed",
    },
    Status.PENDING: {
        Status.ACTIVATING: "its containers start",
        Status.STOPPING: "stopped while they start",
        Status.STOPPED: "a container could not start",
    },
    Status.ACTIVATING: {
        Status.RUNNING: "every container has started",
        Status.DEACTIVATING: "stopped",
    },
    Status.RUNNING: {
        Status.DEACTIVATING: "stopped",
        Status.STOPPED: "an essential container ended",
    },
    Status.DEACTIVATING: {Status.STOPPING: "its targets have drained"},
    Status.STOPPING: {Status.DEPROVISIONING: "its containers have ended"},
    Status.DEPROVISIONING: {Status.STOPPED: "what it held is given back"},
    Status.STOPPED: {Status.DELETED: "its record is removed"},
    Status.DELETED: {},
}
"""The next states of each, and what brings a task there. A state with nothing to do is passed through unseen."""

ORDER = tuple(TRANSITIONS)


def is_ahead(current: Status, status: Status) -> bool:
    """Return whether a report of `status` is news: a task only ever moves on, so a late report changes nothing."""
    return ORDER.index(status) > ORDER.index(current)


def why_stopped(task: Task, reason: str) -> tuple[StopCode, str]:
    """Return the stop code and reason of a task that ended by itself; `reason` is its agent's, empty for an exit.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
    """
    if reason and task.started_at is None:
        return StopCode.TASK_FAILED_TO_START, reason
    return StopCode.ESSENTIAL_CONTAINER_EXITED, reason or "Essential container in task exited"


def out_of_memory_reason() -> str:
    """Return the `reason` of a container that its memory limit ended (exit code 137)."""
    return "OutOfMemoryError: Container killed due to memory usage"


def unheeded_reason(grace_seconds: int) -> str:
    """Return the `reason` of a container that took no notice of its stop signal and was killed: exit code 137."""
    return (
        f"it did not end within {grace_seconds} s of its stop signal and was killed:"
        " handle SIGTERM in the program, and start the program with `exec` in an entrypoint script"
    )


def health_of(containers: Iterable[Container], definition: TaskDefinition) -> Health:
    """Return the health of the essential containers that have a health check; UNKNOWN where there are none.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html
    """
    checked = {c.name for c in definition.container_definitions if c.essential and c.health_check}
    states = [c.health_status for c in containers if c.name in checked]
    if "UNHEALTHY" in states:
        return "UNHEALTHY"
    if not states or "UNKNOWN" in states:
        return "UNKNOWN"
    return "HEALTHY"


def restarts(policy: ContainerRestartPolicy | None, exit_code: int, ran_seconds: float) -> bool:
    """Return whether a container that ended is started again in its place, within the same task.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-restart-policy.html
    """
    if policy is None or not policy.enabled:
        return False
    return exit_code not in (policy.ignored_exit_codes or ()) and ran_seconds >= policy.restart_attempt_period


def diagram() -> str:
    """Return the transitions as Mermaid; docs/reference/task-lifecycle.md shows it."""
    return "\n".join(["stateDiagram-v2", *_arrows()])


def _arrows() -> Iterator[str]:
    yield f"    [*] --> {ORDER[0]}"
    for status, following in TRANSITIONS.items():
        yield from (f"    {status} --> {after}: {why}" for after, why in following.items())
    yield f"    {ORDER[-1]} --> [*]"
