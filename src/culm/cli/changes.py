"""What commands that change services have in common: their options, their consent, the lock that they change under."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from culm.cli.agreement import demand_name
from culm.cli.context import F, open_target, outcomes_option, protected_option, settings_of, target_option
from culm.console import Console
from culm.deploy.job import Job
from culm.deploy.lock import locked
from culm.project.project import Project
from culm.target import faults


def change_options(function: F) -> F:
    """Add `--yes` for protected targets, `--json` and `--target`."""
    return protected_option(outcomes_option(target_option(function)))


@contextmanager
def changing_job(project: Project, target_name: str, what: str, names: Sequence[str], *, yes: bool) -> Iterator[Job]:
    """Open a target and yield a job on it; the first write in the block takes the deploy's lock.

    A protected target's name is asked for before, to do `what`, unless `yes`. Lines are as wide as `names` need.
    """
    demand_name(settings_of(project, target_name), what, yes=yes)
    target = open_target(project, target_name)
    job = Job(project, target, Console(width=max(map(len, names))))
    with faults.translated(), locked(target, project, job.say):
        yield job
