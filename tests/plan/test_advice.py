"""What would make a target cheaper: the best that trying everything finds, and silence where nothing is to be had."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from itertools import combinations_with_replacement
from pathlib import Path
from random import Random

import pytest

from culm.cli.price_lists import load
from culm.cli.screens.advice import AdvicePage, report, screen
from culm.core.model.instance_types import INSTANCE_TYPES
from culm.plan.advice import Ground, advice, month, quiet, risk_of_fleet, unmeasured
from culm.plan.advised import LEAST_DOLLARS, Advice, Peaks, ServicePeaks, Situation, StoredImage, StoredLogs
from culm.plan.bill import PriceList
from culm.plan.fleets import MOST_MORE, played
from culm.project.load import parse
from culm.project.project import Project
from culm.target.survey import nothing

SEEDS = range(10)
NOW = 1_767_225_600.0
DAYS = 48.0
TYPES = ("t2.micro", "t3.micro", "t3.small", "t4g.micro", "t4g.small")
LISTED = load("us-east-1")
FEW = replace(LISTED, hourly=replace(LISTED.hourly, instances={name: LISTED.hourly.instances[name] for name in TYPES}))
"""The prices of so few types that every fleet of them can be tried."""


def a_project(services: str, instances: str = "2 x t3.small", **target: str) -> Project:
    """A project of ready images with a target on aws."""
    more = "".join(f", {name}: {value}" for name, value in target.items())
    text = f"name: shop\ntargets: {{stg: {{provider: aws, instances: {instances}{more}}}}}\nservices:\n{services}"
    return parse(text, Path("culm.yml"))


def a_service(name: str, **fields: object) -> str:
    written = {"image": "nginx:1", "port": 8000, **fields}
    return f"  {name}: {{{', '.join(f'{key}: {value}' for key, value in written.items())}}}\n"


def situation(project: Project, **fields: object) -> Situation:
    settings = project.targets["stg"]
    there = Situation(settings=settings, survey=nothing(project, settings, "us-east-1"), now=NOW)
    return replace(there, **fields)  # type: ignore[arg-type]


def peaks(project: Project, **fields: object) -> Peaks:
    """Every service measured for two days: as full as it may be, and called."""
    services = {
        name: ServicePeaks(hours=DAYS, memory=each.memory, requests=9.0) for name, each in project.services.items()
    }
    return replace(Peaks(services=services, hours=DAYS), **fields)  # type: ignore[arg-type]


def a_cluster(seed: int) -> tuple[Project, Peaks]:
    """Two or three services on one or two instances; some are much smaller than their limits, some nobody calls."""
    chance = Random(seed)
    services, measured = "", {}
    for number in range(chance.randint(2, 3)):
        memory = chance.choice((128, 256, 384, 512))
        fields: dict[str, object] = {"memory": memory, "count": chance.choice((1, 1, 2))}
        if chance.random() < 0.3:
            fields["migrate"] = "{command: [migrate]}"
        services += a_service(f"s{number}", **fields)
        peak = chance.choice((memory // 5, memory - 10, memory - 10))
        called = 0.0 if chance.random() < 0.2 else 100.0
        measured[f"s{number}"] = ServicePeaks(hours=DAYS, memory=peak, cpu=20.0, requests=called)
    fleet = chance.choice(("2 x t3.small", "1 x t3.small", "2 x t3.micro", "1 x t2.micro + 1 x t3.small"))
    return a_project(services, fleet), Peaks(services=measured, hours=DAYS)


class TryingEverything:
    """The known best: every fleet of two types at most, none left out, each played."""

    def __init__(self, project: Project, measured: Peaks) -> None:
        self.ground = Ground(project=project, observed=situation(project), peaks=measured, prices=FEW)

    def fleets(self, architecture: str) -> Iterator[tuple[str, ...]]:
        kinds = [name for name in TYPES if INSTANCE_TYPES[name].architecture == architecture]
        for count in range(1, len(self.ground.fleet) + MOST_MORE + 1):
            yield from (f for f in combinations_with_replacement(kinds, count) if len(set(f)) <= 2)

    def best(self, project: Project, below: float, architecture: str = "x86_64") -> float:
        """Return the least that this project can cost; `below` where that is not worth a line."""
        present, carried = self.ground.present, self.ground.load(project)
        priced = [(self.ground.pricing.of(fleet), fleet) for fleet in self.fleets(architecture)]
        able = []
        for price, fleet in priced:
            if present is None or price >= below - LEAST_DOLLARS:
                continue
            outcome = played(carried, fleet)
            if outcome is not None and all(d <= present.degrees.get(n, 0) for n, d in outcome.degrees.items()):
                able.append(price)
        return min(able, default=below)


def limited(project: Project, measured: Peaks) -> Project:
    def limit(name: str, memory: int) -> int:
        peak = measured.services[name].memory or 0
        return min(memory, max(32, next(size for size in range(0, 9999, 16) if size >= int(peak * 1.25))))

    services = {name: replace(s, memory=limit(name, s.memory)) for name, s in project.services.items()}
    return replace(project, services=services)


def parked(project: Project, measured: Peaks) -> Project:
    idle = [name for name, peak in measured.services.items() if peak.requests == 0]
    services = {name: replace(s, count=0) if name in idle else s for name, s in project.services.items()}
    return replace(project, services=services)


@cache
def advised(seed: int) -> tuple[Project, Peaks, Mapping[str, Advice]]:
    """A seeded cluster with what is advised there, by kind."""
    project, measured = a_cluster(seed)
    return project, measured, {each.kind: each for each in advice(project, situation(project), measured, FEW)}


def test_a_preview_that_nobody_calls_is_named_with_what_it_holds_and_one_in_use_is_not() -> None:
    project = a_project(a_service("web", memory=512))
    names = ("pr-1--web", "pr-2--web", "pr-3--web", "pr-3--worker", "web")
    there = previewed(project, *names)
    called = {"pr-1--web": 0.0, "pr-2--web": 3.0, "pr-3--web": 0.0, "web": 9.0}
    measured = Peaks(services={n: ServicePeaks(hours=30, requests=count) for n, count in called.items()}, hours=30)
    [idle] = advice(project, there, measured, LISTED, ["previews"])
    assert (idle.kind, idle.command) == ("previews", "culm env down pr-1 --target stg")
    assert idle.what.startswith("nobody called preview pr-1 in 30 hours: 128 MiB would be free")
    brief = replace(measured, services={n: replace(s, hours=20.0) for n, s in measured.services.items()})
    assert advice(project, there, brief, LISTED, ["previews"]) == []


def previewed(project: Project, *names: str) -> Situation:
    """A target with a service of each name, of one task with 128 MiB."""
    there = situation(project)
    definitions = [
        {
            "taskDefinitionArn": f"arn:aws:ecs:us-east-1:1:task-definition/shop-{name}:1",
            "family": f"shop-{name}",
            "revision": 1,
            "status": "ACTIVE",
            "containerDefinitions": [{"name": name, "image": "nginx:1", "memoryReservation": 128, "essential": True}],
        }
        for name in names
    ]
    services = [
        {
            "serviceName": name,
            "serviceArn": f"arn:aws:ecs:us-east-1:1:service/shop/{name}",
            "clusterArn": "arn:aws:ecs:us-east-1:1:cluster/shop",
            "taskDefinition": f"arn:aws:ecs:us-east-1:1:task-definition/shop-{name}:1",
            "desiredCount": 1,
            "runningCount": 1,
            "status": "ACTIVE",
            "launchType": "EC2",
            "deployments": [],
        }
        for name in names
    ]
    return replace(there, survey=replace(there.survey, services=services, task_definitions=definitions))


@pytest.mark.parametrize("seed", SEEDS)
def test_advice_on_a_seeded_cluster_is_the_best_that_trying_everything_finds(seed: int) -> None:
    project, measured, given = advised(seed)
    known = TryingEverything(project, measured)
    start = known.ground.pricing.of(known.ground.fleet)
    as_it_is = known.best(project, start)
    smaller = limited(project, measured)
    with_limits = known.best(smaller, as_it_is) if smaller != project else as_it_is
    if "memory" not in given:  # they save nothing, and make no room either: the limits stay
        smaller = project
    without = parked(smaller, measured)
    with_less = known.best(without, with_limits) if without != smaller else with_limits
    on_arm = known.best(without, with_less, "arm64")
    best = {
        "fleet": start - as_it_is,
        "memory": as_it_is - with_limits,
        "unused": with_limits - with_less,
        "graviton": with_less - on_arm,
    }
    assert {kind: given[kind].dollars if kind in given else 0.0 for kind in best} == pytest.approx(best)
    assert all(kind in given for kind, dollars in best.items() if dollars >= LEAST_DOLLARS)
    assert ("unused" in given) == (without != smaller)


def test_the_seeded_clusters_differ_in_what_is_to_be_had() -> None:
    given = [set(kinds) for _, _, kinds in map(advised, SEEDS)]
    assert all("graviton" in kinds for kinds in given)
    for kind in ("fleet", "memory", "unused"):
        assert 0 < sum(kind in kinds for kinds in given) < len(given), kind


def kinds(given: list[Advice]) -> list[str]:
    return [each.kind for each in given]


def test_nothing_is_said_where_nothing_is_to_be_had() -> None:
    project = a_project(a_service("web"), "1 x t4g.nano", spot="true")
    assert advice(project, situation(project), peaks(project), LISTED) == []


def test_a_fleet_that_would_stop_a_service_for_a_deploy_is_not_advised() -> None:
    """Two tasks of 512 MiB fit on one t3.micro of 904 MiB one after the other, and not side by side."""
    insisting = a_project(a_service("web", memory=512), "1 x t3.small")
    assert "fleet" not in kinds(advice(insisting, situation(insisting), peaks(insisting), FEW))
    small = a_project(a_service("web", memory=380), "1 x t3.small")
    [fleet, *_] = advice(small, situation(small), peaks(small), FEW)
    assert str(fleet.edits[0]) == "targets.stg.instances: 1 x t3.micro"


def test_the_busiest_minute_of_all_tasks_together_fits_on_the_processors() -> None:
    project = a_project(a_service("web", memory=64, cpu=64), "2 x t3.small")
    busy = ServicePeaks(hours=DAYS, memory=64, cpu=3000.0, requests=9.0)
    assert "fleet" in kinds(advice(project, situation(project), peaks(project), FEW))
    measured = peaks(project, services={"web": busy})
    [fleet, *_] = advice(project, situation(project), measured, FEW)
    assert str(fleet.edits[0]) == "targets.stg.instances: 2 x t3.micro"


def test_with_less_than_a_day_measured_only_what_needs_no_measurement_is_advised() -> None:
    project = a_project(a_service("web", memory=512) + a_service("idle"), "2 x t3.small")
    young = ServicePeaks(hours=23, memory=40, requests=0.0)
    measured = Peaks(services={"web": young, "idle": young}, hours=23, calls_by_hour=(0.0,) * 12 + (1.0,) * 12)
    assert set(kinds(advice(project, situation(project), measured, LISTED))) <= {"fleet", "graviton", "spot"}
    assert unmeasured(project, measured) == ["web", "idle"]
    old = replace(young, hours=24)
    grown = replace(measured, services={"web": old, "idle": old}, hours=24)
    assert {"memory", "unused", "sleep"} <= set(kinds(advice(project, situation(project), grown, LISTED)))
    assert unmeasured(project, grown) == []


def test_smaller_limits_that_save_nothing_are_advised_for_the_room_they_make() -> None:
    project = a_project(a_service("web") + a_service("api"), "1 x t4g.micro", spot="true")
    small = ServicePeaks(hours=DAYS, memory=100, requests=9.0)
    [memory] = advice(project, situation(project), peaks(project, services={"web": small, "api": small}), FEW)
    assert "so that" not in memory.what
    assert memory.dollars == 0
    assert memory.what.endswith(": room for 1 more task")
    assert list(map(str, memory.edits)) == ["services.web.memory: 128", "services.api.memory: 128"]
    full = replace(small, memory=190)
    assert advice(project, situation(project), peaks(project, services={"web": full, "api": full}), FEW) == []


def test_a_service_that_others_call_inside_or_that_has_no_path_is_not_called_unused() -> None:
    services = a_service("web", calls="[api]") + a_service("api") + a_service("worker", path="none", port="none")
    project = a_project(services.replace(", port: none", ""))
    silent = {name: ServicePeaks(hours=DAYS, memory=256, requests=0.0) for name in project.services}
    [unused] = advice(project, situation(project), peaks(project, services=silent), LISTED, ["unused"])
    assert next(map(str, unused.edits)) == "services.web.count: 0"
    assert "nobody called web in 48 hours" in unused.what


def test_graviton_is_not_for_an_image_of_another_platform() -> None:
    project = a_project(a_service("web"))
    [graviton] = advice(project, situation(project), Peaks(), LISTED, ["graviton"])
    assert "the ready ones of web must be there for it" in graviton.risk
    services = {"web": replace(project.services["web"], platform="linux/amd64")}
    assert advice(replace(project, services=services), situation(project), Peaks(), LISTED, ["graviton"]) == []


def test_a_local_target_is_told_nothing_of_spot_graviton_and_nights() -> None:
    project = a_project(a_service("web"))
    local = replace(project.targets["stg"], provider="local")
    nights = peaks(project, calls_by_hour=(0.0,) * 12 + (1.0,) * 12)
    assert kinds(advice(project, situation(project, settings=local), nights, LISTED)) == ["fleet"]


def test_instances_that_sleep_cost_nothing_in_the_hours_without_a_request() -> None:
    project = a_project(a_service("web"))
    by_hour = tuple(0.0 if hour >= 20 or hour < 6 else 5.0 for hour in range(24))
    [sleep] = advice(project, situation(project), peaks(project, calls_by_hour=by_hour), LISTED, ["sleep"])
    assert "from 20:00 to 06:00 UTC" in sleep.what
    ground = Ground(project=project, observed=situation(project), peaks=Peaks(), prices=LISTED)
    assert sleep.dollars == pytest.approx((ground.pricing.of(ground.fleet) - ground.pricing.of([])) * 10 / 24)
    [edit] = sleep.edits
    assert (".".join(edit.path), edit.value) == ("targets.stg.sleep.hours", "mon-sun 06:00-20:00 UTC")
    sleeps = a_project(a_service("web"), sleep="{hours: 'mon-sun 06:00-20:00 UTC'}")
    assert advice(sleeps, situation(sleeps), peaks(sleeps, calls_by_hour=by_hour), LISTED, ["sleep"]) == []
    at_day = tuple(0.0 if 6 <= hour < 20 else 5.0 for hour in range(24))  # office hours do not go over midnight
    [sleep] = advice(project, situation(project), peaks(project, calls_by_hour=at_day), LISTED, ["sleep"])
    assert (sleep.edits, sleep.command) == ((), "culm sleep --target stg, and culm wake in the morning")


@pytest.mark.parametrize(
    ("calls", "hours"),
    [((), (0, 0)), ((0,) * 24, (0, 0)), ((1,) * 24, (0, 0)), ((0,) * 8 + (1,) * 12 + (0,) * 4, (20, 12))],
)
def test_quiet_hours_may_pass_midnight(calls: tuple[float, ...], hours: tuple[int, int]) -> None:
    assert quiet(calls) == hours


def test_images_that_nothing_runs_are_told_with_their_digests() -> None:
    project = a_project(a_service("web"))
    images = tuple(
        StoredImage(repository="shop/web", digest=f"sha256:{n}", size=500_000_000, pushed_at=n) for n in range(10)
    )
    there = situation(project, images=images, running=frozenset({"sha256:0"}))
    [idle] = advice(project, there, Peaks(), LISTED, ["images"])
    assert idle.dollars == pytest.approx(0.2)
    assert idle.command.endswith(" ".join(f"imageDigest=sha256:{n}" for n in (4, 3, 2, 1)))
    assert advice(project, replace(there, images=images[4:]), Peaks(), LISTED, ["images"]) == []


def test_a_log_group_that_nothing_writes_to_is_told() -> None:
    project = a_project(a_service("web"))
    gone, own = (StoredLogs(name=f"/culm/shop/{name}", size=50_000_000_000) for name in ("gone", "web"))
    there = situation(project, logs=(gone, own))
    [logs] = advice(project, there, Peaks(), LISTED, ["logs"])
    assert logs.dollars == pytest.approx(50 * LISTED.monthly.logs_stored_gb)
    assert logs.command == "aws logs delete-log-group --log-group-name /culm/shop/gone"
    running = replace(there.survey, services=[{"serviceName": "gone", "status": "DRAINING"}])
    assert advice(project, replace(there, survey=running), Peaks(), LISTED, ["logs"]) == []


def a_page(project: Project, given: list[Advice], prices: PriceList = LISTED) -> AdvicePage:
    return AdvicePage(
        project="shop",
        target="stg",
        given=given,
        dollars=month(project, project.targets["stg"], prices).dollars,
        prices=prices,
        hours=DAYS,
        unmeasured=["late"],
        places={edit.path: "culm.yml:2" for each in given for edit in each.edits},
    )


def test_the_screen_has_dollars_lines_and_risks_in_eighty_columns() -> None:
    project = a_project(a_service("web", memory=128))
    given = advice(project, situation(project), peaks(project), FEW)
    text = screen(a_page(project, given), 80)
    assert "culm.yml:2  targets.stg.instances: 1 x t3.micro" in text
    assert "risk: everything is on one instance: while AWS replaces it" in text
    assert "measured for less than 24 hours: late;" in text
    assert max(map(len, text.splitlines())) <= 80
    described = report(a_page(project, given))
    assert described["saved"] == pytest.approx(sum(each["dollars"] for each in described["advice"]), abs=0.02)
    assert described["advice"][0]["edits"] == [
        {"key": "targets.stg.instances", "value": "1 x t3.micro", "at": "culm.yml:2"}
    ]
    assert "culm knows of nothing that would make it cheaper" in screen(a_page(project, []), 80)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (("m5.large",), ("m5.large",), ()),
        (("m5.large",), ("t3.small",), ("burstable",)),
        (("m5.large", "t3.small"), ("t3.small", "t3.small"), ("burstable",)),
        (("t3.small", "t3.small"), ("t2.micro",), ("one instance",)),
        (("m5.large", "m5.large"), ("t3.large",), ("one instance", "burstable")),
    ],
)
def test_another_fleet_has_the_risks_that_come_with_it(
    before: tuple[str, ...], after: tuple[str, ...], words: tuple[str, ...]
) -> None:
    risk = risk_of_fleet(before, after)
    assert [each for each in ("one instance", "burstable") if each in risk] == list(words)
    assert ("instances are replaced" in risk) == ("one instance" not in words)
