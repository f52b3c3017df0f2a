"""`culm run-now`."""

import sys

import click

from culm.cli.context import nearest, open_project, open_target, target_option
from culm.errors import UsageError
from culm.operate import job_runs, one_off
from culm.target import faults


@click.command("run-now")
@click.argument("job")
@click.option("--wait/--no-wait", default=True, help="Show its lines and end with its exit status.")
@target_option
def run_now(job: str, wait: bool, target_name: str) -> None:
    """Run JOB now, whatever its schedule says.

    The task is the one that the schedule would start: the same revision, role and memory.
    """
    project = open_project(target_name)
    if job not in project.jobs:
        hint = nearest(job, project.jobs) if project.jobs else "schedule: of a service makes it a job"
        raise UsageError(f"culm.yml has no job {job!r}", hint)
    target = open_target(project, target_name)
    with faults.translated():
        started = job_runs.run_now(target, project, project.jobs[job])
        if wait:
            sys.exit(one_off.follow(target, project, started, click.echo))
    click.echo(f"{job} runs as task {started.arn.rpartition('/')[2]}; its lines: culm logs {job}", err=True)
