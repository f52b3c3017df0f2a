"""`culm up`."""

import functools
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import click

from culm import render
from culm.aws import power
from culm.cli.agreement import await_instances, demand_name, ensure
from culm.cli.context import (
    F,
    json_option,
    local_target,
    open_project,
    open_target,
    settings_of,
    target_option,
    yes_option,
)
from culm.cli.outcomes import row
from culm.cli.planning import of_target
from culm.cli.planning import refuse as refuse_plan
from culm.cli.screens.plan import screen
from culm.cli.screens.progress import shown
from culm.cli.sleep import power_off
from culm.cli.wake import power_on, waken
from culm.console import Console
from culm.core.model.record import record
from culm.deploy import messages
from culm.deploy.build.choose import builder_for, choose, demand_docker
from culm.deploy.build.docker import DockerBuilder
from culm.deploy.build.port import Builder
from culm.deploy.executor import LeftAlone
from culm.deploy.images import recipe
from culm.deploy.job import Job
from culm.deploy.lock import locked
from culm.deploy.secret_variables import demand
from culm.deploy.up import ServiceOutcome, Up
from culm.engine.client import Engine
from culm.errors import CulmError, UsageError
from culm.lint.findings import refuse
from culm.lint.project import check
from culm.operate.probe import SHOWN, Probe, Tally
from culm.plan import abilities
from culm.plan.plan import Plan
from culm.plan.sleep import with_callees
from culm.project.project import Project
from culm.target import faults, local
from culm.target.connection import Target
from culm.target.survey import survey


@record
class Options:
    """How a deploy is carried out, besides what culm.yml says."""

    runtime: str = "auto"
    yes: bool = False
    probe: str | None = None
    """A URL that is asked all the while, or empty: those of the services that are deployed; None: nothing is asked."""
    as_json: bool = False
    there: tuple[str, ...] = ()
    """Services that need no deploy, for the report."""
    wake: bool = False
    """Whether services that sleep are woken once they are deployed."""
    reports: bool = True
    """Whether it prints where services are, or with `as_json` how each ended; False: its caller does."""


def probe_option(function: F) -> F:
    return click.option(
        "--probe",
        metavar="[URL]",
        is_flag=False,
        flag_value="",
        help="Ask URL steadily meanwhile (as --probe=URL), or the services that are deployed; fail if a request does.",
    )(function)


