"""What a multiple of the load needs, and whether so many instances of one type hold it: the sliders of the plan. Pure.

Tasks are placed by the memory and CPU units that they reserve, the largest first, each where most memory is free: about
as ECS spreads them, at once and from nothing. `culm plan` plays a real deploy from what is there; this is for asking
"and if?" many times a second.

An example: five tasks of 256 MiB on two t2.micro of 995 MiB. Three find room on one and two on the other; at twice the
load ten are wanted, and four find none.
"""

from collections.abc import Sequence
from dataclasses import replace

from culm.core.model.instance_types import INSTANCE_TYPES
from culm.core.model.record import record
from culm.plan.bill import Assumptions, PriceList, bill
from culm.plan.capacity import Demand, sizes
from culm.plan.optimise import InstanceMix, Offer, cheapest

MOST_TASKS = 2000
LOOKS = 3000
"""So many patterns are looked at for the cheapest fleet: tens of milliseconds."""
MOST_SIZES = 10
"""Of more sizes of tasks than these the cheapest fleet is not looked for: it would take seconds."""


@record
class Question:
    factor: float
    """Times the load of now."""
    instance_type: str
    count: int


@record
class ImaginedInstance:
    """One of the instances that were asked about, with what found room on it."""

    memory: int
    """MiB that it registers."""
    free: int
    tasks: tuple[tuple[str, int], ...]
    """Service and MiB of each."""


@record
class Estimate:
    tasks: tuple[tuple[str, int, int], ...]
    """Of each service: its name, tasks now, tasks then."""
    machines: tuple[ImaginedInstance, ...]
    homeless: tuple[tuple[str, int], ...]
    """Of services with tasks that found no room: how many."""
    dollars: float | None
    """A month with these instances; None: their price is not known."""
    best: InstanceMix | None
    """The cheapest fleet of the same architecture for everything and one migration; None: it is not known."""
    best_dollars: float | None


def kinds(prices: PriceList, architecture: str) -> list[str]:
    """Return the instance types of an architecture that have a price, the cheapest first."""
    priced = [
        (price, kind.name)
        for kind in INSTANCE_TYPES.values()
        if kind.architecture == architecture and (price := prices.of_host(kind.name, Assumptions().disk_gb)) is not None
    ]
    return [name for _, name in sorted(priced)]


def wanted(demand: Demand, factor: float) -> int:
    """Return a service's tasks at so many times its load: by what `culm bench` measured, else in proportion."""
    if demand.load is not None and demand.throughput is not None:
        return demand.tasks(factor)
    return -(-int(demand.count * factor * 100) // 100)


def answer(question: Question, demands: Sequence[Demand], prices: PriceList) -> Estimate:
    """Place the tasks of so many times the load on so many instances of one type, and price them."""
    kind = INSTANCE_TYPES[question.instance_type]
    counts = {demand.name: wanted(demand, question.factor) for demand in demands}
    free = [[kind.registered_memory, kind.cpu] for _ in range(question.count)]
    placed: list[list[tuple[str, int]]] = [[] for _ in free]
    homeless: dict[str, int] = {}
    for demand in sorted(demands, key=lambda each: (-each.memory, -each.cpu, each.name)):
        for _ in range(min(counts[demand.name], MOST_TASKS)):
            able = [n for n, (memory, cpu) in enumerate(free) if memory >= demand.memory and cpu >= demand.cpu]
            if not able:
                homeless[demand.name] = homeless.get(demand.name, 0) + 1
                continue
            chosen = max(able, key=lambda n: (free[n][0], -n))
            free[chosen][0] -= demand.memory
            free[chosen][1] -= demand.cpu
            placed[chosen].append((demand.name, demand.memory))
    offers = [
        Offer(name=each.name, memory=each.registered_memory, cpu=each.cpu, price=price)
        for each in INSTANCE_TYPES.values()
        if each.architecture == kind.architecture
        and (price := prices.of_host(each.name, Assumptions().disk_gb)) is not None
    ]
    scaled = [replace(demand, load=None, throughput=None, count=counts[demand.name]) for demand in demands]
    tasks = sizes(scaled, 1.0)
    best = cheapest(tasks, offers, LOOKS) if offers and len(tasks) <= MOST_SIZES else None
    flat = [name for name, number in best.instances for _ in range(number)] if best else []
    known = prices.of_instance(kind.name) is not None
    return Estimate(
        tasks=tuple((demand.name, demand.count, counts[demand.name]) for demand in demands),
        machines=tuple(
            ImaginedInstance(memory=kind.registered_memory, free=memory, tasks=tuple(tasks))
            for (memory, _), tasks in zip(free, placed, strict=True)
        ),
        homeless=tuple(homeless.items()),
        dollars=bill([kind.name] * question.count, prices, Assumptions()).dollars if known else None,
        best=best,
        best_dollars=bill(flat, prices, Assumptions()).dollars if best else None,
    )
