"""Puts live services to sleep and wakes them: the steps of `plan.sleep`, carried out."""

from collections.abc import Sequence

from culm.deploy.executor import Executor
from culm.deploy.job import Job
from culm.deploy.perform import Performer
from culm.errors import CulmError
from culm.plan import sleep

Endings = dict[str, CulmError | None]
"""How each service ended for which something was called: None, or why it failed."""


def put_to_sleep(job: Job, names: Sequence[str]) -> Endings:
    """Put deployed services to sleep. Called under the lock, with a survey in `job`."""
    return Executor(job, Performer(job)).run(sleep.put_to_sleep(job.project, job.survey.observed, names))


def wake(job: Job, names: Sequence[str]) -> Endings:
    """Wake services and wait until they are steady. Called as `put_to_sleep`.

    The error of one that does not start says what ECS and the service's log say of it.
    """
    return Executor(job, Performer(job)).run(sleep.wake(job.project, job.survey.observed, names))
