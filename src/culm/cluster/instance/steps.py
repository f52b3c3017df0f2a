"""What an agent does next for one task: pure, from what shall be and what its runtime shows.

The order is the ECS agent's: a container starts when its dependencies hold, and stops when nothing that depends on it
runs any more. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from culm.cluster.instance import shared_network
from culm.core.decide.lifecycle import restarts
from culm.core.model.agent import ContainerPayload, TaskPayload
from culm.core.model.record import record
from culm.core.model.task_definitions import ContainerDependency
from culm.core.model.tasks import Health


@record
class Progress:
    """One container of a task as it is now."""

    state: Literal["waiting", "starting", "running", "stopping", "stopped"] = "waiting"
    exit_code: int | None = None
    reason: str | None = None
    """Why it could not be started, or what killed it."""
    health: Health = "UNKNOWN"
    ran_seconds: float = 0.0
    """How long it ran, or has been running."""
    attempt: int = 0
    """Restarts by its restart policy so far."""

    @property
    def never_started(self) -> bool:
        return self.state == "waiting" or (self.state == "stopped" and self.reason is not None and not self.ran_seconds)


@record
class Start:
    container: str
    attempt: int = 0


@record
class Stop:
    container: str


@record
class GiveUp:
    """The container can never start, for this reason."""

    container: str
    reason: str


Step = Start | Stop | GiveUp


def next_steps(
    task: TaskPayload, wanted: Literal["RUNNING", "STOPPED"], progress: Mapping[str, Progress], waited_seconds: float
) -> Sequence[Step]:
    """Return what to do next; `progress` is by container name, `waited_seconds` since the agent took the task."""
    if is_ending(task, wanted, progress):
        return [
            Stop(container=c.name)
            for c in task.containers
            if progress[c.name].state == "running"
            and all(progress[other.name].state in ("waiting", "stopped") for other in dependents(task, c.name))
        ]
    steps: list[Step] = []
    held_by = shared_network.holder(task)
    early = held_by is not None and progress[held_by].state in ("waiting", "starting")
    too_early = shared_network.joining(task) if early else frozenset()
    for container in task.containers:
        now = progress[container.name]
        if now.state == "stopped" and _restarts(container, now):
            steps.append(Start(container=container.name, attempt=now.attempt + 1))
        elif now.state == "waiting":
            verdicts = [_verdict(d, progress[d.container_name], task, waited_seconds) for d in container.depends_on]
            broken = next((v for v in verdicts if isinstance(v, str)), None)
            if broken is not None:
                steps.append(GiveUp(container=container.name, reason=broken))
            elif all(verdicts) and container.name not in too_early:
                steps.append(Start(container=container.name))
    return steps


def is_ending(task: TaskPayload, wanted: Literal["RUNNING", "STOPPED"], progress: Mapping[str, Progress]) -> bool:
    """Return whether a task's containers are to stop: it was told to, or an essential one is gone for good."""
    return wanted == "STOPPED" or any(
        progress[c.name].state == "stopped" and c.essential and not _restarts(c, progress[c.name])
        for c in task.containers
    )


def status(
    task: TaskPayload, wanted: Literal["RUNNING", "STOPPED"], progress: Mapping[str, Progress]
) -> Literal["PENDING", "RUNNING", "STOPPED"]:
    """Return what the agent tells of the whole task."""
    states = [progress[c.name].state for c in task.containers]
    if is_ending(task, wanted, progress):
        if all(state in ("waiting", "stopped") for state in states):
            return "STOPPED"
        return "RUNNING" if not any(state == "starting" for state in states) else "PENDING"
    return "RUNNING" if all(state in ("running", "stopping", "stopped") for state in states) else "PENDING"


def dependents(task: TaskPayload, name: str) -> list[ContainerPayload]:
    return [c for c in task.containers if any(d.container_name == name for d in c.depends_on)]


def _restarts(container: ContainerPayload, now: Progress) -> bool:
    return now.exit_code is not None and restarts(container.restart_policy, now.exit_code, now.ran_seconds)


def _verdict(dependency: ContainerDependency, on: Progress, task: TaskPayload, waited_seconds: float) -> bool | str:
    """Return whether the dependency holds; a text says why it never will."""
    name = dependency.container_name
    failed = f"DependencyFailedToStart: container {name} is what it waits for"
    match dependency.condition:
        case "START":
            holds, lost = on.state in ("running", "stopping") or (on.state == "stopped" and not on.never_started), False
        case "COMPLETE":
            holds, lost = on.state == "stopped" and not on.never_started, False
        case "SUCCESS":
            holds, lost = on.state == "stopped" and on.exit_code == 0, on.state == "stopped" and on.exit_code != 0
        case "HEALTHY":
            holds, lost = on.state == "running" and on.health == "HEALTHY", on.state == "stopped"
            if on.state == "running" and on.health == "UNHEALTHY":
                return f"{failed} to be HEALTHY, and it is UNHEALTHY"
    if holds:
        return True
    if lost or (on.state == "stopped" and on.never_started):
        return f"{failed} ({dependency.condition}), and it has ended: {_end(on)}"
    timeout = next(c.start_timeout for c in task.containers if c.name == name)
    if timeout is not None and waited_seconds > timeout:
        return f"{failed} ({dependency.condition}), longer than its startTimeout of {timeout} s"
    return False


def _end(on: Progress) -> str:
    return on.reason or f"exit code {on.exit_code}"
