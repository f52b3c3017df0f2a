"""Previews that nobody asks: what they hold, and what would be cheaper without them. Pure.

A preview is idle when all its services were measured for a day, and the load balancer sent none of them a request. It
costs nothing by itself, so what it saves is a smaller fleet, or else room for other tasks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from culm.core.model.record import record
from culm.plan.advised import Peaks
from culm.plan.observed import Described, Survey
from culm.project.previews import preview_of


@record
class IdlePreview:
    name: str
    services: tuple[str, ...]
    """As ECS has them: `pr-42--accounts`."""
    memory: int
    """MiB that its tasks reserve."""
    hours: float
    """In how many hours at least nobody asked any of its services."""


def idle_previews(survey: Survey, peaks: Peaks) -> list[IdlePreview]:
    """Return the previews that nobody asked for a day or more, by name; those without tasks hold nothing."""
    previews: dict[str, list[Described]] = {}
    for service in survey.services:
        if (name := preview_of(service["serviceName"])) is not None:
            previews.setdefault(name, []).append(service)
    definitions = {each["taskDefinitionArn"]: each for each in survey.task_definitions}
    idle = []
    for name, services in sorted(previews.items()):
        measured = [peaks.enough(each["serviceName"]) for each in services]
        known = [each for each in measured if each is not None and each.requests is not None]
        memory = sum(int(each["desiredCount"]) * reserved(definitions[each["taskDefinition"]]) for each in services)
        if len(known) == len(services) and not any(each.requests for each in known) and memory:
            names = tuple(each["serviceName"] for each in services)
            hours = min(each.hours for each in known)
            idle.append(IdlePreview(name=name, services=names, memory=memory, hours=hours))
    return idle


def reserved(definition: Described) -> int:
    """Return the MiB that a task of a described definition reserves on its instance."""
    containers: Sequence[Mapping[str, int]] = definition["containerDefinitions"]
    return sum(int(each.get("memoryReservation") or each.get("memory") or 0) for each in containers)


def without(survey: Survey, services: Sequence[str]) -> Survey:
    """Return the survey as if these services were not there."""
    return replace(survey, services=[each for each in survey.services if each["serviceName"] not in services])
