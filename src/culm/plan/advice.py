"""What would make a target cheaper, with what it saves, the line of culm.yml to change, and the risk. Pure.

Advice is a chain: each step begins with the project and the fleet that the steps before it leave behind, and counts
only what it adds. So the dollars can be summed up, and all edits together are one culm.yml that fits. The order goes
from what changes least to what changes most:

    fleet      the cheapest instances of the same architecture that carry everything as it is
    memory     limits a quarter above the measured peaks, and the cheaper fleet that they make possible
    unused     services that nobody called, scaled to 0, and the fleet that is enough without them
    graviton   the cheapest instances of the other architecture, where every image can be built for it
    spot       the same instances at the price of spare capacity
    sleep      the hours of the day in which nobody ever called
    images     images that nothing runs, behind the newest of each repository
    logs       log groups that nothing writes to any more
    previews   previews that nobody called, and the fleet that is enough without them

memory, unused, sleep and previews rest on what was measured: each needs a day of it (`ENOUGH_HOURS`), for each service
by itself.

An example: three services of 512 MiB with peaks of 70 MiB, on two t3.small. With limits of 96 MiB one t3.micro carries
them and a deploy, so `memory` saves the difference; the fleet alone would have saved nothing.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from culm.core.decide.ledger import Need
from culm.core.decide.state import ClusterState
from culm.core.model.instance_types import INSTANCE_TYPES
from culm.core.model.record import record
from culm.plan import jobs, plan, stored, wishes
from culm.plan.advised import ENOUGH_HOURS, KINDS, LEAST_DOLLARS, Advice, Edit, Kind, Peaks, Situation
from culm.plan.bill import Bill, PriceList, assumptions, bill, of_base, of_servers, of_sleep
from culm.plan.fleets import MOST_MORE, Limits, Load, Outcome, Pricing, cheapest, played
from culm.plan.idle_previews import idle_previews, without
from culm.plan.remedies import limit_over
from culm.project.project import Project, Service, TargetSettings

SPOT_SAVES = 2 / 3
"""Of the price of instances, usually: https://aws.amazon.com/ec2/spot/pricing/"""
LEAST_QUIET_HOURS = 4


def advice(
    project: Project, observed: Situation, peaks: Peaks, prices: PriceList, kinds: Collection[Kind] = KINDS
) -> list[Advice]:
    """Return what would make the target cheaper, in the order in which it is counted; empty: nothing would.

    Raises UsageError for an instance type of culm.yml that is not known.
    """
    ground = Ground(project=project, observed=observed, peaks=peaks, prices=prices)
    stage = Stage(project=project, fleet=ground.fleet, spot=observed.settings.spot)
    given: list[Advice] = []
    for kind, step in STEPS.items():
        if kind in kinds:
            item, stage = step(ground, stage)
            given += [item] if item is not None else []
    if "images" in kinds:
        given += stored.images(observed, prices)
    if "logs" in kinds:
        given += stored.logs(project, observed, prices)
    if "previews" in kinds:
        given += previews(ground, stage)
    return given


def month(project: Project, settings: TargetSettings, prices: PriceList) -> Bill:
    """Return what the target costs now, as culm.yml says."""
    base = bill(wishes.fleet(settings), prices, assumptions(settings)) + of_base(settings, prices)
    servers = of_servers(project, prices, project.databases if settings.provider == "aws" else ())
    return base + servers + of_sleep(project, settings, prices, wishes.fleet(settings))


def unmeasured(project: Project, peaks: Peaks) -> list[str]:
    """Return the services of which less than a day was measured: nothing is said of their memory and calls."""
    return [name for name in project.services if peaks.enough(name) is None]


@record
class Stage:
    """How far the chain has come."""

    project: Project
    fleet: tuple[str, ...]
    spot: bool
    outcome: Outcome | None = None
    """Of the project on this fleet, where it was played."""


