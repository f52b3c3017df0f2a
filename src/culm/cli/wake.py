"""`culm wake`."""

import click

from culm.aws import power
from culm.cli.changes import change_options, changing_job
from culm.cli.context import open_project, services_of
from culm.cli.planning import changing_as_surveyed
from culm.cli.sleep import conclude, refuse_missing
from culm.deploy.job import Job
from culm.deploy.sleep import Endings
from culm.deploy.sleep import wake as wake_services
from culm.plan import sleep
from culm.plan.wishes import scaled
from culm.target.survey import survey


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE...]")
@change_options
def wake(services: tuple[str, ...], yes: bool, target_name: str) -> None:
    """Wake services that sleep, and all that they call.

    Without SERVICE all of them. Each starts as many tasks as it had, after those that it calls and those that it comes
    `after:`; the command waits until they are steady. Nothing is changed, and the exit status is 3, where they do not
    fit. On aws it starts the instances first, and databases that were stopped with them.
    """
    project = open_project(target_name)
    chosen = [service.name for service in services_of(project, services)]
    names = sleep.with_callees(project, chosen)
    with changing_job(project, target_name, f"wake {', '.join(chosen)}", names, yes=yes) as job:
        power_on(job)
        job.survey = survey(job.target, project)
        refuse_missing(job, [name for name in chosen if name in services])
        endings = waken(job, names)
        job.survey = survey(job.target, project)
    conclude(job, endings)


def power_on(job: Job) -> bool:
    """Start what services of a target on aws stand on, where it is stopped; returns whether it was."""
    if job.target.settings.provider != "aws":
        return False
    started = power.start(job.target, job.project, job.say, lambda text: job.console.doing(job.project.name, text))
    job.console.doing(job.project.name)
    return started


def waken(job: Job, names: list[str]) -> Endings:
    """Wake those of `names` that sleep; how each ended. Called under the lock, with a survey in `job`.

    Raises Differs where they do not fit, with the ways out.
    """
    counts = sleep.sleeping(job.project, job.survey.observed)
    updates = {name: {"desiredCount": counts[name]} for name in names if name in counts}
    if updates:
        changing_as_surveyed(job, updates, lambda live, name: scaled(job.project.services[name], live, counts[name]))
    endings = wake_services(job, names)
    power.open_doors(job.target, job.project)
    return endings
