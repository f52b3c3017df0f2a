"""`culm rollback`."""

import click

from culm.cli.changes import change_options, changing_job
from culm.cli.context import open_project, services_of
from culm.cli.outcomes import conclude
from culm.cli.planning import changing
from culm.deploy.change import change
from culm.deploy.revisions import earlier_revision, migrated_since, name, number
from culm.errors import Differs
from culm.plan.wishes import rolled_back


@click.command()
@click.argument("service")
@click.argument("revision", type=click.IntRange(min=1), required=False)
@click.option("--across-migration", is_flag=True, help="Roll back although a migration has run since.")
@change_options
def rollback(service: str, revision: int | None, across_migration: bool, yes: bool, target_name: str) -> None:
    """Go back to an earlier revision of SERVICE.

    REVISION is the number behind the task definition's name. Without it, it is the last one before the live one that
    served well: one whose deploy failed is passed over, and named. Migrations are not undone, and old code may not work
    with the new schema: where one has run since, --across-migration is needed.
    """
    project = open_project(target_name)
    [chosen] = services_of(project, [service])
    to = f" to revision {revision}" if revision else ""
    with changing_job(project, target_name, f"roll {service} back{to}", [service], yes=yes) as job:
        earlier = earlier_revision(job.target, project, chosen, revision)
        arn = earlier.arn
        if not across_migration and (gap := migrated_since(job.target, project, chosen, arn)) is not None:
            raise Differs(
                gap,
                f"if the old code works with the new schema: culm rollback {service} {number(arn)} --across-migration",
            )
        definition = job.target.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
        updates = {service: {"taskDefinition": arn}}
        plan = changing(job, updates, lambda survey, _: rolled_back(chosen, survey, definition))
        job.say(f"rolling back to {name(arn)}" + (f": {earlier.why}" if earlier.why else ""), service)
        errors = change(job, plan, updates)
    conclude(errors, {service: {"revision": number(arn), "passed_over": earlier.why}})
