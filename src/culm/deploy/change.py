"""Changes live services without deploying them: another revision, the same once more, another count."""

from collections.abc import Mapping
from typing import Any

from culm.deploy.executor import Executor
from culm.deploy.job import Job
from culm.deploy.perform import Performer
from culm.errors import CulmError
from culm.plan import rollout
from culm.plan.plan import Plan


def change(
    job: Job, plan: Plan, updates: Mapping[str, Mapping[str, Any]], *, wait: bool = True
) -> dict[str, CulmError | None]:
    """Carry out a plan of live services: `updates` are members of ecs.UpdateService, by service.

    Called under the lock, with the survey that the plan was made from in `job`. Returns how each
    service ended: None, or why it failed. Without `wait` it returns once ECS knows.
    """
    steps = rollout.change(job.project, job.survey, plan, updates)
    if not wait:
        steps = tuple(step for step in steps if step.writes)
    return Executor(job, Performer(job)).run(steps)
