"""A deploy before it happens: what changes, where it will sit, in which order, whether it fits, what it costs."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal

from culm.core.decide.ledger import Fleet, need_of
from culm.core.decide.state import ClusterState
from culm.core.decide.validation import dead_configuration
from culm.core.model.record import record
from culm.plan.bill import Assumptions, Bill, PriceList, bill
from culm.plan.differences import Difference
from culm.plan.machines import type_of
from culm.plan.moves import live, plan_moves
from culm.plan.remedies import Costs, Remedy, remedies
from culm.plan.steps import Step
from culm.plan.waves import How, Moves, Wanted
from culm.plan.way_back import Effect, goes_back
from culm.render import percents

Migration = Literal["none", "has run", "runs", "may run"]
"""It may run where its image is to be built: not if that turns out to be the one that has run."""


@record
class Asked:
    """A service of the deploy, and what was found out about it."""

    wanted: Wanted
    differences: tuple[Difference, ...] = ()
    """Of the task definition, and of the service's settings."""
    rule: str | None = None
    """What changes about its path; None: nothing."""
    migration: Migration = "none"
    effect: Effect = "none"
    """What that migration does to the version that is live."""
    good: bool = False
    """Whether ECS could go back to what is live."""
    rescales: bool = False
    """Whether its automatic scaling changes."""


@record
class ServicePlan:
    name: str
    how: How
    differences: tuple[Difference, ...]
    rule: str | None
    migration: Migration
    lends: bool
    """Its migration runs in its own slot."""
    percents: tuple[int, int] | None
    """minimumHealthyPercent and maximumPercent of its roll; None: it does not roll."""
    count: tuple[int, int]
    """Tasks now, and wanted."""
    places: tuple[str, ...]
    """Container instance ARNs of its tasks at the end."""
    down: bool
    """Whether there is a moment without any of its tasks."""
    effect: Effect = "none"
    """What its migration does to the version that is live."""
    goes_back: bool = False
    """Whether a roll that fails goes back to the version that is live."""
    rescales: bool = False
    """Whether its automatic scaling changes."""

    @property
    def changes(self) -> bool:
        return self.how != "unchanged" or self.rule is not None or self.rescales


@record
class Sitter:
    """A task on an instance."""

    name: str
    memory: int
    """MiB."""
    new: bool
    """Whether the deploy puts it there."""


@record
class Host:
    """An instance at the end of the deploy."""

    arn: str
    label: str
    """`i-0123…`, or what stands for one that is yet to come."""
    instance_type: str
    memory: int
    """Registered, MiB."""
    free: int
    """MiB."""
    free_now: int
    """MiB, before the deploy."""
    sitters: tuple[Sitter, ...]
    slots: int
    """Tasks of the project's usual size that it could still take."""


@record
class Plan:
    project: str
    target: str
    fleet: str
    """`2 x t2.micro`."""
    services: tuple[ServicePlan, ...]
    hosts: tuple[Host, ...]
    slot: tuple[int, int]
    """The usual size: MiB and CPU units of most of the project's services."""
    moves: Moves
    bill: Bill
    bill_now: Bill | None
    """Of the fleet that is there; None: nothing is deployed."""
    prices: PriceList
    assumed: Assumptions
    remedies: tuple[Remedy, ...]
    notes: tuple[str, ...]
    images: Mapping[tuple[str, bool], str] = field(default_factory=dict)
    """`uri@digest` of those that are there, by service and whether it is its migration's; the others are built."""
    steps: tuple[Step, ...] = ()
    """What a deploy by this plan carries out, as far as it is known before images are built."""
    jobs: tuple[str, ...] = ()
    """Jobs whose schedule or revision changes, and what is deleted of those that are gone."""
    leftovers: tuple[str, ...] = ()
    """Services that run in the cluster, and that culm.yml does not name."""

    def service(self, name: str) -> ServicePlan:
        return next(service for service in self.services if service.name == name)

    @property
    def fits(self) -> bool:
        return not self.moves.obstacles

    @property
    def waves(self) -> list[list[str]]:
        """Names in the order of the moves; those that do not move are in none."""
        return [[part.name for part in wave.parts] for wave in self.moves.waves]


@record
class Basis:
    """What a plan is made from, besides the services."""

    project: str
    target: str
    state: ClusterState
    """The cluster before the first move."""
    fleet: Sequence[str]
    """The instance types that there will be."""
    fleet_now: Sequence[str] | None
    """Those that there are; None: nothing is deployed."""
    prices: PriceList
    assumed: Assumptions
    peaks: Mapping[str, int] = field(default_factory=dict)
    """Memory that was measured, in MiB, by service."""
    notes: Sequence[str] = ()
    others: Sequence[Wanted] = ()
    """Services that are not deployed now, and whose tasks may become more."""


