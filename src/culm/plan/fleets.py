"""The cheapest instances on which everything runs, and on which every deploy still goes as smoothly as it does today.

`optimise` packs tasks as tightly as can be. ECS does not: it places one task after the other, and a deploy needs room
for new tasks beside the old ones. So a fleet counts here only once it has been *played* with the scheduler's own
decisions, in this order:

    1. every service is deployed onto the empty fleet, at the most tasks that automatic scaling may make
    2. every service is deployed again with its migration, and none of them is disturbed more than before
    3. a run of every job finds room beside that

Candidates are all fleets of one or two types with at most `MOST_MORE` instances more than now; they are played in the
order of their price, so the first that passes is the cheapest. Those with too little memory in sum are not played.

An example: five services of 256 MiB on two t2.micro of 995 MiB. One t2.small costs less and has 2001 MiB: five tasks
and a sixth beside them while a deploy goes on need 1536. It passes, and every service still starts its new task first.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, combinations

from culm.core.decide.ledger import Fleet, Need, need_of
from culm.core.decide.placement import refusal
from culm.core.decide.simulate import simulate
from culm.core.decide.state import ClusterState
from culm.core.model.instance_types import INSTANCE_TYPES
from culm.core.model.record import record
from culm.plan.bill import Assumptions, PriceList, bill
from culm.plan.machines import imagined
from culm.plan.moves import plan_moves
from culm.plan.waves import Wanted, WavePart

MOST_MORE = 2
"""How many more instances than now are looked at."""
CENT = 0.005
STARTS_FIRST, STOPS_FIRST, LENDS = range(3)
"""How much a deploy disturbs a service: not at all, while its task is replaced, while its migration runs."""


@record
class Load:
    """What a fleet has to carry."""

    others: ClusterState
    """Services that stay as they are, without tasks and instances; of the target's instances, what they can do."""
    wanted: tuple[Wanted, ...]
    """Services of culm.yml, with their migrations."""
    jobs: tuple[tuple[str, Need], ...] = ()
    """By name, what a run takes."""
    busy: float = 0.0
    """CPU units that all tasks together were measured to take; 0: not measured."""
    reserved: bool = False
    """Whether instances keep memory from tasks, as those of the base stack do."""

    @property
    def memory(self) -> int:
        """MiB of all tasks at their most."""
        own = sum(need_of(wish.definition).memory * most_of(wish) for wish in self.wanted)
        definitions = self.others.task_definitions
        return own + sum(need_of(definitions[s.task_definition]).memory * s.desired_count for s in self.others.services)


def most_of(wish: Wanted) -> int:
    """Return how many tasks of a service there may be."""
    return wish.scaling.bounds.most if wish.scaling is not None else wish.service.desired_count