def deploy_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of every deploy; it gets them as `options`."""

    @yes_option
    @probe_option
    @click.option("--wake", is_flag=True, help="Wake services that sleep, once they are deployed.")
    @json_option
    @functools.wraps(function)
    def gathered(*, yes: bool, probe: str | None, wake: bool, as_json: bool, **others: Any) -> None:
        function(options=Options(yes=yes, probe=probe, wake=wake, as_json=as_json), **others)

    return gathered


@click.command()
@target_option
@click.option(
    "--runtime",
    type=click.Choice(["auto", "docker", "process"]),
    default="auto",
    show_default=True,
    help="What runs the local cluster's tasks, and so what builds the images.",
)
@deploy_options
def up(target_name: str, runtime: str, options: Options) -> None:
    """Bring the whole project up: build, push, migrate, roll out.

    On aws it begins with the stack that everything stands on: see `culm aws bootstrap`.

    --probe asks the services steadily all the while, and ends with status 1 when a request failed.

    A service that sleeps is deployed and sleeps on, if it is not woken by --wake.
    """
    project = open_project(target_name)
    console = Console(width=max(map(len, project.everything)))
    options = replace(options, runtime=runtime)
    deploy_services(project, target_name, list(project.everything), console, options)


def deploy_services(project: Project, target_name: str, names: list[str], console: Console, options: Options) -> None:
    """Plan, deploy, then print the URLs of what is up; raise the failure, or all of them as one.

    Jobs among `names` are scheduled when the services are deployed.
    """
    refuse(check(project, names))
    target, builder = prepare(project, target_name, options.runtime, console)
    carry_out(Up(project, target, builder, console), names, options)


def carry_out(deploy: Up, names: list[str], options: Options) -> Plan:
    """Plan a deploy of `names` and carry it out; returns the plan. Raises the failure, or all of them as one."""
    project, target, console = deploy.job.project, deploy.job.target, deploy.job.console
    whole = set(names) == set(project.everything) and project.preview is None
    scheduled = [project.jobs[name] for name in names if name in project.jobs]
    asleep = False
    if target.settings.provider == "aws" and project.preview is None:
        with faults.translated():
            ensure(target, project, console, yes=options.yes)
            asleep = power.off(target, project)
            if not asleep:
                await_instances(target, project, console)
    abilities.demand(project, target.settings, deploy.images.made_by, names)
    with faults.translated():
        demand(target, project, names)
    plan = of_target(project, target, deploy.images, names)
    if not plan.fits:
        stuck = ", ".join(dict.fromkeys(obstacle.name for obstacle in plan.moves.obstacles))
        send(deploy, [f"there is no room for {stuck}"])
    show(plan)
    changes = bool(plan.jobs) or any(service.changes for service in plan.services)
    if changes:
        demand_name(target.settings, "deploy this", yes=options.yes)
    if asleep and (changes or options.wake):
        with faults.translated():
            power_on(deploy.job)
        plan = of_target(project, target, deploy.images, names)
        refuse_plan(plan)
    with Probe(probed(deploy, plan, options.probe)) as probe:
        changing = [service.name for service in plan.services if service.changes]
        with shown(deploy.job, console, changing):
            outcomes = deploy.run(plan)
            if options.wake:
                outcomes = wake_deployed(deploy.job, outcomes)
            elif asleep and changes:
                sleep_on(deploy.job)
    for outcome in outcomes:
        if outcome.error is None and not options.as_json and options.reports:
            for url in deploy.urls(outcome.service):
                click.echo(f"{outcome.service:<{console.width}} {url}")
    # the last job may have left culm.yml, and its schedule would go on; on aws the stack has taken its role away then
    if scheduled or (whole and (project.jobs or target.settings.provider == "local")):
        outcomes += deploy.schedule(scheduled, outcomes, whole=whole)
    for name in plan.leftovers:
        console.say(f"{name} runs, and culm.yml does not name it: `culm down {name}` removes it")
    if options.as_json and options.reports:
        click.echo(
            json.dumps(summary(outcomes, None if options.probe is None else probe.tally, options.there), indent=2)
        )
    if options.probe is not None:
        tell(probe.tally, console)
    failures = {str(outcome.error): outcome.error.what for outcome in outcomes if outcome.error is not None}
    send(deploy, list(failures.values()))
    report(outcomes, console)
    if failed := probe.tally.failures:
        raise CulmError(
            f"{len(failed):,} of {probe.tally.requests:,} requests failed during the deploy",
            "culm plan says which services stop before they start; more room, or `roll: start-first`, keeps them up",
        )
    return plan


def wake_deployed(job: Job, outcomes: list[ServiceOutcome]) -> list[ServiceOutcome]:
    """Wake the services that were deployed well, with those that they call; how each ended now."""
    names = [outcome.service for outcome in outcomes if outcome.error is None]
    try:
        with faults.translated(), locked(job.target, job.project, job.say):
            job.survey = survey(job.target, job.project)
            endings = waken(job, with_callees(job.project, names))
    except CulmError as refusal:
        return [outcome if outcome.error else replace(outcome, error=refusal) for outcome in outcomes]
    ended = {outcome.service: outcome for outcome in outcomes}
    for name, error in endings.items():
        ended[name] = ServiceOutcome(service=name, changed=True, error=error)
    return list(ended.values())


def sleep_on(job: Job) -> None:
    """Stop the instances that a deploy has started, where all its services sleep still."""
    with faults.translated(), locked(job.target, job.project, job.say):
        job.survey = survey(job.target, job.project)
        power_off(job)


def probed(deploy: Up, plan: Plan, wanted: str | None) -> list[str]:
    """Return what the probe asks: the URL that is given, else a page of each service that serves and is to change."""
    if wanted is None:
        return []
    if wanted:
        if not wanted.startswith(("http://", "https://")):
            raise UsageError(
                f"--probe {wanted}: this is no URL", "--probe=http://127.0.0.1:8080/shop/, or --probe last"
            )
        return [wanted]
    with faults.translated():
        observed = deploy.observe()
    if observed.load_balancer is None:
        return []
    names = [each.name for each in plan.services if each.changes and each.name in observed.services]
    return [url for name in names if deploy.job.service(name).balanced for url in [page(deploy, name)]]


def page(deploy: Up, name: str) -> str:
    """Return the URL of a service's health page where the load balancer has it, else of where its first path begins."""
    service, [entrance, *_] = deploy.job.service(name), deploy.urls(name)
    path = render.entrances(service)[0]
    if service.health and service.health.startswith(path) and not service.routing.strip:
        return entrance.removesuffix(path) + service.health
    return entrance


