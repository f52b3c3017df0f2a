"""What replacing a fleet's instances one at a time will do to its services, said before it is done. Pure.

Draining an instance makes ECS move its services' tasks to the others, as far as they have room. A task that finds none
waits for the new instance; meanwhile its service has a task less, or is down. A service that may not have a task less
(minimumHealthyPercent) and finds no room is never moved by ECS: that is found here, not after half an hour.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-instance-draining.html

Example: two instances of 995 MiB, six tasks of 256 MiB. Draining the first leaves no room on the second for any of its
three tasks: their services are down until the new instance has joined. With four tasks, the second takes one of two.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from culm.core.model.record import record
from culm.plan.observed import Described


@record
class Effect:
    """What the replacement of one instance does."""

    instance: str
    """Its EC2 instance id."""
    moves: tuple[str, ...]
    """Services whose tasks move to another instance before this one goes."""
    down: tuple[str, ...]
    """Services that have no task until the new instance has joined."""
    fewer: tuple[str, ...]
    """Services that have a task less until then."""
    blocked: tuple[str, ...]
    """Services that may not have a task less and find no room: draining would never end."""


def effects(
    leaving: Sequence[str],
    instances: Sequence[Described],
    tasks: Sequence[Described],
    services: Mapping[str, Described],
) -> list[Effect]:
    """Return an effect for each EC2 instance id of `leaving`, in their order.

    `instances`, `tasks` and `services` (by name) are as ECS describes them. A new instance registers what the one
    that it replaces did.
    """
    free = {i["ec2InstanceId"]: _amounts(i["remainingResources"]) for i in instances}
    place = {i["containerInstanceArn"]: i["ec2InstanceId"] for i in instances}
    sitting: dict[str, list[Described]] = {name: [] for name in free}
    for task in tasks:
        if task.get("lastStatus") == "RUNNING" and (instance := place.get(task.get("containerInstanceArn", ""))):
            sitting[instance].append(task)
    notes = []
    for instance in leaving:
        moves, down, fewer, blocked = [], [], [], []
        for task in sorted(sitting[instance], key=_memory, reverse=True):
            name = _service(task)
            room = next((other for other in free if other != instance and _fits(task, free[other])), None)
            if room is not None:
                moves.append(name)
                sitting[room].append(task)
                sitting[instance].remove(task)
                free[room] = _less(free[room], task)
            elif not _may_have_one_less(services.get(name)):
                blocked.append(name)
            elif any(name == _service(other) for place in free if place != instance for other in sitting[place]):
                fewer.append(name)
            else:
                down.append(name)
        notes.append(
            Effect(
                instance=instance,
                moves=_names(moves),
                down=_names(down),
                fewer=_names(fewer),
                blocked=_names(blocked),
            )
        )
        # the new one stands in its place, with what could not be moved
        registered = next(_amounts(i["registeredResources"]) for i in instances if i["ec2InstanceId"] == instance)
        for task in sitting[instance]:
            registered = _less(registered, task)
        free[instance] = registered
    return notes


def _service(task: Described) -> str:
    return str(task.get("group", "")).removeprefix("service:")


def _names(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _amounts(resources: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Return MiB of memory and CPU units."""
    by_name = {resource["name"]: resource.get("integerValue", 0) for resource in resources}
    return by_name.get("MEMORY", 0), by_name.get("CPU", 0)


def _memory(task: Described) -> int:
    return int(task.get("memory") or 0)


def _fits(task: Described, free: tuple[int, int]) -> bool:
    return _memory(task) <= free[0] and int(task.get("cpu") or 0) <= free[1]


def _less(free: tuple[int, int], task: Described) -> tuple[int, int]:
    return free[0] - _memory(task), free[1] - int(task.get("cpu") or 0)


def _may_have_one_less(service: Described | None) -> bool:
    if service is None:  # a one-time task: it ends by itself
        return True
    floor = ceil(service["desiredCount"] * service["deploymentConfiguration"]["minimumHealthyPercent"] / 100)
    return bool(service["runningCount"] - 1 >= floor)
