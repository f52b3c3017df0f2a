"""What would make a deploy fit, cheapest first. Each one is options: the deploy is planned again with it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from culm.core.decide.ledger import need_of
from culm.core.decide.simulate import simulate
from culm.core.decide.state import ClusterState, group_of
from culm.core.model.instance_types import INSTANCE_TYPES
from culm.core.model.record import record
from culm.core.model.task_definitions import TaskDefinition
from culm.plan.bill import Assumptions, PriceList, bill
from culm.plan.machines import imagined
from culm.plan.moves import plan_moves
from culm.plan.waves import Moves, Wanted
from culm.project.project import Scaling
from culm.render import percents

HEADROOM = 1.25
"""A memory limit over the peak that was measured."""
STEP_MIB = 16
LEAST_MIB = 32
"""No limit below this is proposed: where tasks are host processes, pages that they share may count for another."""
LEAST_SHARE = 0.5
"""Of its memory: less is not proposed to a service that was not measured."""
MOST_MORE = 2
"""How many more instances of one type than there are now are looked at."""


@record
class Remedy:
    """One way out."""

    what: str
    """`orders: be down while its migration runs`."""
    write: str
    """What to write into culm.yml, or to type."""
    dollars: float = 0.0
    """A month, more than now; negative: it saves money."""
    but: str = ""
    """What it costs besides money."""


@record
class Costs:
    """The instance types of a fleet, and what makes their bill."""

    fleet: Sequence[str]
    prices: PriceList
    assumed: Assumptions


def remedies(
    state: ClusterState,
    wanted: Sequence[Wanted],
    moves: Moves,
    costs: Costs,
    peaks: Mapping[str, int],
) -> tuple[Remedy, ...]:
    """Return the ways out, the cheapest first; of equally dear ones the least disturbing.

    `peaks`: MiB that `culm bench` measured, by service.
    """
    stuck = [obstacle.name for obstacle in moves.obstacles]
    options = [
        *_lower_maximum(state, wanted, moves),
        *_percentages(state, wanted, moves),
        *_rolls(state, wanted, stuck),
    ]
    if not all(obstacle.step == "configuration" for obstacle in moves.obstacles):
        options += _smaller(state, wanted, moves, peaks)
        options += _parked(state, wanted, stuck)
        options += _fleets(state, wanted, costs)
    return tuple(sorted(options, key=lambda remedy: round(remedy.dollars, 2)))


def _fits(state: ClusterState, wanted: Sequence[Wanted]) -> Moves | None:
    moves = plan_moves(state, wanted)
    return None if moves.obstacles else moves


def _lower_maximum(state: ClusterState, wanted: Sequence[Wanted], moves: Moves) -> Iterator[Remedy]:
    """Fewer tasks at the most: the greatest maximum of those that find no room is lowered until all of them do."""
    stuck = [obstacle.name for obstacle in moves.obstacles if obstacle.step == "maximum"]
    most = {w.name: w.scaling.bounds.most for w in wanted if w.name in stuck and w.scaling is not None}
    lowered = list(wanted)
    while candidates := [w for w in lowered if w.name in most and w.scaling is not None and _may_lower(w.scaling)]:
        widest = max(candidates, key=lambda w: most[w.name])
        most[widest.name] -= 1
        lowered = [_with_most(w, most[w.name]) if w is widest else w for w in lowered]
        if _fits(state, lowered):
            written = ", ".join(_written(w) for w in lowered if w.name in most)
            yield Remedy(what="fewer tasks at the most", write=written, but="less room to grow under load")
            return


def _may_lower(scaling: Scaling) -> bool:
    return scaling.bounds.most > scaling.bounds.least


def _with_most(wish: Wanted, most: int) -> Wanted:
    assert wish.scaling is not None, "only services that are scaled have a maximum"
    scaling = replace(wish.scaling, bounds=replace(wish.scaling.bounds, most=most))
    count = min(wish.service.desired_count, most)
    return replace(wish, scaling=scaling, service=replace(wish.service, desired_count=count))


def _written(wish: Wanted) -> str:
    """Write what to put into culm.yml: `web: {count: 1-3}`; without `scale` where the maximum cannot be lowered."""
    assert wish.scaling is not None, "only services that are scaled have a maximum"
    if _may_lower(wish.scaling):
        return f"{wish.name}: {{count: {wish.scaling.bounds}}}"
    return f"{wish.name}: {{count: {wish.scaling.bounds.most}}} without scale"


def _percentages(state: ClusterState, wanted: Sequence[Wanted], moves: Moves) -> Iterator[Remedy]:
    """Yield the nearest percentages with which one task may move, where those that are written let none."""
    dead = [obstacle.name for obstacle in moves.obstacles if obstacle.step == "configuration"]
    if not dead or len(dead) < len(moves.obstacles):
        return
    for lower, but in ((False, "one task more while it rolls"), (True, "one task less while it rolls")):
        rolls = {w.name: _one_may_move(w, lower=lower) for w in wanted if w.name in dead}
        if _fits(state, [replace(w, roll=rolls.get(w.name, w.roll)) for w in wanted]):
            written = ", ".join(f"{name}: {{roll: {low}/{high}}}" for name, (low, high) in rolls.items())
            yield Remedy(what="percentages with which one task moves", write=written, but=but)


def _one_may_move(wanted: Wanted, *, lower: bool) -> tuple[int, int]:
    """minimumHealthyPercent of n tasks is rounded up, maximumPercent down."""
    floor, ceiling = percents(wanted.roll, start_first=False)
    count = max(wanted.service.desired_count, 1)
    return (100 * (count - 1) // count, ceiling) if lower else (floor, -(-100 * (count + 1) // count))


def _rolls(state: ClusterState, wanted: Sequence[Wanted], stuck: Sequence[str]) -> Iterator[Remedy]:
    """Let those that insist on start-first, or on percentages of their own, stop first and lend their slots."""
    insisting = [w.name for w in wanted if w.name in stuck and w.roll not in ("auto", "stop-first")]
    changed = [replace(w, roll="auto") if w.name in insisting else w for w in wanted]
    if not insisting or (moves := _fits(state, changed)) is None:
        return
    names = ", ".join(insisting)
    lending = [name for name in insisting if (part := moves.part(name)) and part.lends]
    what = f"{names}: stop the old task before the new one starts"
    if lending:
        what = f"{', '.join(lending)}: stop while its migration runs, then start the new version"
    yield Remedy(what=what, write=f"{names}: {{roll: auto}}", but="down for as long as that takes")


def _smaller(state: ClusterState, wanted: Sequence[Wanted], moves: Moves, peaks: Mapping[str, int]) -> Iterator[Remedy]:
    """Less memory: by what was measured where it was, else as much as there is room for."""
    measured = {w.name: limit for w in wanted if (limit := _measured(w, peaks)) is not None}
    if measured and _fits(state, [_resized(w, measured.get(w.name)) for w in wanted]):
        sizes = ", ".join(f"{name}: {{memory: {limit}}}" for name, limit in measured.items())
        yield Remedy(what="as much memory as was measured, and a quarter more", write=sizes)
        return
    for obstacle in moves.obstacles:
        left = max(
            (free for arn, free in obstacle.free.items() if obstacle.reasons.get(arn) == "RESOURCE:MEMORY"), default=0
        )
        peak = peaks.get(obstacle.name)
        least = peak * HEADROOM if peak is not None else obstacle.need.memory * LEAST_SHARE
        if left < least:
            continue
        resized = [_resized(w, left) if w.name == obstacle.name else w for w in wanted]
        if _fits(state, resized):
            but = f"its peak was {peak} MiB" if peak else f"not measured yet: culm bench {obstacle.name}"
            yield Remedy(what="less memory", write=f"{obstacle.name}: {{memory: {left}}}", but=but)


def _measured(wanted: Wanted, peaks: Mapping[str, int]) -> int | None:
    """Return the limit that its measured peak asks for, if that is less than it has."""
    if wanted.name not in peaks:
        return None
    limit = limit_over(peaks[wanted.name])
    return limit if limit < need_of(wanted.definition).memory else None


def limit_over(peak: int) -> int:
    """Return the memory limit (MiB) that a peak of so many MiB asks for: a quarter more, rounded up to a step."""
    return max(-(-int(peak * HEADROOM) // STEP_MIB) * STEP_MIB, LEAST_MIB)


def _resized(wanted: Wanted, memory: int | None) -> Wanted:
    if memory is None:
        return wanted
    migration = wanted.migration and _with_memory(wanted.migration, memory)
    return replace(wanted, definition=_with_memory(wanted.definition, memory), migration=migration)


def _with_memory(definition: TaskDefinition, memory: int) -> TaskDefinition:
    containers = tuple(replace(c, memory=memory, memory_reservation=None) for c in definition.container_definitions)
    arn = f"{definition.task_definition_arn}, {memory} MiB"
    return replace(definition, task_definition_arn=arn, container_definitions=containers, memory=None)


def _parked(state: ClusterState, wanted: Sequence[Wanted], stuck: Sequence[str]) -> Iterator[Remedy]:
    """Yield the smallest other service whose absence is enough."""
    definitions = {w.name: w.definition for w in wanted}
    sizes = {
        s.service_name: need_of(definitions.get(s.service_name) or state.task_definitions[s.task_definition]).memory
        for s in (*state.services, *(w.service for w in wanted))
        if s.status == "ACTIVE"
        and s.desired_count
        and (s.task_definition in state.task_definitions or s.service_name in definitions)
    }
    for name in sorted(sizes, key=lambda name: (sizes[name], name)):
        if name in stuck:
            continue
        services = (replace(s, desired_count=0) if s.service_name == name else s for s in state.services)
        parked = simulate(replace(state, services=tuple(services))).state
        if _fits(parked, [w for w in wanted if w.name != name]):
            yield Remedy(what=f"park {name}, or another one", write=f"{name}: {{count: 0}}", but=f"{name} is down")
            return


def _fleets(state: ClusterState, wanted: Sequence[Wanted], costs: Costs) -> Iterator[Remedy]:
    """Yield the cheapest fleet of one type, the cheapest single machine, and the cheapest instance to add."""
    fleet, prices = costs.fleet, costs.prices
    now = bill(fleet, prices, costs.assumed).dollars

    def price(other: Sequence[str]) -> float:
        return bill(other, prices, costs.assumed).dollars

    known = {INSTANCE_TYPES[name].architecture for name in fleet if name in INSTANCE_TYPES} or {"x86_64"}
    kinds = [k.name for k in INSTANCE_TYPES.values() if k.architecture in known and k.name in prices.hourly.instances]
    uniform = [[kind] * n for kind in kinds for n in range(1, len(fleet) + MOST_MORE + 1)]
    single = [[kind] for kind in kinds]
    larger = [[*fleet, kind] for kind in kinds]
    offered: set[tuple[str, ...]] = {tuple(fleet)}
    for candidates, what in (
        (uniform, "another fleet"),
        (single, "one bigger machine instead"),
        (larger, "one more instance"),
    ):
        for other in sorted(candidates, key=price):
            if not _large_enough(other, state, wanted):
                continue
            moved = _moved(state, other)
            if not (_all_run(moved) and _fits(moved, wanted)):
                continue
            if tuple(other) not in offered:
                offered.add(tuple(other))
                counted = " + ".join(f"{other.count(kind)} x {kind}" for kind in dict.fromkeys(other))
                yield Remedy(what=what, write=f"instances: {counted}", dollars=price(other) - now)
            break


def _large_enough(fleet: Sequence[str], state: ClusterState, wanted: Sequence[Wanted]) -> bool:
    """Return whether memory suffices: all of it together, and the largest instance's for the largest task."""
    definitions = {
        w.name: (w.definition, w.scaling.bounds.most if w.scaling else w.service.desired_count) for w in wanted
    }
    for s in state.services:
        if s.status == "ACTIVE" and s.service_name not in definitions:
            definitions[s.service_name] = (state.task_definitions[s.task_definition], s.desired_count)
    needs = [(need_of(definition).memory, count) for definition, count in definitions.values() if count]
    rooms = [INSTANCE_TYPES[name].registered_memory for name in fleet]
    return sum(memory * count for memory, count in needs) <= sum(rooms) and max(
        (memory for memory, _ in needs), default=0
    ) <= max(rooms)


def _moved(state: ClusterState, fleet: Sequence[str]) -> ClusterState:
    """Return the live services as they would sit on another fleet."""
    instances = tuple(
        imagined(INSTANCE_TYPES[name], n, region="", now=state.now, like=state.instances)
        for n, name in enumerate(fleet, 1)
    )
    return simulate(replace(state, instances=instances, tasks=(), target_health={})).state


def _all_run(state: ClusterState) -> bool:
    counts = Counter(task.group for task in state.tasks)
    return all(counts[group_of(s)] >= s.desired_count for s in state.services if s.status == "ACTIVE")