class Ground:
    """What all steps of a chain stand on. The present fleet is played once."""

    def __init__(self, *, project: Project, observed: Situation, peaks: Peaks, prices: PriceList) -> None:
        self.observed = observed
        self.settings = observed.settings
        self.peaks = peaks
        self.prices = prices
        self.pricing = Pricing(prices=prices, assumed=assumptions(observed.settings))
        self.fleet = tuple(wishes.fleet(observed.settings))
        self.project = project

    @cached_property
    def others(self) -> ClusterState:
        """What culm.yml does not name."""
        return others(self.project, self.observed, self.prices)

    @cached_property
    def present(self) -> Outcome | None:
        """The project as it is on the fleet that there is; None: it does not fit."""
        return played(self.load(self.project), self.fleet)

    @property
    def architecture(self) -> str:
        """The architecture of the instances that there are."""
        return INSTANCE_TYPES[self.fleet[0]].architecture

    def load(self, project: Project) -> Load:
        """Return what a fleet has to carry when the project is deployed."""
        survey = self.observed.survey
        empty = replace(survey, observed=replace(survey.observed, services={}, task_definitions={}))
        asked = [wishes.deployed(project, service, empty, {}) for service in project.services.values()]
        return Load(
            others=self.others,
            wanted=tuple(each.wanted for each in asked),
            jobs=tuple((job.name, need(job)) for job in project.jobs.values()),
            busy=sum(self._busy(service) for service in project.services.values()),
            reserved=self.settings.provider == "aws",
        )

    def _busy(self, service: Service) -> float:
        usage = self.peaks.enough(service.name)
        return (usage.cpu or 0.0) * service.count if usage is not None else 0.0

    def better(self, project: Project, than: Sequence[str], architecture: str) -> tuple[str, ...] | None:
        """Return the cheapest fleet of an architecture that carries the project; None: none is cheaper than `than`.

        None, too, where the project does not even fit now: `culm plan` has the ways out of that.
        """
        if self.present is None:
            return None
        limits = Limits(
            kinds=self.pricing.listed(architecture),
            most=len(self.fleet) + MOST_MORE,
            price=self.pricing.of(than) - LEAST_DOLLARS,
            degrees=self.present.degrees,
        )
        return cheapest(self.load(project), limits, self.pricing)

    def saved(self, stage: Stage, fleet: Sequence[str]) -> float:
        """Return dollars a month that this fleet costs less than the stage's."""
        return self.cost(stage) - self.cost(replace(stage, fleet=tuple(fleet)))

    def cost(self, stage: Stage) -> float:
        """Return dollars a month of a stage's fleet and what comes with it."""
        return self.pricing.of(stage.fleet) - SPOT_SAVES * self.instances(stage.fleet) * stage.spot

    def instances(self, fleet: Iterable[str]) -> float:
        """Return dollars a month of the instances alone."""
        return sum(self.prices.of_instance(name) or 0.0 for name in fleet)

    def instances_edit(self, fleet: Sequence[str]) -> Edit:
        return Edit(path=("targets", self.settings.name, "instances"), value=plan.written(fleet))


def others(project: Project, observed: Situation, prices: PriceList) -> ClusterState:
    """Return the target's services that culm.yml does not name, without tasks; and its instances."""
    frame = wishes.Frame(project=project, settings=observed.settings, now=observed.now, prices=prices)
    state = wishes.cluster(frame, observed.survey)
    left = tuple(s for s in state.services if s.service_name not in project.services and s.status == "ACTIVE")
    return replace(state, services=left, tasks=(), target_health={})


def need(job: Service) -> Need:
    cpu, memory = jobs.needs(job)
    return Need(cpu=cpu, memory=memory)


Step = Callable[[Ground, Stage], tuple[Advice | None, Stage]]


def fleet(ground: Ground, stage: Stage) -> tuple[Advice | None, Stage]:
    """Return the cheapest fleet of the same architecture, everything else as it is."""
    better = ground.better(stage.project, stage.fleet, ground.architecture)
    if better is None:
        return None, stage
    given = Advice(
        kind="fleet",
        what=f"{plan.written(better)} instead of {plan.written(stage.fleet)} carries everything",
        dollars=ground.saved(stage, better),
        edits=(ground.instances_edit(better),),
        risk=risk_of_fleet(stage.fleet, better),
    )
    return given, replace(stage, fleet=better)


def memory(ground: Ground, stage: Stage) -> tuple[Advice | None, Stage]:
    """Return memory limits by what was measured, where they save money or make room for another task."""
    limits = {
        name: limit
        for name, service in stage.project.services.items()
        if (usage := ground.peaks.enough(name)) is not None
        and usage.memory is not None
        and (limit := limit_over(usage.memory)) < service.memory
    }
    if not limits:
        return None, stage
    services = {n: replace(s, memory=limits.get(n, s.memory)) for n, s in stage.project.services.items()}
    after = _moved(ground, stage, replace(stage.project, services=services))
    dollars = ground.saved(stage, after.fleet)
    more = 0 if dollars >= LEAST_DOLLARS else slots_gained(ground, stage, after)
    if dollars < LEAST_DOLLARS and more < 1:
        return None, stage
    each = ", ".join(
        f"{name} {stage.project.services[name].memory} -> {limit} MiB (peak {ground.peaks.services[name].memory})"
        for name, limit in limits.items()
    )
    gain = f", so that {plan.written(after.fleet)} is enough" if after.fleet != stage.fleet else f": {room(more)}"
    edits = [Edit(path=("services", name, "memory"), value=str(limit)) for name, limit in limits.items()]
    given = Advice(
        kind="memory",
        what=f"a quarter above the peak is enough for {each}{gain}",
        dollars=dollars,
        edits=(*edits, *_edit_of_fleet(ground, stage, after)),
        risk=_and("a task that takes more than its limit is killed", _risk_of_change(stage, after)),
    )
    return given, after


