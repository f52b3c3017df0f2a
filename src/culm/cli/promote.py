"""`culm promote`."""

import json

import click

from culm.cli.context import (
    open_project,
    open_target,
    outcomes_option,
    services_of,
    settings_of,
    wants_json,
    yes_option,
)
from culm.cli.up import Options, carry_out, probe_option, summary
from culm.console import Console
from culm.deploy.build.docker import DockerBuilder
from culm.deploy.images import Images
from culm.deploy.promote import PromotedImages, demand, live, with_releases
from culm.deploy.up import Up
from culm.engine.client import Engine
from culm.errors import CulmError, UsageError
from culm.lint.findings import refuse
from culm.lint.project import check
from culm.project.project import Project, TargetSettings
from culm.target import faults, local
from culm.target.connection import Target


@click.command()
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@click.option("--from", "source_name", required=True, metavar="TARGET", help="Where it runs already.")
@click.option("--to", "target_name", required=True, metavar="TARGET", help="Where it is deployed.")
@yes_option
@probe_option
@outcomes_option
def promote(services: tuple[str, ...], source_name: str, target_name: str, yes: bool, probe: str | None) -> None:
    """Deploy to one target what runs on another, by the same image.

    Nothing is built: the image that SERVICE runs on the target --from, and that of its migration, are copied by digest
    into the registry of --to, between accounts and regions where need be. The deploy is then the usual one. Memory,
    variables, paths and configuration are those that culm.yml and the vault have for --to.

    \b
    culm promote accounts --from stg --to prd
    """
    if source_name == target_name:
        raise UsageError(f"--from and --to are both {target_name}", f"culm restart starts new tasks on {target_name}")
    project, origin = open_project(target_name), open_project(source_name)
    names = [service.name for service in services_of(project, services, jobs=True)]
    console = Console(width=max(map(len, names)))
    demand_images(settings_of(origin, source_name))
    source, target = open_target(origin, source_name), open_target(project, target_name)
    with faults.translated():
        images = promoted(origin, source, target, project, names)
    refuse(check(project, names))
    with faults.translated():
        remaining = missing(images, target, project, console)
    there = tuple(name for name in names if name not in remaining)
    options = Options(yes=yes, probe=probe, as_json=wants_json(), there=there)
    if remaining:
        released = with_releases(project, images.releases)
        carry_out(Up(released, target, images, console), remaining, options)
    elif wants_json():
        click.echo(json.dumps(summary([], None, there), indent=2))


def demand_images(source: TargetSettings) -> None:
    """Raise CulmError where the source's images have no operating system of their own."""
    running = local.running() if source.provider == "local" and not source.endpoint_url else None
    if running is not None and running["runtime"] == "process":
        raise CulmError(
            f"the images on {source.name} are made for the process runtime, and no other machine can run them",
            "promote from a cluster with Docker: culm cluster stop, then culm up --runtime docker",
        )


def promoted(origin: Project, source: Target, target: Target, project: Project, names: list[str]) -> PromotedImages:
    """Return the images of what runs on the source. Raises CulmError where one cannot be promoted."""
    runs = live(source, origin, names)
    releases = {name: demand(project.everything[name], runs.get(name), source.settings.name) for name in names}
    return PromotedImages(target, Images(source, DockerBuilder(Engine())), origin, releases)


def missing(images: PromotedImages, target: Target, project: Project, console: Console) -> list[str]:
    """Return which services do not run their release on the target yet, and say so of the others.

    Raises CulmError where one of the former could not run there.
    """
    names = list(images.releases)
    there = live(target, project, names)
    left = []
    for name, release in images.releases.items():
        runs = there.get(name)
        if runs is None or not runs.good or (runs.digest, runs.migration) != (release.digest, release.migration):
            images.demand_platform(project.everything[name])
            left.append(name)
            continue
        console.say(f"{target.settings.name} runs {release.digest[:19]} already: nothing to promote", name)
    return left
