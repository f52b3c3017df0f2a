"""Sort the tasks of one service into those that serve, those to be replaced, and those that are stopping."""

from collections.abc import Sequence
from dataclasses import field

from culm.core.decide import query, zones
from culm.core.decide.health import verdict
from culm.core.decide.ledger import Fleet, Node
from culm.core.decide.state import ClusterState, group_of, is_gone
from culm.core.model.record import record
from culm.core.model.services import Deployment, Service
from culm.core.model.task_definitions import PlacementConstraint, TaskDefinition
from culm.core.model.tasks import Status, Task

HOLDING = (Status.PROVISIONING, Status.PENDING, Status.ACTIVATING, Status.RUNNING)
"""What maximumPercent counts: tasks in the RUNNING or PENDING state."""


@record
class Roster:
    """A service's tasks: `kept` are the PRIMARY deployment's, `outgoing` are to be replaced, `leaving` are stopping."""

    desired: int
    floor: int
    """Healthy tasks that a stop must leave: minimumHealthyPercent of the desired count, rounded up."""
    ceiling: int
    """RUNNING and PENDING tasks that a start must not pass: maximumPercent of the desired count, rounded down."""
    hosts: tuple[Node, ...] = ()
    """A DAEMON service's instances; one task is wanted on each."""
    kept: tuple[Task, ...] = ()
    outgoing: tuple[Task, ...] = ()
    leaving: tuple[Task, ...] = ()
    moving: Task | None = None
    """A task of a zone that has too many: it serves until its replacement in another zone is healthy."""
    healthy: frozenset[str] = field(default_factory=frozenset)
    """ARNs, of kept and outgoing tasks."""
    unhealthy: frozenset[str] = field(default_factory=frozenset)
    """ARNs of outgoing tasks."""

    @property
    def held(self) -> int:
        """Tasks that count against the ceiling."""
        leaving = sum(t.last_status in HOLDING for t in self.leaving)
        return len(self.kept) + len(self.outgoing) + leaving + (self.moving is not None)

    @property
    def healthy_kept(self) -> int:
        return sum(t.task_arn in self.healthy for t in self.kept)

    @property
    def is_steady(self) -> bool:
        busy = self.outgoing or self.leaving or self.moving
        return not busy and self.healthy_kept == len(self.kept) == self.desired

    @property
    def is_stuck(self) -> bool:
        """Whether a task is to be replaced, nothing is starting or stopping, and the ceiling allows no replacement."""
        settled = not self.leaving and self.healthy_kept == len(self.kept)
        return settled and bool(self.outgoing) and self.held >= self.ceiling


def limits(service: Service, desired: int) -> tuple[int, int]:
    """Return the floor and the ceiling, in tasks, of a service that wants `desired` tasks."""
    configuration = service.deployment_configuration
    floor = -(-configuration.minimum_healthy_percent * desired // 100)
    return floor, configuration.maximum_percent * desired // 100


def constraints_of(service: Service, definition: TaskDefinition) -> tuple[PlacementConstraint, ...]:
    """Return the constraints of the task definition and of the service; all of them must hold."""
    return (*definition.placement_constraints, *service.placement_constraints)


def hosts_of(service: Service, definition: TaskDefinition, fleet: Fleet) -> tuple[Node, ...]:
    """Return the instances on which a DAEMON service wants a task: every ACTIVE one that its constraints select.

    An expression that counts tasks is not asked again where the service's own task runs: it would be driven away.
    """
    group = group_of(service)
    expressions = [c.expression for c in constraints_of(service, definition) if c.expression]

    def selects(expression: str, node: Node) -> bool:
        settled = query.counts_tasks(expression) and node.staying.get(group, 0) > 0
        return settled or query.matches(expression, node)

    return tuple(n for n in fleet if n.instance.status == "ACTIVE" and all(selects(e, n) for e in expressions))


def roster_of(
    service: Service, primary: Deployment, tasks: Sequence[Task], state: ClusterState, fleet: Fleet
) -> Roster:
    """Sort a service's tasks, oldest first. A service that is being deleted wants none.

    Tasks created at the same moment stay in the snapshot's order: their ARNs are random, so no plan could foresee it.
    """
    hosts: tuple[Node, ...] = ()
    desired = service.desired_count
    if service.status == "DRAINING":
        desired = 0
    elif service.scheduling_strategy == "DAEMON":
        hosts = hosts_of(service, state.task_definitions[primary.task_definition], fleet)
        desired = len(hosts)
    free_hosts = {n.arn for n in hosts}
    verdicts: dict[str, str] = {}
    kept: list[Task] = []
    outgoing: list[Task] = []
    leaving: list[Task] = []
    for task in sorted((t for t in tasks if not is_gone(t)), key=lambda t: t.created_at):
        if task.desired_status == "STOPPED":
            leaving.append(task)
            continue
        verdicts[task.task_arn] = verdict(task, service, state)
        instance = task.container_instance_arn or ""
        if task.started_by != primary.id or verdicts[task.task_arn] == "unhealthy":
            outgoing.append(task)
        elif service.scheduling_strategy == "DAEMON":
            (kept if instance in free_hosts else outgoing).append(task)
            free_hosts.discard(instance)
        else:
            node = fleet.nodes.get(instance)
            (kept if node and node.instance.status == "ACTIVE" else outgoing).append(task)
    floor, ceiling = limits(service, desired)
    healthy = frozenset(arn for arn, v in verdicts.items() if v == "healthy")
    moving = None
    quiet = primary.rollout_state == "COMPLETED" and service.status == "ACTIVE" and not outgoing and not leaving
    if quiet and service.availability_zone_rebalancing == "ENABLED" and ceiling > desired:
        moving = zones.to_move(service, state.task_definitions[primary.task_definition], tuple(kept), healthy, fleet)
    return Roster(
        desired=desired,
        floor=floor,
        ceiling=ceiling,
        hosts=hosts,
        kept=tuple(task for task in kept if task is not moving),
        moving=moving,
        outgoing=tuple(outgoing),
        leaving=tuple(leaving),
        healthy=healthy,
        unhealthy=frozenset(arn for arn, v in verdicts.items() if v == "unhealthy"),
    )
