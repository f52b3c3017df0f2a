"""Decide how long the records of stopped tasks are kept."""

from culm.core.decide import breaker
from culm.core.decide.actions import ForgetTask
from culm.core.decide.state import ClusterState
from culm.core.model.services import Deployment
from culm.core.model.tasks import Status

KEPT_SECONDS = 3600.0
"""A stopped task can be described about this long.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
"""


def forgettable(state: ClusterState) -> list[ForgetTask]:
    """Return the records that neither a caller nor a count of failures needs any more."""
    owners = {d.id: d for s in state.services for d in s.deployments}
    old = [
        t
        for t in state.tasks
        if t.last_status == Status.STOPPED and t.stopped_at is not None and state.now - t.stopped_at >= KEPT_SECONDS
    ]
    needed = {arn for id in {t.started_by for t in old} if id in owners for arn in _counted(owners[id], state)}
    return [ForgetTask(task_arn=t.task_arn, why="it stopped an hour ago") for t in old if t.task_arn not in needed]


def _counted(deployment: Deployment, state: ClusterState) -> set[str]:
    """Return the newest failures of a deployment, as many as its breaker and the back-off count."""
    cumulative = deployment.rollout_state == "IN_PROGRESS"
    failed = breaker.failures(deployment, state.tasks, reset_on_healthy_task=not cumulative)
    return {t.task_arn for t in failed[-breaker.MOST :]}
