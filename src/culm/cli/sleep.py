"""`culm sleep`."""

import json

import click

from culm.aws import power
from culm.cli import price_lists
from culm.cli.changes import change_options, changing_job
from culm.cli.context import open_project, services_of, wants_json
from culm.cli.outcomes import row
from culm.deploy.job import Job
from culm.deploy.sleep import Endings, put_to_sleep
from culm.errors import CulmError
from culm.operate.drift.services import kind
from culm.plan.sleep import Saving, saving
from culm.plan.sleep import sleeping as counts_of_sleepers
from culm.plan.wishes import fleet as types_of
from culm.target import faults
from culm.target.survey import survey


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE...]")
@change_options
def sleep(services: tuple[str, ...], yes: bool, target_name: str) -> None:
    """Put services to sleep: no tasks, and all else as it is.

    Without SERVICE all of them. A service that sleeps keeps its revision, its rule and its count, so `culm diff` shows
    nothing; a deploy leaves it asleep. `culm wake` starts as many tasks as it had.

    On aws the instances stop, too, once all services sleep, and databases whose `rds:` has `sleep: true`.
    """
    project = open_project(target_name)
    names = [service.name for service in services_of(project, services)]
    with changing_job(project, target_name, f"put {', '.join(names)} to sleep", names, yes=yes) as job:
        job.survey = survey(job.target, project)
        refuse_missing(job, [name for name in names if name in services])
        endings = put_to_sleep(job, [name for name in names if name in job.survey.observed.services])
        job.survey = survey(job.target, project)
        power_off(job)
    conclude(job, endings)


def power_off(job: Job) -> None:
    """Stop what all services of a target on aws stand on, where all sleep; says so where the caller may not."""
    from botocore.exceptions import ClientError

    if job.target.settings.provider != "aws":
        return
    try:
        power.stop(job.target, job.project, job.survey, job.say)
    except ClientError as error:
        if error.response["Error"]["Code"] not in faults.DENIED:
            raise
        job.say(f"the instances go on, as you may not stop them: {error}")


def refuse_missing(job: Job, names: list[str]) -> None:
    """Raise CulmError for a service that is not on the target."""
    for name in names:
        if name not in job.survey.observed.services:
            raise CulmError(f"{name} is not deployed", f"culm deploy {name}")


def conclude(job: Job, endings: Endings) -> None:
    """Print how each service ended, what sleeps now and what that saves. Raises the first failure."""
    saved, counts = saved_now(job), counts_of_sleepers(job.project, job.survey.observed)
    if wants_json():
        rows = [
            row(name, changed=error is None, error=error, asleep=counts.get(name)) for name, error in endings.items()
        ]
        rows += [row(name, changed=False, error=None, asleep=n) for name, n in counts.items() if name not in endings]
        saving = {"memory": saved.memory, "dollars_an_hour": round(saved.dollars_an_hour, 4)}
        click.echo(json.dumps({"services": rows, "saved": saving}, indent=2))
    for error in endings.values():
        if error is not None:
            raise error
    if not endings:
        job.say("nothing changed")
    job.say(f"asleep: {saved}" if counts else "no service sleeps")


def saved_now(job: Job) -> Saving:
    """Return what the services that sleep save, as the last survey has them."""
    fleet = [name for instance in job.survey.instances if (name := kind(instance))] or types_of(job.target.settings)
    prices = price_lists.load(price_lists.known(job.target.region))
    return saving(job.project, job.survey.observed, fleet, prices)
