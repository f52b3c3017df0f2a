"""The tasks of one service, sorted by what they count for."""

from collections.abc import Sequence
from dataclasses import field

from culm.decide.health import verdict
from culm.decide.ledger import Fleet
from culm.decide.state import ClusterState, is_gone
from culm.model.record import record
from culm.model.services import Deployment, Service
from culm.model.tasks import Status, Task

HOLDING = (Status.PROVISIONING, Status.PENDING, Status.ACTIVATING, Status.RUNNING)
"""What maximumPercent counts: tasks in the RUNNING or PENDING state."""


@record
class Roster:
    """`kept` serve the primary deployment; `outgoing` are to be replaced; `leaving` were told to stop."""

    desired: int
    floor: int
    """Healthy tasks that a stop must leave: minimumHealthyPercent of the desired count, rounded up."""
    ceiling: int
    """RUNNING and PENDING tasks that a start must not pass: maximumPercent of the desired count, rounded down."""
    kept: tuple[Task, ...] = ()
    outgoing: tuple[Task, ...] = ()
    leaving: tuple[Task, ...] = ()
    healthy: frozenset[str] = field(default_factory=frozenset)
    """ARNs, of kept and outgoing ones."""
    unhealthy: frozenset[str] = field(default_factory=frozenset)
    held: int = 0
    """Tasks that count against the ceiling."""

    @property
    def healthy_kept(self) -> int:
        return sum(t.task_arn in self.healthy for t in self.kept)

    @property
    def is_steady(self) -> bool:
        return not self.outgoing and not self.leaving and self.healthy_kept == len(self.kept) == self.desired


def limits(service: Service, desired: int) -> tuple[int, int]:
    """The floor and the ceiling of a service that wants so many tasks."""
    configuration = service.deployment_configuration
    floor = -(-configuration.minimum_healthy_percent * desired // 100)
    return floor, configuration.maximum_percent * desired // 100


def roster_of(
    service: Service, primary: Deployment, tasks: Sequence[Task], desired: int, state: ClusterState, fleet: Fleet
) -> Roster:
    """Sort a service's tasks, given how many it wants."""
    floor, ceiling = limits(service, desired)
    kept: list[Task] = []
    outgoing: list[Task] = []
    leaving: list[Task] = []
    verdicts: dict[str, str] = {}
    for task in tasks:
        if is_gone(task):
            continue
        if task.desired_status == "STOPPED":
            leaving.append(task)
            continue
        verdicts[task.task_arn] = verdict(task, service, state)
        stays = task.started_by == primary.id and verdicts[task.task_arn] != "unhealthy" and _may_stay(task, fleet)
        (kept if stays else outgoing).append(task)
    return Roster(
        desired=desired,
        floor=floor,
        ceiling=ceiling,
        kept=tuple(kept),
        outgoing=tuple(outgoing),
        leaving=tuple(leaving),
        healthy=frozenset(arn for arn, v in verdicts.items() if v == "healthy"),
        unhealthy=frozenset(arn for arn, v in verdicts.items() if v == "unhealthy"),
        held=len(kept) + len(outgoing) + sum(t.last_status in HOLDING for t in leaving),
    )


def _may_stay(task: Task, fleet: Fleet) -> bool:
    node = fleet.nodes.get(task.container_instance_arn or "")
    return node is not None and node.instance.status == "ACTIVE"
