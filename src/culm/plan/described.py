"""A cluster as the scheduler sees it, from what ECS describes of it."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from culm.core.decide.ledger import need_of
from culm.core.decide.state import ClusterState, is_gone
from culm.core.model.instances import ContainerInstance
from culm.core.model.services import Service
from culm.core.model.task_definitions import TaskDefinition
from culm.core.model.tasks import Task

T = TypeVar("T")
Described = Mapping[str, Any]

FREE_TEXT = frozenset({"options", "dockerLabels"})
"""Members whose keys are the user's own words."""


def cluster_state(
    now: float,
    instances: Iterable[Described],
    tasks: Iterable[Described],
    services: Iterable[Described],
    task_definitions: Iterable[Described],
) -> ClusterState:
    """Return the cluster as AWS describes it, by its container instances, tasks, services and task definitions.

    What an instance says remains is believed: memory that no known task holds is taken off what it registered.
    """
    definitions = {d.task_definition_arn: d for d in (task_definition(each) for each in task_definitions)}
    known = [task for task in (_task(each) for each in tasks) if not is_gone(task)]
    held: dict[str, list[Task]] = {}
    for task in known:
        held.setdefault(task.container_instance_arn or "", []).append(task)
    return ClusterState(
        now=now,
        instances=tuple(_instance(each, held.get(each["containerInstanceArn"], ()), definitions) for each in instances),
        tasks=tuple(known),
        services=tuple(service(each) for each in services),
        task_definitions=definitions,
    )


def task_definition(described: Described) -> TaskDefinition:
    return to(TaskDefinition, described)


def to(record: type[T], described: Described) -> T:
    """Return one record from its description; members that the record lacks do not matter to the scheduler."""
    return msgspec.convert(_snake(described), record, strict=False)


def resource(described: Described, name: str, *, of: str = "registeredResources") -> int:
    """Return the MiB or CPU units of an instance, registered or remaining."""
    return sum(int(r.get("integerValue", 0)) for r in described.get(of, ()) if r["name"] == name)


def service(described: Described) -> Service:
    """Return a service. One that CodeDeploy deploys has task sets and no deployments, as an EXTERNAL one."""
    controller = described.get("deploymentController", {}).get("type", "ECS")
    return to(Service, {**described, "deploymentController": "ECS" if controller == "ECS" else "EXTERNAL"})


def _task(described: Described) -> Task:
    """Read a task as ECS describes it, without its containers: only its agent needs those."""
    return to(Task, {key: value for key, value in described.items() if key != "containers"})


def _instance(
    described: Described, tasks: Iterable[Task], definitions: Mapping[str, TaskDefinition]
) -> ContainerInstance:
    needs = [need_of(definitions[t.task_definition_arn], t.overrides) for t in tasks]
    counted = {
        "cpu": resource(described, "CPU", of="remainingResources") + sum(need.cpu for need in needs),
        "memory": resource(described, "MEMORY", of="remainingResources") + sum(need.memory for need in needs),
        "ports": _ports(described, "PORTS"),
        "portsUdp": _ports(described, "PORTS_UDP"),
    }
    return to(ContainerInstance, {**described, **counted})


def _ports(described: Described, name: str) -> tuple[int, ...]:
    registered = (r for r in described.get("registeredResources", ()) if r["name"] == name)
    return tuple(int(port) for r in registered for port in r.get("stringSetValue", ()))


def _snake(value: Any) -> Any:
    match value:
        case Mapping():
            return {
                re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower(): inner if key in FREE_TEXT else _snake(inner)
                for key, inner in value.items()
            }
        case list() | tuple():
            return [_snake(inner) for inner in value]
        case datetime():
            return value.timestamp()
        case _:
            return value
