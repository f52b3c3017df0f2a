"""The snapshot that every decision is made from: what is wanted and what is observed, without verdicts."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from culm.core.model.instances import ContainerInstance
from culm.core.model.record import record
from culm.core.model.services import Service
from culm.core.model.task_definitions import TaskDefinition
from culm.core.model.tasks import Status, Task

TargetState = Literal["none", "initial", "healthy", "unhealthy", "draining"]


@record
class TargetHealth:
    """A task's health as a target: the worst verdict of all its target groups."""

    state: TargetState = "none"
    target_group_arn: str = ""
    """The group whose verdict it is."""
    port: int = 0
    """The target's port on its instance."""
    reason: str = ""
    """What the group says, in its own words: `Request timed out`, `Health checks failed with these codes: [502]`."""


@record
class ClusterState:
    """One cluster at one moment.

    `tasks` holds every task that is not STOPPED, and the kept records of stopped ones: failures are counted from
    those, so that no crash between two writes counts one twice. `decide.records.forgettable` says which may go.
    """

    now: float
    """Epoch seconds."""
    instances: tuple[ContainerInstance, ...] = ()
    tasks: tuple[Task, ...] = ()
    services: tuple[Service, ...] = ()
    task_definitions: Mapping[str, TaskDefinition] = field(default_factory=dict)
    """By ARN; those of the tasks and of the services."""
    unassumable: Mapping[str, str] = field(default_factory=dict)
    """By the ARN of a task definition: that of its role, where ECS cannot assume it; no task is started then."""
    alarms: Mapping[str, float] = field(default_factory=dict)
    """Since when the alarms that deployments hang on are in ALARM, by name; others are absent."""
    target_health: Mapping[str, TargetHealth] = field(default_factory=dict)
    """By task ARN; a task without target groups is absent."""


def group_of(service: Service) -> str:
    """Return the task group of a service's tasks."""
    return f"service:{service.service_name}"


def is_of(task: Task, service: Service) -> bool:
    """Return whether it is a service's task; task sets share a group, and each began its own tasks."""
    if task.group != group_of(service):
        return False
    return not _is_one_of_several(service) or task.started_by in {d.id for d in service.deployments}


def is_gone(task: Task) -> bool:
    """Return whether the task has given back all that it held."""
    return task.last_status in (Status.STOPPED, Status.DELETED)


def tasks_of(service: Service, groups: Mapping[str, list[Task]]) -> list[Task]:
    """Return a service's tasks out of those by group."""
    tasks = groups.get(group_of(service), [])
    return [task for task in tasks if is_of(task, service)] if _is_one_of_several(service) else tasks


def _is_one_of_several(service: Service) -> bool:
    """Return whether others have the same group: a task set's service, which has no tasks of its own, or a task set."""
    return service.task_set is not None or service.deployment_controller == "EXTERNAL"


def tasks_by_group(state: ClusterState) -> Mapping[str, list[Task]]:
    """Return every task of the snapshot by its group, stopped ones too."""
    groups: dict[str, list[Task]] = defaultdict(list)
    for task in state.tasks:
        groups[task.group].append(task)
    return groups
