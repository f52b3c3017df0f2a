"""`culm rollback`."""

import click

from culm.cli.agreement import demand_name
from culm.cli.context import (
    open_project,
    open_target,
    outcomes_option,
    protected_option,
    services_of,
    settings_of,
    target_option,
)
from culm.cli.outcomes import conclude
from culm.cli.planning import changing
from culm.console import Console
from culm.deploy.change import change
from culm.deploy.job import Job
from culm.deploy.lock import locked
from culm.deploy.revisions import earlier_revision, migrated_since, name, number
from culm.errors import Differs
from culm.plan.wishes import rolled_back
from culm.target import faults


@click.command()
@click.argument("service")
@click.argument("revision", type=click.IntRange(min=1), required=False)
@click.option("--across-migration", is_flag=True, help="Roll back although a migration has run since.")
@protected_option
@outcomes_option
@target_option
def rollback(service: str, revision: int | None, across_migration: bool, yes: bool, target_name: str) -> None:
    """Go back to an earlier revision of SERVICE.

    REVISION is the number behind the task definition's name. Without it, it is the last one before the live one that
    served well: one whose deploy failed is passed over, and named. Migrations are not undone, and old code may not work
    with the new schema: where one has run since, --across-migration is needed.
    """
    project = open_project(target_name)
    [chosen] = services_of(project, [service])
    to = f" to revision {revision}" if revision else ""
    demand_name(settings_of(project, target_name), f"roll {service} back{to}", yes=yes)
    target = open_target(project, target_name)
    job = Job(project, target, Console(width=len(service)))
    with faults.translated(), locked(target, project, job.say):
        earlier = earlier_revision(target, project, chosen, revision)
        arn = earlier.arn
        if not across_migration and (gap := migrated_since(target, project, chosen, arn)) is not None:
            raise Differs(
                gap,
                f"if the old code works with the new schema: culm rollback {service} {number(arn)} --across-migration",
            )
        definition = target.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
        updates = {service: {"taskDefinition": arn}}
        plan = changing(job, updates, lambda survey, _: rolled_back(chosen, survey, definition))
        job.say(f"rolling back to {name(arn)}" + (f": {earlier.why}" if earlier.why else ""), service)
        errors = change(job, plan, updates)
    conclude(errors, {service: {"revision": number(arn), "passed_over": earlier.why}})
