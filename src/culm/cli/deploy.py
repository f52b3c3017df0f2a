"""`culm deploy`."""

import click

from culm.cli.context import open_project, services_of, target_option, yes_option
from culm.cli.up import deploy_services
from culm.console import Console


@click.command()
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@target_option
@yes_option
def deploy(services: tuple[str, ...], target_name: str, yes: bool) -> None:
    """Deploy some of the services."""
    project = open_project(target_name)
    names = [service.name for service in services_of(project, services, jobs=True)]
    deploy_services(project, target_name, "auto", names, Console(width=max(map(len, names))), yes=yes)