@record
class Outcome:
    """What became of a load that was played on a fleet, where all of it fitted."""

    degrees: Mapping[str, int]
    """How much a deploy disturbs each service."""
    free: tuple[tuple[int, int], ...]
    """MiB and CPU units that each instance has left when nothing is under way."""

    def slots(self, size: tuple[int, int]) -> int:
        """Return how many more tasks of this size (MiB and CPU units) would fit."""
        return sum(min(left // wanted for left, wanted in zip(free, size, strict=True) if wanted) for free in self.free)

    def bearable(self, degrees: Mapping[str, int]) -> bool:
        """Return whether no service is disturbed more than by these degrees."""
        return all(degree <= degrees.get(name, STARTS_FIRST) for name, degree in self.degrees.items())


def played(load: Load, fleet: Sequence[str]) -> Outcome | None:
    """Play the load on these instance types. None: it does not fit."""
    kinds = [INSTANCE_TYPES[name] for name in fleet]
    if load.busy > sum(kind.cpu for kind in kinds):
        return None
    there = load.others.instances
    instances = tuple(
        imagined(kind, number, region="", now=load.others.now, like=there, reserved=load.reserved)
        for number, kind in enumerate(kinds, 1)
    )
    others = simulate(replace(load.others, instances=instances)).state
    if _missing(others):
        return None
    first = plan_moves(others, load.wanted)
    if first.obstacles:
        return None
    again = plan_moves(first.state, [replace(wish, again=True) for wish in load.wanted])
    if again.obstacles or not _have_room(again.state, load.jobs):
        return None
    degrees = {part.name: _degree(part) for wave in again.waves for part in wave.parts}
    degrees |= {name: max(degrees.get(name, 0), int(how == "stop-first")) for name, how in again.at_most.items()}
    return Outcome(degrees=degrees, free=tuple((node.memory, node.cpu) for node in Fleet.of(again.state)))


@record
class Limits:
    """What a fleet may be."""

    kinds: Sequence[str]
    """Instance types to choose from."""
    most: int
    """Instances."""
    price: float
    """Dollars a month that it has to be cheaper than."""
    degrees: Mapping[str, int]
    """How much a deploy may disturb each service."""


def cheapest(load: Load, limits: Limits, pricing: "Pricing") -> tuple[str, ...] | None:
    """Return the cheapest fleet within the limits that carries the load; of equally dear ones the fewest instances.

    None: there is none.
    """
    for _, fleet in sorted(_candidates(load, limits, pricing)):
        outcome = played(load, fleet)
        if outcome is not None and outcome.bearable(limits.degrees):
            return fleet
    return None


@record
class Pricing:
    """What makes a fleet's price."""

    prices: PriceList
    assumed: Assumptions

    def of(self, fleet: Sequence[str]) -> float:
        """Return dollars a month, with all that comes with instances; types without a price cost nothing."""
        return bill(fleet, self.prices, self.assumed).dollars

    def listed(self, architecture: str) -> list[str]:
        """Return the types of an architecture that the price list names, those left out that another one betters."""
        hourly = self.prices.hourly.instances
        able = [kind for name in hourly if (kind := INSTANCE_TYPES.get(name)) and kind.architecture == architecture]
        worth = {kind.name: (kind.registered_memory, kind.cpu, -hourly[kind.name]) for kind in able}

        def bettered(name: str) -> bool:
            mine = worth[name]
            return any(its != mine and all(a >= b for a, b in zip(its, mine, strict=True)) for its in worth.values())

        return [name for name in worth if not bettered(name)]


def _candidates(load: Load, limits: Limits, pricing: Pricing) -> Iterator[tuple[tuple[float, int], tuple[str, ...]]]:
    """Yield price and number of instances with the fleet, of those that could do and are cheap enough."""
    kinds, most = limits.kinds, limits.most
    memory = {name: INSTANCE_TYPES[name].registered_memory for name in kinds}
    base = pricing.of([])
    each = {name: pricing.of([name]) - base for name in kinds}
    uniform = (Counter({kind: count}) for kind in kinds for count in range(1, most + 1))
    mixed = (
        Counter({kind: first, other: second})
        for kind, other in combinations(kinds, 2)
        for first in range(1, most)
        for second in range(1, most - first + 1)
    )
    for counted in chain(uniform, mixed):
        price = base + sum(each[kind] * count for kind, count in counted.items())
        room = sum(memory[kind] * count for kind, count in counted.items())
        if price < limits.price - CENT and room >= load.memory:
            yield (round(price, 4), counted.total()), tuple(counted.elements())


def _degree(part: WavePart) -> int:
    if part.lends:
        return LENDS
    return STOPS_FIRST if part.how == "stop-first" else STARTS_FIRST


def _missing(state: ClusterState) -> bool:
    """Return whether a service has fewer tasks than it should."""
    counts = Counter(task.group for task in state.tasks)
    return any(counts[f"service:{service.service_name}"] < service.desired_count for service in state.services)


def _have_room(state: ClusterState, jobs: Sequence[tuple[str, Need]]) -> bool:
    return all(any(refusal(need, node) is None for node in Fleet.of(state)) for _, need in jobs)