def make(basis: Basis, asked: Sequence[Asked]) -> Plan:
    """Play the deploy of what is asked, and price it; with the ways out where it does not fit."""
    state, wanted = basis.state, [*(demand.wanted for demand in asked), *basis.others]
    moves = plan_moves(state, wanted)
    slot = usual_size(state, wanted)
    dead = [
        f"{s.service_name}: {why}"
        for s in state.services
        if s.service_name not in {w.name for w in wanted} and (why := dead_configuration(s))
    ]
    out: tuple[Remedy, ...] = ()
    if moves.obstacles:
        costs = Costs(fleet=basis.fleet, prices=basis.prices, assumed=basis.assumed)
        out = remedies(state, wanted, moves, costs, basis.peaks)
    return Plan(
        project=basis.project,
        target=basis.target,
        fleet=written(basis.fleet),
        services=tuple(_service(demand, state, moves) for demand in asked),
        hosts=_hosts(state, moves.state, slot),
        slot=slot,
        moves=moves,
        bill=bill(basis.fleet, basis.prices, basis.assumed),
        bill_now=None if basis.fleet_now is None else bill(basis.fleet_now, basis.prices, basis.assumed),
        prices=basis.prices,
        assumed=basis.assumed,
        remedies=out,
        notes=(*basis.notes, *dead),
    )


def written(fleet: Sequence[str]) -> str:
    """Return a fleet as text: `2 x t2.micro + 1 x t3.small`."""
    return " + ".join(f"{fleet.count(kind)} x {kind}" for kind in dict.fromkeys(fleet)) or "no instances"


def usual_size(state: ClusterState, wanted: Sequence[Wanted]) -> tuple[int, int]:
    """Return the MiB and CPU units that most services' tasks need; of equally frequent sizes the greater."""
    needs = [need_of(demand.definition) for demand in wanted]
    needs += [need_of(state.task_definitions[s.task_definition]) for s in state.services if s.status == "ACTIVE"]
    sizes = [(need.memory, need.cpu) for need in needs if need.memory]
    return max(sizes, key=lambda size: (sizes.count(size), size), default=(256, 128))


def _service(demand: Asked, before: ClusterState, moves: Moves) -> ServicePlan:
    name = demand.wanted.name
    part = moves.part(name)
    current = live(before, name)
    stuck = any(obstacle.name == name for obstacle in moves.obstacles)
    how = part.how if part else ("unchanged" if not stuck else "start-first" if current else "new")
    group = f"service:{name}"
    sitting = [t.container_instance_arn or "" for t in moves.state.tasks if _stays(t.group, t.desired_status, group)]
    order = [node.arn for node in Fleet.of(moves.state)]
    rolls = how in ("start-first", "stop-first", "new")
    floor, ceiling = percents(demand.wanted.roll, start_first=how == "start-first")
    return ServicePlan(
        name=name,
        how=how,
        differences=demand.differences,
        rule=demand.rule,
        migration=demand.migration,
        lends=part.lends if part else False,
        percents=(floor, ceiling) if rolls else None,
        count=(current.desired_count if current else 0, demand.wanted.service.desired_count),
        places=tuple(sorted(sitting, key=order.index)),
        down=how == "stop-first" and floor == 0,
        effect=demand.effect,
        goes_back=demand.good and how in ("start-first", "stop-first") and goes_back(demand.effect, how),
        rescales=demand.rescales,
    )


def _stays(group: str, desired_status: str, wanted: str) -> bool:
    return group == wanted and desired_status == "RUNNING"


def _hosts(before: ClusterState, after: ClusterState, slot: tuple[int, int]) -> tuple[Host, ...]:
    then = Fleet.of(before)
    there = {task.task_arn for task in before.tasks}
    hosts = []
    for node in Fleet.of(after):
        tasks = [t for t in after.tasks if t.container_instance_arn == node.arn and t.last_status != "STOPPED"]
        need = {t.task_arn: need_of(after.task_definitions[t.task_definition_arn], t.overrides) for t in tasks}
        memory, cpu = slot
        by_cpu = node.cpu // cpu if cpu else node.memory // memory
        hosts.append(
            Host(
                arn=node.arn,
                label=node.instance.ec2_instance_id,
                instance_type=type_of(node.instance),
                memory=node.instance.memory,
                free=node.memory,
                free_now=then[node.arn].memory,
                sitters=tuple(
                    Sitter(name=t.group.partition(":")[2], memory=need[t.task_arn].memory, new=t.task_arn not in there)
                    for t in tasks
                ),
                slots=0 if node.absent else max(0, min(node.memory // memory, by_cpu)),
            )
        )
    return tuple(hosts)
