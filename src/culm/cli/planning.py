"""The plan of a deploy, from the project and whatever can be seen of its target."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from culm.cli import price_lists
from culm.cli.context import local_target, open_target, settings_of
from culm.core.model.instance_types import INSTANCE_TYPES
from culm.deploy import plan
from culm.deploy.build.choose import builder_for
from culm.deploy.build.docker import DockerBuilder
from culm.deploy.build.port import Builder
from culm.deploy.images import Images
from culm.engine.client import Engine
from culm.operate import bench
from culm.plan.capacity import Capacity, Demand, capacity
from culm.plan.plan import Plan
from culm.project.project import Project
from culm.target import faults, local
from culm.target.clock import now
from culm.target.connection import Target
from culm.target.survey import Survey, nothing, survey


def plan_of(
    project: Project,
    target_name: str,
    names: Sequence[str],
    *,
    empty: bool = False,
    region: str | None = None,
    own_prices: Path | None = None,
) -> Plan:
    """Where the local cluster does not run, or nobody is logged in, the plan begins with nothing, and says so."""
    settings = settings_of(project, target_name)
    if empty:
        return of_nothing(project, target_name, names, region, own_prices, "planned as if nothing were there yet")
    if settings.provider == "local" and not settings.endpoint_url and local.running() is None:
        note = "the local cluster does not run: planned as if nothing were there yet"
        return of_nothing(project, target_name, names, region, own_prices, note)
    target, builder = opened(project, target_name)
    try:
        return of_target(project, target, builder, names, region, own_prices)
    except faults.NotLoggedIn as error:
        note = f"{error.what}: planned as if nothing were there yet"
        return of_nothing(project, target_name, names, region, own_prices, note)


def opened(project: Project, target_name: str) -> tuple[Target, Builder]:
    """The target as it is, and what builds images for it."""
    settings = settings_of(project, target_name)
    if settings.provider != "local" or settings.endpoint_url:
        return open_target(project, target_name), DockerBuilder(Engine())
    described = local.demand()
    return local_target(settings, described), builder_for(described["runtime"], Engine())


def of_target(
    project: Project,
    target: Target,
    builder: Builder,
    names: Sequence[str],
    region: str | None = None,
    own_prices: Path | None = None,
) -> Plan:
    with faults.translated():
        found = survey(target, project)
        images = plan.known_images(project, names, found, Images(target, builder))
        priced = region or price_lists.known(target.region)
        return _made(project, target.settings.name, names, found, images, priced, own_prices)


def of_nothing(
    project: Project, target_name: str, names: Sequence[str], region: str | None, own_prices: Path | None, note: str
) -> Plan:
    settings = settings_of(project, target_name)
    where = region or settings.region or price_lists.DEFAULT_REGION
    priced = region or price_lists.known(where)
    return _made(project, target_name, names, nothing(project, settings, where), {}, priced, own_prices, note)


def _made(
    project: Project,
    target_name: str,
    names: Sequence[str],
    found: Survey,
    images: Mapping[tuple[str, bool], str],
    region: str,
    own_prices: Path | None,
    *notes: str,
) -> Plan:
    settings = settings_of(project, target_name)
    listed = price_lists.load(region, own_prices)
    peaks = {name: one.peak_memory for name, one in bench.read(project).items() if one.peak_memory is not None}
    return plan.make(project, settings, names, found, images, now(), listed, peaks=peaks, notes=notes)


def capacity_of(
    project: Project, target_name: str, names: Sequence[str], region: str | None, own_prices: Path | None
) -> Capacity:
    """From culm.yml and what was measured alone: nothing of the target is looked at."""
    settings = settings_of(project, target_name)
    measured = bench.read(project)
    demands = [
        Demand(
            name=one.name,
            load=one.load,
            throughput=measured[one.name].throughput if one.name in measured else None,
            memory=one.memory,
            cpu=one.cpu,
            count=one.count,
            migrates=one.migration is not None,
        )
        for one in (project.services[name] for name in names)
    ]
    listed = price_lists.load(region or price_lists.known(settings.region or price_lists.DEFAULT_REGION), own_prices)
    [architecture, *_] = dict.fromkeys(INSTANCE_TYPES[name].architecture for name in plan.fleet(settings))
    return capacity(project.name, demands, architecture, listed)
