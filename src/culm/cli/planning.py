"""Make the plan of a deploy from the project and what can be observed of its target."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from culm.cli import price_lists
from culm.cli.context import local_target, open_target, settings_of
from culm.cli.screens.plan import screen
from culm.core.model.instance_types import INSTANCE_TYPES
from culm.core.model.record import record
from culm.deploy.build.choose import builder_for
from culm.deploy.build.docker import DockerBuilder
from culm.deploy.build.port import Builder
from culm.deploy.images import Images, images_of, known_images
from culm.deploy.job import Job
from culm.engine.client import Engine
from culm.errors import Differs
from culm.operate import bench
from culm.plan import abilities, diff, jobs, rollout, vault_files, wishes
from culm.plan.abilities import demand
from culm.plan.capacity import Capacity, capacity
from culm.plan.observed import Described, Survey
from culm.plan.plan import Asked, Plan
from culm.project.project import Project
from culm.target import faults, local, servers
from culm.target.clock import now
from culm.target.connection import Target
from culm.target.survey import nothing, survey


@record
class PricesFrom:
    """By which prices a plan is made, where it is not simply by those of the target's region."""

    region: str | None = None
    file: Path | None = None
    """A price list of the user's own, in place of the one that culm brings for the region."""


TARGETS_OWN = PricesFrom()
NEVER_NAMED = ("put_role_policy",)
"""Calls for what services stand on that make nothing which a step of theirs would name."""


def plan_of(
    project: Project, target_name: str, names: Sequence[str], prices: PricesFrom = TARGETS_OWN, *, empty: bool = False
) -> Plan:
    """Return the plan of deploying these services and jobs, from what is on the target now.

    Where the local cluster does not run, or nobody is logged in, or with `empty`, the plan begins with nothing, and one
    of its notes says so. Raises what `of_target` raises.
    """
    settings = settings_of(project, target_name)
    if empty:
        return of_nothing(project, target_name, names, prices, "planned as if nothing were there yet")
    if settings.provider == "local" and not settings.endpoint_url and local.running() is None:
        note = "the local cluster does not run: planned as if nothing were there yet"
        return of_nothing(project, target_name, names, prices, note)
    target, builder = opened(project, target_name)
    try:
        return of_target(project, target, builder, names, prices)
    except faults.NotLoggedIn as error:
        note = f"{error.what}: planned as if nothing were there yet"
        return of_nothing(project, target_name, names, prices, note)


def opened(project: Project, target_name: str) -> tuple[Target, Builder]:
    """Return the target as it is, and what builds images for it. Raises CulmError when its cluster does not run."""
    settings = settings_of(project, target_name)
    if settings.provider != "local" or settings.endpoint_url:
        return open_target(project, target_name), DockerBuilder(Engine())
    described = local.demand()
    return local_target(settings, described), builder_for(described["runtime"], Engine())


def of_target(
    project: Project,
    target: Target,
    builder: Builder | Images,
    names: Sequence[str],
    prices: PricesFrom = TARGETS_OWN,
) -> Plan:
    """Return the plan of deploying these services and jobs to a target as it is.

    Raises UsageError for what the target cannot run, and Differs where the vault lacks files that tasks start with.
    """
    images = images_of(target, builder)
    demand(project, target.settings, images.made_by, names)
    stand_ins: list[str] = []
    if target.settings.provider == "local":
        servers.demand(project)
        stand_ins = abilities.notes(project, images.made_by, names)
    with faults.translated():
        surveyed = survey(target, project)
        vault_files.demand(project, target.settings, names, surveyed.observed)
        known = known_images(project, names, surveyed, images)
        region = prices.region or price_lists.known(target.region)
        services = [name for name in names if name in project.services]
        framed = replace(frame(project, target.settings.name, region, prices.file), notes=stand_ins)
        made = wishes.deploy(framed, services, surveyed, known)
        return with_jobs(project, surveyed, with_steps(project, surveyed, made, services), names)


def of_nothing(project: Project, target_name: str, names: Sequence[str], prices: PricesFrom, note: str) -> Plan:
    """Return the plan of deploying these services and jobs to a target that nothing is on yet; `note` says why.

    Raises UsageError for what the target cannot run.
    """
    settings = settings_of(project, target_name)
    demand(project, settings, None, names)
    if settings.provider == "local":
        servers.demand(project)
    where = prices.region or settings.region or price_lists.DEFAULT_REGION
    priced = frame(project, target_name, prices.region or price_lists.known(where), prices.file)
    surveyed = nothing(project, settings, where)
    services = [name for name in names if name in project.services]
    files = vault_files.notes(project, settings, names, surveyed.observed)
    return with_jobs(
        project, surveyed, wishes.deploy(replace(priced, notes=[note, *files]), services, surveyed, {}), names
    )


