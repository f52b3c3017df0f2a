"""`culm up`."""

import shutil

import click

from culm.cli.agreement import await_instances, demand_name, ensure
from culm.cli.context import local_target, open_project, open_target, settings_of, target_option, yes_option
from culm.cli.planning import of_target
from culm.cli.planning import refuse as refuse_plan
from culm.cli.screens.plan import screen
from culm.console import Console
from culm.deploy.build.choose import builder_for, choose, demand_docker
from culm.deploy.build.docker import DockerBuilder
from culm.deploy.build.port import Builder
from culm.deploy.images import recipe
from culm.deploy.up import ServiceOutcome, Up
from culm.engine.client import Engine
from culm.errors import CulmError, UsageError
from culm.lint.findings import refuse
from culm.lint.project import check
from culm.plan.plan import Plan
from culm.project.project import Project
from culm.target import faults, local
from culm.target.connection import Target


@click.command()
@target_option
@click.option(
    "--runtime",
    type=click.Choice(["auto", "docker", "process"]),
    default="auto",
    show_default=True,
    help="What runs the local cluster's tasks, and so what builds the images.",
)
@yes_option
def up(target_name: str, runtime: str, yes: bool) -> None:
    """Bring the whole project up: build, push, migrate, roll out.

    On aws it begins with the stack that everything stands on: see `culm aws bootstrap`.
    """
    project = open_project(target_name)
    console = Console(width=max(map(len, project.everything)))
    deploy_services(project, target_name, runtime, list(project.everything), console, yes=yes)


def deploy_services(
    project: Project, target_name: str, runtime: str, names: list[str], console: Console, *, yes: bool = False
) -> None:
    """Plan, deploy, then print the URLs of what is up; raise the failure, or all of them as one.

    Jobs among `names` are scheduled when the services are deployed.
    """
    refuse(check(project, names))
    whole = set(names) == set(project.everything)
    scheduled = [project.jobs[name] for name in names if name in project.jobs]
    target, builder = prepare(project, target_name, runtime, console)
    if target.settings.provider == "aws":
        with faults.translated():
            ensure(target, project, console, yes=yes)
            await_instances(target, project, console)
    plan = of_target(project, target, builder, names)
    show(plan)
    if scheduled or any(service.changes for service in plan.services):
        demand_name(target.settings, "deploy this", yes=yes)
    deploy = Up(project, target, builder, console)
    outcomes = deploy.run(plan)
    for outcome in outcomes:
        if outcome.error is None:
            for url in deploy.urls(outcome.service):
                click.echo(f"{outcome.service:<{console.width}} {url}")
    # the last job may have left culm.yml, and its schedule would go on; on aws the stack has taken its role away then
    if scheduled or (whole and (project.jobs or target.settings.provider == "local")):
        outcomes += deploy.schedule(scheduled, outcomes, whole=whole)
    for name in plan.leftovers:
        console.say(f"{name} runs, and culm.yml does not name it: `culm down {name}` removes it")
    report(outcomes, console)


def show(plan: Plan) -> None:
    """What is about to happen, on one screen; an error when it cannot."""
    refuse_plan(plan)
    if any(service.changes for service in plan.services):
        click.echo(screen(plan, shutil.get_terminal_size().columns, short=True) + "\n", err=True)


def report(outcomes: list[ServiceOutcome], console: Console) -> None:
    """Print the error of each service that failed; raises the last one, whose exit status is the command's."""
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if not failed:
        if not any(outcome.changed for outcome in outcomes):
            console.say("nothing changed")
        return
    distinct = {str(outcome.error): outcome.error for outcome in failed if outcome.error is not None}
    *others, last = distinct.values()
    for error in others:
        click.echo(f"culm: {error.what}\ntry: {error.hint}\n", err=True)
    raise last


def prepare(project: Project, target_name: str, runtime: str, console: Console) -> tuple[Target, Builder]:
    """The target, its local cluster started if need be, and the builder that goes with it."""
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
