"""`culm rollback`."""

import click

from culm.cli.context import open_project, open_target, services_of, target_option
from culm.console import Console
from culm.deploy.apply import roll
from culm.deploy.lock import locked
from culm.deploy.revisions import earlier_revision, migrated_since, number
from culm.errors import Differs
from culm.target import faults


@click.command()
@click.argument("service")
@click.argument("revision", type=click.IntRange(min=1), required=False)
@click.option("--across-migration", is_flag=True, help="Go back although a migration has run since.")
@target_option
def rollback(service: str, revision: int | None, across_migration: bool, target_name: str) -> None:
    """Go back to an earlier revision of SERVICE.

    REVISION is the number behind the task definition's name; without it, the one before the live one. Migrations are
    not undone: where one has run since, the earlier code would meet a database that it does not know, so that is done
    only with --across-migration.
    """
    project = open_project(target_name)
    [one] = services_of(project, [service])
    target = open_target(project, target_name)
    console = Console(width=len(service))
    with faults.translated(), locked(target, project, console.say):
        arn = earlier_revision(target, project, one, revision)
        if not across_migration and (gap := migrated_since(target, project, one, arn)) is not None:
            raise Differs(
                gap, f"if it copes with the new schema: culm rollback {service} {number(arn)} --across-migration"
            )
        console.say(f"goes back to {arn.rpartition('/')[2]}", service)
        roll(target, project, one, lambda said: console.doing(service, said), taskDefinition=arn)
    console.doing(service)
    console.say("is steady", service)
