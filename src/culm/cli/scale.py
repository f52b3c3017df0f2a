"""`culm scale`."""

import click

from culm.cli.changes import change_options, changing_job
from culm.cli.context import open_project, services_of
from culm.cli.outcomes import conclude
from culm.cli.planning import changing_as_surveyed
from culm.deploy.change import change
from culm.deploy.executor import Executor
from culm.deploy.perform import Performer
from culm.errors import CulmError, UsageError
from culm.plan.sleep import asleep, tag_steps
from culm.plan.wishes import scaled
from culm.project.project import Service
from culm.target.survey import survey


@click.command()
@click.argument("service")
@click.argument("count", type=click.IntRange(min=0))
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until the service is steady.")
@change_options
def scale(service: str, count: int, wait: bool, yes: bool, target_name: str) -> None:
    """Run COUNT tasks of SERVICE.

    The next `culm up` goes back to culm.yml's `count:`. Nothing is changed, and the exit status is 3, where so many do
    not fit.

    Of a service with `scale:`, COUNT is one within its `count:`, which `culm up` leaves alone; automatic scaling may
    change it again.
    """
    project = open_project(target_name)
    [chosen] = services_of(project, [service])
    refuse_outside(chosen, count)
    updates = {service: {"desiredCount": count}}
    with changing_job(project, target_name, f"run {count} tasks of {service}", [service], yes=yes) as job:
        job.survey = survey(job.target, project)
        if asleep(job.survey.observed.services.get(service)) is not None:
            raise CulmError(f"{service} sleeps, and its count is kept until it is awake", f"culm wake {service}")
        if stale := tag_steps(chosen, job.survey.observed.services.get(service)):
            Executor(job, Performer(job)).run(stale)  # a count of 0 beside the note of a sleep would be a sleep
        plan = changing_as_surveyed(job, updates, lambda live, name: scaled(chosen, live, count))
        job.say(f"scaling {service} to {count} task{'' if count == 1 else 's'}", service)
        errors = change(job, plan, updates, wait=wait)
        if chosen.scaling is not None:
            job.say(f"automatic scaling ({chosen.scaling}) may change it again", service)
    conclude(errors, {service: {"count": count}})


def refuse_outside(service: Service, count: int) -> None:
    """Raise UsageError for a count that automatic scaling would not leave."""
    scaling = service.scaling
    if scaling is not None and scaling.clamped(count) != count:
        least, most = scaling.bounds.least, scaling.bounds.most
        raise UsageError(
            f"{service.name} is scaled automatically between {least} and {most} tasks, and {count} lies outside",
            f"a number from {least} to {most}; or change services.{service.name}.count in culm.yml and run culm up",
        )
