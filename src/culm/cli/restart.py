"""`culm restart`."""

from functools import partial

import click

from culm.cli.context import open_project, open_target, services_of, target_option
from culm.console import Console
from culm.deploy.apply import roll
from culm.deploy.lock import locked
from culm.target import faults


@click.command()
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@target_option
def restart(services: tuple[str, ...], target_name: str) -> None:
    """Start new tasks of the same revision."""
    project = open_project(target_name)
    chosen = services_of(project, services)
    target = open_target(project, target_name)
    console = Console(width=max(map(len, services)))
    for one in chosen:
        with faults.translated(), locked(target, project, console.say):
            roll(target, project, one, partial(console.doing, one.name), forceNewDeployment=True)
        console.doing(one.name)
        console.say("has restarted", one.name)
