"""How much machine a load needs: design for 20 times of it, implement for 3, deploy for 1.5 (D-I-D)."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from culm.core.model.instance_types import INSTANCE_TYPES
from culm.core.model.record import record
from culm.plan.bill import Assumptions, Bill, PriceList, bill
from culm.plan.optimise import InstanceMix, Offer, Size, cheapest, single
from culm.plan.quotas import Quota, quotas

STAGES = (("deploy", 1.5), ("implement", 3.0), ("design", 20.0))
"""What to be ready for: now, soon, and on paper."""
NEW_CONNECTIONS_PER_LCU = 25
RULES_PER_LCU = 1000
FREE_RULES = 10
"""https://aws.amazon.com/elasticloadbalancing/pricing/: an LCU is the greatest of its dimensions."""
LOG_BYTES_PER_REQUEST = 200
SECONDS_PER_HOUR = 3600


@record
class Demand:
    """What one service needs: its load, the throughput that was measured of a task, a task's size."""

    name: str
    load: float | None
    """Requests a second now; None: not said, its count stays."""
    throughput: float | None
    """Requests a second that one task was measured to answer in time; None: not measured, its count stays."""
    memory: int
    """MiB of a task."""
    cpu: int
    count: int
    """Tasks that culm.yml wants now."""
    migrates: bool = False

    def tasks(self, factor: float) -> int:
        if self.load is None or self.throughput is None:
            return self.count
        return max(1, math.ceil(self.load * factor / self.throughput))


@record
class LoadStage:
    name: str
    factor: float
    requests: float
    """A second, of all services together."""
    tasks: Mapping[str, int]
    """By service."""
    fleet: InstanceMix | None
    """None: some task fits on no instance type that has a price."""
    bill: Bill | None
    assumed: Assumptions
    single: InstanceMix | None
    """The cheapest one machine that would hold it all."""
    single_bill: Bill | None
    quotas: tuple[Quota, ...]
    """The fullest first."""


@record
class Capacity:
    project: str
    demands: tuple[Demand, ...]
    stages: tuple[LoadStage, ...]
    prices: PriceList
    architecture: str


def capacity(project: str, demands: Sequence[Demand], architecture: str, prices: PriceList) -> Capacity:
    """Return every stage with its cheapest fleet; all tasks are placed on dynamic ports of their instance's address."""
    offers = [
        Offer(name=kind.name, memory=kind.registered_memory, cpu=kind.cpu, price=price)
        for kind in INSTANCE_TYPES.values()
        if kind.architecture == architecture and (price := prices.of_host(kind.name, Assumptions().disk_gb)) is not None
    ]
    stages = tuple(_stage(name, factor, demands, offers, prices) for name, factor in STAGES)
    return Capacity(project=project, demands=tuple(demands), stages=stages, prices=prices, architecture=architecture)


def sizes(demands: Sequence[Demand], factor: float) -> list[Size]:
    """Return the tasks by size, and a slot for one migration at a time: the largest."""
    wanted = Counter[tuple[int, int]]()
    for demand in demands:
        wanted[demand.memory, demand.cpu] += demand.tasks(factor)
    migrating = [(demand.memory, demand.cpu) for demand in demands if demand.migrates]
    if migrating:
        wanted[max(migrating)] += 1  # by memory first
    return [Size(memory=memory, cpu=cpu, count=number) for (memory, cpu), number in wanted.items()]


def _stage(
    name: str, factor: float, demands: Sequence[Demand], offers: Sequence[Offer], prices: PriceList
) -> LoadStage:
    wanted = sizes(demands, factor)
    requests = sum(demand.load or 0.0 for demand in demands) * factor
    tasks = {demand.name: demand.tasks(factor) for demand in demands}
    fleet, uniform = cheapest(wanted, offers), single(wanted, offers)
    assumed = _assumed(requests, len(demands), prices)
    return LoadStage(
        name=name,
        factor=factor,
        requests=requests,
        tasks=tasks,
        fleet=fleet,
        bill=bill(_flat(fleet), prices, assumed) if fleet else None,
        assumed=assumed,
        single=uniform,
        single_bill=bill(_flat(uniform), prices, assumed) if uniform else None,
        quotas=tuple(
            quotas(
                services=len(demands),
                most_tasks=max(tasks.values(), default=0),
                tasks=sum(tasks.values()),
                fleet=dict(fleet.instances) if fleet else {},
            )
        ),
    )


def _flat(fleet: InstanceMix) -> list[str]:
    return [name for name, number in fleet.instances for _ in range(number)]


def _assumed(requests: float, services: int, prices: PriceList) -> Assumptions:
    """Traffic and logs grow with the requests; each of these may be a connection of its own."""
    usual = Assumptions()
    lcus = max(requests / NEW_CONNECTIONS_PER_LCU, requests * max(0, services - FREE_RULES) / RULES_PER_LCU)
    logs = requests * LOG_BYTES_PER_REQUEST * prices.hours_a_month * SECONDS_PER_HOUR / 1e9
    return Assumptions(
        disk_gb=usual.disk_gb, ecr_gb=usual.ecr_gb, logs_gb=max(usual.logs_gb, logs), lcus=max(usual.lcus, lcus)
    )
