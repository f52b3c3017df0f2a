"""`culm deploy`."""

import click

from culm.cli.context import open_project, services_of, target_option
from culm.cli.up import Options, deploy_options, deploy_services
from culm.console import Console


@click.command()
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@target_option
@deploy_options
def deploy(services: tuple[str, ...], target_name: str, options: Options) -> None:
    """Deploy some of the services.

    --probe asks them steadily all the while, says how many requests failed, and ends with status 1 when one did.

    A service that sleeps is deployed and sleeps on, if it is not woken by --wake.
    """
    project = open_project(target_name)
    names = [service.name for service in services_of(project, services, jobs=True)]
    deploy_services(project, target_name, names, Console(width=max(map(len, names))), options)
