"""`culm deploy`."""

import click

from culm.cli.context import json_option, open_project, services_of, target_option, yes_option
from culm.cli.up import Options, deploy_services, probe_option
from culm.console import Console


@click.command()
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@target_option
@yes_option
@probe_option
@json_option
def deploy(services: tuple[str, ...], target_name: str, yes: bool, probe: str | None, as_json: bool) -> None:
    """Deploy some of the services.

    --probe asks them steadily all the while, says how many requests failed, and ends with status 1 when one did.
    """
    project = open_project(target_name)
    names = [service.name for service in services_of(project, services, jobs=True)]
    options = Options(yes=yes, probe=probe, as_json=as_json)
    deploy_services(project, target_name, names, Console(width=max(map(len, names))), options)
