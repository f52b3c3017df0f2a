"""`culm rollback`."""

import click

from culm.cli.context import open_project, open_target, services_of, target_option
from culm.cli.planning import changing
from culm.console import Console
from culm.deploy.change import change
from culm.deploy.job import Job
from culm.deploy.lock import locked
from culm.deploy.revisions import earlier_revision, migrated_since, number
from culm.errors import Differs
from culm.plan.wishes import rolled_back
from culm.target import faults


@click.command()
@click.argument("service")
@click.argument("revision", type=click.IntRange(min=1), required=False)
@click.option("--across-migration", is_flag=True, help="Roll back although a migration has run since.")
@target_option
def rollback(service: str, revision: int | None, across_migration: bool, target_name: str) -> None:
    """Go back to an earlier revision of SERVICE.

    REVISION is the number behind the task definition's name; without it, the one before the live one. Migrations are
    not undone, and old code may not work with the new schema: where one has run since, --across-migration is needed.
    """
    project = open_project(target_name)
    [chosen] = services_of(project, [service])
    target = open_target(project, target_name)
    job = Job(project, target, Console(width=len(service)))
    with faults.translated(), locked(target, project, job.say):
        arn = earlier_revision(target, project, chosen, revision)
        if not across_migration and (gap := migrated_since(target, project, chosen, arn)) is not None:
            raise Differs(
                gap,
                f"if the old code works with the new schema: culm rollback {service} {number(arn)} --across-migration",
            )
        earlier = target.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
        updates = {service: {"taskDefinition": arn}}
        plan = changing(job, updates, lambda survey, name: rolled_back(chosen, survey, earlier))
        job.say(f"rolling back to {arn.rpartition('/')[2]}", service)
        change(job, plan, updates)
