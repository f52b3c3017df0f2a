"""`culm migrate`."""

import click

from culm.cli.context import open_project, services_of, target_option
from culm.cli.up import prepare
from culm.console import Console
from culm.deploy.up import Up
from culm.errors import UsageError


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@target_option
def migrate(services: tuple[str, ...], target_name: str) -> None:
    """Run migrations alone.

    Builds and pushes the migration images of the named services (of all, if none is named) and runs each once, whether
    or not it has run before. The services themselves stay as they are.
    """
    project = open_project(target_name)
    chosen = services_of(project, services)
    for service in chosen:
        if services and service.migration is None:
            raise UsageError(f"{service.name} has no migration", "add a Dockerfile.migrate to its folder")
    names = [service.name for service in chosen if service.migration is not None]
    console = Console(width=max(map(len, names), default=0))
    target, builder = prepare(project, target_name, "auto", console)
    Up(project, target, builder, console).migrate(names)