def unused(ground: Ground, stage: Stage) -> tuple[Advice | None, Stage]:
    """Return the services that the load balancer sent nothing for a day or more, to be scaled to 0."""
    idle = [service for service in stage.project.services.values() if _never_called(service, ground.peaks)]
    if not idle:
        return None, stage
    names = [service.name for service in idle]
    parked = {name: replace(service, count=0, scaling=None) for name, service in stage.project.services.items()}
    services = {name: parked[name] if name in names else each for name, each in stage.project.services.items()}
    after = _moved(ground, stage, replace(stage.project, services=services))
    freed = sum(service.memory * service.count for service in idle)
    scaled = [service.name for service in idle if service.scaling is not None]
    edits = [Edit(path=("services", name, "count"), value="0") for name in names if name not in scaled]
    hours = min(ground.peaks.services[name].hours for name in names)
    gain = f", so that {plan.written(after.fleet)} is enough" if after.fleet != stage.fleet else ""
    given = Advice(
        kind="unused",
        what=f"nobody called {', '.join(names)} in {hours:.0f} hours: {freed} MiB would be free{gain}",
        dollars=ground.saved(stage, after.fleet),
        edits=(*edits, *_edit_of_fleet(ground, stage, after)) if not scaled else (),
        command=f"culm down {' '.join(names)}" if scaled else "",
        risk=_and("who calls it next gets 503 until it is scaled up again", _risk_of_change(stage, after)),
    )
    return given, after


def _never_called(service: Service, peaks: Peaks) -> bool:
    usage = peaks.enough(service.name)
    return bool(usage and usage.requests == 0 and service.balanced and service.count and not service.called)


def graviton(ground: Ground, stage: Stage) -> tuple[Advice | None, Stage]:
    """Return the cheapest fleet of arm64 instances on aws, unless some image is said to be for x86_64 alone."""
    bound = [service for service in stage.project.everything.values() if "amd64" in (service.platform or "")]
    if ground.settings.provider != "aws" or ground.architecture == "arm64" or bound:
        return None, stage
    better = ground.better(stage.project, stage.fleet, "arm64")
    if better is None:
        return None, stage
    ready = [name for name, service in stage.project.everything.items() if service.image is not None]
    images = "images are built for arm64 from then on"
    if ready:
        images += f"; the ready ones of {', '.join(ready)} must be there for it"
    given = Advice(
        kind="graviton",
        what=f"{plan.written(better)} (Graviton, arm64) instead of {plan.written(stage.fleet)} carries everything",
        dollars=ground.saved(stage, better),
        edits=(ground.instances_edit(better),),
        risk=_and(images, risk_of_fleet(stage.fleet, better)),
    )
    return given, replace(stage, fleet=better)


def spot(ground: Ground, stage: Stage) -> tuple[Advice | None, Stage]:
    """Return what spare capacity saves, on aws."""
    after = replace(stage, spot=True)
    dollars = ground.cost(stage) - ground.cost(after)
    if ground.settings.provider != "aws" or stage.spot or dollars < LEAST_DOLLARS:
        return None, stage
    alone = "; on the only instance that is everything" if len(stage.fleet) == 1 else ""
    given = Advice(
        kind="spot",
        what="spot instances usually cost a third",
        dollars=dollars,
        edits=(Edit(path=("targets", ground.settings.name, "spot"), value="true"),),
        risk=f"AWS may take an instance away with two minutes' notice; its tasks start elsewhere, or wait{alone}",
        estimated=True,
    )
    return given, after


