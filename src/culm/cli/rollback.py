"""`culm rollback`."""

import click

from culm.cli.session import open_project, open_target, services_of, target_option
from culm.deploy import faults
from culm.deploy.apply import earlier_revision, roll
from culm.deploy.console import Console


@click.command()
@click.argument("service")
@click.argument("revision", type=click.IntRange(min=1), required=False)
@target_option
def rollback(service: str, revision: int | None, target_name: str) -> None:
    """Go back to an earlier revision of SERVICE.

    REVISION is the number behind the task definition's name; without it, the one before the live one. Migrations are
    not undone: the earlier code meets the database as it is now.
    """
    project = open_project()
    [one] = services_of(project, [service])
    target = open_target(project, target_name)
    console = Console(width=len(service))
    with faults.translated():
        arn = earlier_revision(target, project, one, revision)
        console.say(f"goes back to {arn.rpartition('/')[2]}", service)
        roll(target, project, one, lambda said: console.doing(service, said), taskDefinition=arn)
    console.doing(service)
    console.say("is steady", service)
