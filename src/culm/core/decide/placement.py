"""Place a task: what fits -> constraints -> strategies -> choice. Also, which task scale-in stops first.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement.html
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from culm.core.decide import query
from culm.core.decide.ledger import Fleet, Need, Node, Nodes
from culm.core.decide.ranking import Ranking
from culm.core.model.record import record
from culm.core.model.task_definitions import PlacementConstraint, PlacementStrategy

Chance = Callable[[str], float]
"""A number in [0, 1) for a text: the `random` strategy's dice. Equal texts give equal numbers."""


def chance_of(text: str) -> float:
    """Return the source of chance that cluster and planner share, so that a plan places tasks as the cluster will."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest()) / 2**48


@record
class Placed:
    container_instance_arn: str


@record
class Unplaceable:
    """No instance can take the task. `reasons`: instance ARN -> reason in RunTask's words (`RESOURCE:MEMORY`)."""

    reasons: Mapping[str, str]


def refusal(need: Need, node: Node) -> str | None:
    """Return why the instance cannot take the task, constraints aside, as RunTask's `failures` say it; None if it can.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
    """
    if node.absent is not None:
        return node.absent
    if need.attributes and not node.attributes.keys() >= set(need.attributes):
        return "ATTRIBUTE"
    if node.cpu < need.cpu:
        return "RESOURCE:CPU"
    if node.memory < need.memory:
        return "RESOURCE:MEMORY"
    if need.ports and not node.ports.isdisjoint(need.ports):
        return "RESOURCE:PORTS"
    if need.ports_udp and not node.ports_udp.isdisjoint(need.ports_udp):
        return "RESOURCE:PORTS"
    return None


@record
class PlacementRequest:
    """What is to be placed: tasks with the same needs, group, constraints and strategies."""

    need: Need
    group: str
    """`service:NAME` or the task group of RunTask; what `spread` counts."""
    constraints: tuple[PlacementConstraint, ...] = ()
    """The task definition's and the caller's; all must hold."""
    strategies: tuple[PlacementStrategy, ...] = ()
    """In this order; the next decides between those that are equal for the one before."""


SERVICE_DEFAULT = (PlacementStrategy(type="spread", field="attribute:ecs.availability-zone"),)
"""What a service without strategies gets."""
TASK_DEFAULT = (PlacementStrategy(type="random"),)
"""What RunTask without strategies gets."""


def place(request: PlacementRequest, fleet: Fleet, chance: Chance = chance_of) -> Placed | Unplaceable:
    """Choose an instance for one task, and take the room in the fleet."""
    return Chooser(request, fleet, chance).place()


def objection(request: PlacementRequest, node: Node) -> str | None:
    """Return why the instance cannot take the task, constraints included; None if it can."""
    if why := refusal(request.need, node):
        return why
    for constraint in request.constraints:
        if constraint.type == "distinctInstance":
            if node.groups.get(request.group):
                return "DistinctInstance placement constraint unsatisfied."
        elif not query.matches(constraint.expression or "", node):
            return "MemberOf placement constraint unsatisfied."
    return None


class Chooser:
    """Places tasks of one kind, one after the other, looking again only at what the last one changed.

    No other placement may change the fleet while a chooser is in use.
    """

    def __init__(self, request: PlacementRequest, fleet: Fleet, chance: Chance = chance_of) -> None:
        self._request = request
        self._fleet = fleet
        self._chance = chance
        self._moving = any(c.expression and query.counts_tasks(c.expression) for c in request.constraints)
        self._ranking = self._rank()

    def place(self) -> Placed | Unplaceable:
        """Choose an instance for one task more and take its room, or say why none is able."""
        node = self._ranking.best()
        if node is None:
            return Unplaceable(reasons=self._reasons())
        self._fleet.take(node, self._request.need, self._request.group)
        if self._moving:  # an expression over tasks may let in what it kept out before
            self._ranking = self._rank()
        else:
            self._ranking.moved(node, +1)
        return Placed(container_instance_arn=node.arn)

    def _reasons(self) -> dict[str, str]:
        request, nodes = self._request, self._fleet.nodes.items()
        if request.constraints:
            return {arn: objection(request, node) or "" for arn, node in nodes}
        return {arn: refusal(request.need, node) or "" for arn, node in nodes}

    def _rank(self) -> Ranking:
        request = self._request
        return Ranking(
            self._fleet.shared,
            request.strategies,
            request.group,
            holders=self._fleet.holders(request.group),
            able=self._able(),
            chance=self._chance,
        )

    def _able(self) -> Callable[[Node], bool]:
        request, need = self._request, self._request.need
        if request.constraints:
            return lambda node: objection(request, node) is None
        if not (need.attributes or need.ports or need.ports_udp):  # asked for each task on each instance: be brief
            cpu, memory = need.cpu, need.memory
            return lambda node: node.absent is None and node.cpu >= cpu and node.memory >= memory
        return lambda node: refusal(need, node) is None


@record
class Sitting:
    """A task that scale-in may stop, and the room that it gives back."""

    task_arn: str
    container_instance_arn: str
    need: Need


def leaving_order(
    tasks: Sequence[Sitting],
    group: str,
    strategies: Sequence[PlacementStrategy],
    fleet: Fleet,
    chance: Chance = chance_of,
) -> list[str]:
    """Return the ARNs of `tasks`, newest last, in the order in which scale-in stops them; the fleet is left as it is.

    `spread` takes from where most of the group's tasks are, `binpack` where most room is left afterwards.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-strategies.html
    """
    order = [t.task_arn for t in tasks if t.container_instance_arn not in fleet.nodes]
    sitting: dict[str, list[Sitting]] = {}
    for task in tasks:
        if task.container_instance_arn in fleet.nodes:
            sitting.setdefault(task.container_instance_arn, []).append(task)
    ranking = Ranking(
        Nodes(fleet[arn].copy() for arn in sitting),
        strategies,
        group,
        holders=fleet.holders(group),
        able=lambda node: bool(sitting[node.arn]),
        chance=chance,
        backwards=True,
    )
    while node := ranking.best():
        leaver = sitting[node.arn].pop()
        order.append(leaver.task_arn)
        node.give_back(leaver.need, group)
        ranking.moved(node, -1)
    return order


NEARNESS = {"RESOURCE:PORTS": 0, "RESOURCE:MEMORY": 1, "RESOURCE:CPU": 2}


def closest(reasons: Mapping[str, str], fleet: Fleet) -> tuple[str | None, str]:
    """Return the instance that came nearest to taking the task (the one with most room), and what it lacked.

    The instance is None when none is ACTIVE.
    """
    nodes = fleet.nodes
    lacking = [
        (NEARNESS[why], -node.memory, node.place, arn)
        for arn, why in reasons.items()
        if why in NEARNESS
        for node in (nodes[arn],)
    ]
    if lacking:
        _, _, _, arn = min(lacking)
        return arn, reasons[arn]
    active = [arn for arn in reasons if fleet[arn].instance.status == "ACTIVE"]
    return (active[0], reasons[active[0]]) if active else (None, "")