def sleep(ground: Ground, stage: Stage) -> tuple[Advice | None, Stage]:
    """Return what the hours would save in which nobody called, on any day, on aws."""
    hours = ground.peaks.calls_by_hour if ground.peaks.hours >= ENOUGH_HOURS else ()
    begin, length = quiet(hours)
    dollars = (ground.cost(stage) - ground.pricing.of([])) * length / 24
    already = ground.settings.sleep is not None and ground.settings.sleep.hours is not None
    if ground.settings.provider != "aws" or already or length < LEAST_QUIET_HOURS or dollars < LEAST_DOLLARS:
        return None, stage
    opens, closes = (begin + length) % 24, begin or 24
    asleep = f"from {begin:02d}:00 to {opens:02d}:00 UTC"
    path = ("targets", ground.settings.name, "sleep", "hours")
    edits = (Edit(path=path, value=f"mon-sun {opens:02d}:00-{closes:02d}:00 UTC"),) if opens < closes else ()
    given = Advice(
        kind="sleep",
        what=f"nobody called {asleep} on any measured day: without instances in these hours it costs less",
        dollars=dollars,
        edits=edits,
        command="" if edits else f"culm sleep --target {ground.settings.name}, and culm wake in the morning",
        risk="jobs, and services without a path, do nothing meanwhile; whoever comes is told to come later",
    )
    return given, stage


def previews(ground: Ground, stage: Stage) -> list[Advice]:
    """Return the previews that nobody called for a day or more; what the first frees counts for the second."""
    given: list[Advice] = []
    for idle in idle_previews(ground.observed.survey, ground.peaks):
        survey = without(ground.observed.survey, idle.services)
        less = replace(ground.observed, survey=survey)
        after = Ground(project=ground.project, observed=less, peaks=ground.peaks, prices=ground.prices)
        better = after.better(stage.project, stage.fleet, INSTANCE_TYPES[stage.fleet[0]].architecture)
        gain = f", so that {plan.written(better)} is enough" if better is not None else ""
        quiet_for = f"nobody called preview {idle.name} in {idle.hours:.0f} hours"
        given.append(
            Advice(
                kind="previews",
                what=f"{quiet_for}: {idle.memory} MiB would be free{gain}",
                dollars=0.0 if better is None else ground.saved(stage, better),
                edits=() if better is None else (ground.instances_edit(better),),
                command=f"culm env down {idle.name} --target {ground.settings.name}",
                risk="its data is gone" + ("" if better is None else "; remove it before there are fewer instances"),
            )
        )
        ground, stage = after, stage if better is None else replace(stage, fleet=better)
    return given


STEPS: Mapping[Kind, Step] = {
    "fleet": fleet,
    "memory": memory,
    "unused": unused,
    "graviton": graviton,
    "spot": spot,
    "sleep": sleep,
}


def quiet(by_hour: Sequence[float]) -> tuple[int, int]:
    """Return the first hour and the length of the longest run of hours without a request; it may pass midnight."""
    if len(by_hour) != 24 or not any(by_hour):
        return 0, 0
    runs = []
    for begin in range(24):
        if by_hour[begin] == 0 and by_hour[begin - 1] > 0:
            length = next(n for n in range(1, 25) if by_hour[(begin + n) % 24] > 0)
            runs.append((length, begin))
    length, begin = max(runs, default=(0, 0))
    return begin, length


def risk_of_fleet(before: Sequence[str], after: Sequence[str]) -> str:
    """Return what another fleet may cost besides money."""
    risks = ["instances are replaced"]
    if len(after) == 1 < len(before):
        risks = ["everything is on one instance: while AWS replaces it, nothing answers"]
    burstable = [name for name in after if name.startswith("t")]
    if burstable and any(not name.startswith("t") for name in before):
        risks.append(f"{burstable[0]} is burstable: it is slowed, or costs more, when its CPU is busy for long")
    return "; ".join(risks)


def slots_gained(ground: Ground, stage: Stage, after: Stage) -> int:
    """Return how many more tasks of the usual size fit than before, on the same fleet."""
    before, then = (played(ground.load(each.project), each.fleet) for each in (stage, after))
    size = plan.usual_size(ground.others, ground.load(stage.project).wanted)
    return then.slots(size) - before.slots(size) if before is not None and then is not None else 0


def room(more: int) -> str:
    """Return `room for 2 more tasks`, in the right number."""
    return f"room for {more} more task{'' if more == 1 else 's'}"


def _moved(ground: Ground, stage: Stage, project: Project) -> Stage:
    """Return the stage with this project, on the cheapest fleet that carries it."""
    better = ground.better(project, stage.fleet, ground.architecture)
    return replace(stage, project=project, fleet=better or stage.fleet)


def _edit_of_fleet(ground: Ground, stage: Stage, after: Stage) -> list[Edit]:
    return [ground.instances_edit(after.fleet)] if after.fleet != stage.fleet else []


def _risk_of_change(stage: Stage, after: Stage) -> str:
    return risk_of_fleet(stage.fleet, after.fleet) if after.fleet != stage.fleet else ""


def _and(*risks: str) -> str:
    return "; ".join(risk for risk in risks if risk)