def tell(tally: Tally, console: Console) -> None:
    """Print what a probe has counted, and its first failures."""
    if not tally.urls:
        console.say("the probe had nothing to ask: no service that serves has changed")
        return
    console.say(f"probe of {', '.join(tally.urls)}: {tally}")
    for failure in tally.failures[:SHOWN]:
        console.say(f"  after {failure.seconds:.1f} s: {failure.url} {failure.what}")


def summary(outcomes: list[ServiceOutcome], tally: Tally | None, there: Sequence[str] = ()) -> dict[str, Any]:
    """Return what `--json` prints; times in seconds."""
    services = [row(each.service, changed=each.changed, error=each.error) for each in outcomes]
    services += [row(name, changed=False, error=None) for name in there]
    probe = tally and {
        "urls": list(tally.urls),
        "requests": tally.requests,
        "failed": len(tally.failures),
        "p99": round(tally.p99, 4),
        "failures": [{"url": each.url, "after": round(each.seconds, 2), "what": each.what} for each in tally.failures],
    }
    return {"services": services, "probe": probe}


def show(plan: Plan) -> None:
    """Show what is about to happen, on one screen; raise an error when it cannot."""
    refuse_plan(plan)
    if plan.jobs or any(service.changes for service in plan.services):
        click.echo(screen(plan, shutil.get_terminal_size().columns, short=True) + "\n", err=True)


def send(deploy: Up, failures: list[str]) -> None:
    """Tell by the target's `notify:` what failed; a message that cannot be sent is told here."""
    if problem := messages.tell(deploy.job.target, deploy.job.project, failures):
        deploy.job.console.say(f"nobody was told by `notify:`: {problem}")


def report(outcomes: list[ServiceOutcome], console: Console) -> None:
    """Print the error of each service that failed; raises the last one, whose exit status is the command's.

    Services that were left alone because of it have said so as it happened.
    """
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if not failed:
        if not any(outcome.changed for outcome in outcomes):
            console.say("nothing changed")
        return
    causes = [outcome for outcome in failed if not isinstance(outcome.error, LeftAlone)] or failed
    distinct = {str(outcome.error): outcome.error for outcome in causes if outcome.error is not None}
    *others, last = distinct.values()
    for error in others:
        click.echo(f"culm: {error.what}\ntry: {error.hint}\n", err=True)
    raise last


def prepare(project: Project, target_name: str, runtime: str, console: Console) -> tuple[Target, Builder]:
    """Return the target, its local cluster started if need be, and the builder that goes with it."""
    settings = settings_of(project, target_name)
    engine = Engine()
    recipes = [
        wanted
        for service in project.everything.values()
        for migrate in (False, True)
        if (wanted := recipe(service, settings, migrate=migrate)) is not None
    ]
    if settings.provider != "local" or settings.endpoint_url:
        if runtime == "process":
            raise UsageError(f"target {target_name} is not local: its instances run containers", "leave out --runtime")
        demand_docker(recipes, engine, console.say)
        return open_target(project, target_name), DockerBuilder(engine)
    described = local.settled()
    if described is None:
        if runtime == "auto" and (last := local.last_runtime()):
            console.say(f"the {last} runtime, as before (--runtime chooses another)")
            runtime = last
        if runtime == "auto":
            choice = choose(recipes, engine, console.say)
            console.say(f"the {choice.runtime} runtime: {choice.why}")
            runtime = choice.runtime
        elif runtime == "docker":
            demand_docker(recipes, engine, console.say)
        console.say("starting the local cluster")
        described = local.start(runtime, " + ".join(map(str, settings.instances)))
    elif runtime not in ("auto", described["runtime"]):
        raise CulmError(
            f"the local cluster runs with the {described['runtime']} runtime, not {runtime}",
            f"culm cluster stop, then culm up --runtime {runtime}; its data stays",
        )
    return local_target(settings, described), builder_for(described["runtime"], engine)