def with_steps(project: Project, surveyed: Survey, made: Plan, names: Sequence[str]) -> Plan:
    """Return the plan with the list that a deploy carries out; empty while what services stand on is not there."""
    calls = diff.base(project, surveyed.observed, surveyed.surroundings)
    if any(call.operation not in NEVER_NAMED for call in calls):
        return made
    steps = (
        *rollout.preparation(project, names, made.images),
        *rollout.deploy(project, surveyed, made, names, made.images),
    )
    return replace(made, steps=steps)


def with_jobs(project: Project, surveyed: Survey, made: Plan, names: Sequence[str]) -> Plan:
    """Return the plan with what becomes of jobs among `names`: steps after the services', and what a run takes."""
    named = [name for name in names if name in project.jobs]
    past = jobs.deletions(surveyed.observed.past_schedules if set(names) == set(project.everything) else ())
    steps = [*jobs.steps(project, named, surveyed, made.images), *past]
    own = [name for name in named if project.jobs[name].built_by not in names]
    builds = rollout.builds(project, own, made.images)
    listed = (*made.steps, *builds, *steps) if made.steps else ()
    notes = jobs.notes([project.jobs[name] for name in named], made.moves.state, made.slot[0], ZoneInfo)
    changing = tuple(dict.fromkeys(step.lane for step in steps))
    return replace(made, steps=listed, jobs=changing, notes=(*made.notes, *notes))


def frame(project: Project, target_name: str, region: str, own_prices: Path | None = None) -> wishes.Frame:
    """Return what plans of this project on this target are made in: now, these prices, and what bench has measured."""
    peaks = {name: b.peak_memory for name, b in bench.read(project).items() if b.peak_memory is not None}
    return wishes.Frame(
        project=project,
        settings=settings_of(project, target_name),
        now=now(),
        prices=price_lists.load(region, own_prices),
        peaks=peaks,
    )


def changing(job: Job, updates: Mapping[str, Mapping[str, Any]], ask: Callable[[Survey, str], Asked]) -> Plan:
    """Return the plan of updating live services; what was seen of the target is left in `job`.

    `ask` says for each what is wanted of it. Raises Differs where it does not fit, with the ways out, and
    where the vault lacks files that the new tasks would start with.
    """
    job.survey = survey(job.target, job.project)
    return changing_as_surveyed(job, updates, ask)


def changing_as_surveyed(
    job: Job, updates: Mapping[str, Mapping[str, Any]], ask: Callable[[Survey, str], Asked]
) -> Plan:
    """Plan as `changing` does, from the survey that `job` has."""
    asked = [ask(job.survey, name) for name in updates]
    vault_files.demand_of_revisions(started(job.survey, updates), job.target.settings, job.survey.observed)
    region = price_lists.known(job.target.region)
    plan = wishes.change(frame(job.project, job.target.settings.name, region), job.survey, asked)
    refuse(plan)
    return plan


def started(surveyed: Survey, updates: Mapping[str, Mapping[str, Any]]) -> list[Described]:
    """Return the revisions that updates start tasks of: none where there are to be fewer, or as many."""
    revisions = []
    for name, update in updates.items():
        live = surveyed.observed.services[name]
        if update.get("desiredCount", live["desiredCount"] + 1) > live["desiredCount"]:
            arn = update.get("taskDefinition", live["taskDefinition"])
            revisions.append(surveyed.observed.task_definitions.get(arn, {"containerDefinitions": []}))
    return revisions


def refuse(plan: Plan) -> None:
    """Show a plan that does not fit, and raise Differs."""
    if plan.fits:
        return
    click.echo(screen(plan, shutil.get_terminal_size().columns, short=True) + "\n", err=True)
    stuck = ", ".join(dict.fromkeys(obstacle.name for obstacle in plan.moves.obstacles))
    hint = "one of the ways out above; the cheapest is the first" if plan.remedies else ""
    raise Differs(f"{stuck}: it does not fit, nothing was changed", hint)


def capacity_of(project: Project, target_name: str, names: Sequence[str], prices: PricesFrom) -> Capacity:
    """Return what multiples of the load need, from culm.yml and `culm bench` alone: the target is not asked."""
    settings = settings_of(project, target_name)
    demands = [demand for demand in bench.demands(project) if demand.name in names]
    listed = price_lists.load(
        prices.region or price_lists.known(settings.region or price_lists.DEFAULT_REGION), prices.file
    )
    [architecture, *_] = dict.fromkeys(INSTANCE_TYPES[name].architecture for name in wishes.fleet(settings))
    return capacity(project.name, demands, architecture, listed)
