"""Availability Zone rebalancing: move one task at a time from the fullest zone to the emptiest, the new one first.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html
"""

from collections import Counter
from collections.abc import Mapping, Set

from culm.core.decide.ledger import Fleet, Node, need_of
from culm.core.decide.placement import PlacementRequest, objection
from culm.core.decide.state import group_of
from culm.core.model.services import Service
from culm.core.model.task_definitions import PlacementStrategy, TaskDefinition
from culm.core.model.tasks import Task

ZONE = "ecs.availability-zone"
BALANCED = 1
"""Zones whose numbers of tasks differ by no more are as even as can be."""


def is_spread(strategies: tuple[PlacementStrategy, ...]) -> bool:
    """Return whether tasks are spread over zones first, as without a strategy: ECS rebalances only these services."""
    first = strategies[0] if strategies else None
    return first is None or (first.type == "spread" and (first.field or "").removeprefix("attribute:") == ZONE)


def counts(tasks: tuple[Task, ...], fleet: Fleet) -> Mapping[str, int]:
    """Return the number of tasks by zone, sorted by name; every zone with an ACTIVE instance is in it."""
    cells = fleet.shared.cells((ZONE,))  # found out once for all services
    by_zone = Counter({zone_of(cell[0]): 0 for cell in cells if any(node.absent is None for node in cell)})
    for task in tasks:
        if (node := fleet.nodes.get(task.container_instance_arn or "")) is not None:
            by_zone[zone_of(node)] += 1
    return dict(sorted(by_zone.items()))


def zone_of(node: Node) -> str:
    return node.attributes.get(ZONE) or ""


def to_move(
    service: Service, definition: TaskDefinition, kept: tuple[Task, ...], healthy: Set[str], fleet: Fleet
) -> Task | None:
    """Return the task to replace by one in an emptier zone; None when zones are even or nothing can move there.

    It stays the same task while its replacement starts; once that is healthy, there is one task too many.
    """
    healthy_tasks = tuple(task for task in kept if task.task_arn in healthy)
    by_zone = counts(healthy_tasks, fleet)
    if not by_zone or max(by_zone.values()) - min(by_zone.values()) <= BALANCED:
        return None
    low = [zone for zone, count in by_zone.items() if count == min(by_zone.values())]
    newcomers = [fleet.nodes.get(t.container_instance_arn or "") for t in kept if t.task_arn not in healthy]
    if newcomers:
        comes = len(kept) == service.desired_count + 1 and all(n is not None and zone_of(n) in low for n in newcomers)
        if not comes:
            return None
    elif len(kept) != service.desired_count or not _room(service, definition, low, fleet):
        return None
    high = next(zone for zone, count in by_zone.items() if count == max(by_zone.values()))
    return [task for task in healthy_tasks if zone_of(fleet[task.container_instance_arn or ""]) == high][-1]


def _room(service: Service, definition: TaskDefinition, zones: list[str], fleet: Fleet) -> bool:
    request = PlacementRequest(
        need=need_of(definition),
        group=group_of(service),
        constraints=(*definition.placement_constraints, *service.placement_constraints),
    )
    return any(zone_of(node) in zones and objection(request, node) is None for node in fleet)
