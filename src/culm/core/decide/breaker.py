"""The deployment circuit breaker: how many failed tasks are too many.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
"""

from collections.abc import Sequence

from culm.core.decide import events
from culm.core.model.services import Deployment, DeploymentCircuitBreaker
from culm.core.model.tasks import StopCode, Task

FEWEST, MOST = 3, 200


def threshold(breaker: DeploymentCircuitBreaker, desired_count: int) -> int:
    """Return how many failed tasks end a deployment of `desired_count` tasks."""
    setting = breaker.threshold_configuration
    share = -(-setting.value * desired_count // 100)
    match setting.type:
        case "COUNT":
            return max(1, setting.value)
        case "BOUNDED_PERCENT":
            return min(max(share, FEWEST), MOST)
        case _:
            return max(1, share)


def has_failed(task: Task) -> bool:
    """Return whether a stopped task counts against its deployment.

    It does if it never started, ended before it was healthy, or was unhealthy.
    """
    match task.stop_code:
        case StopCode.TASK_FAILED_TO_START:
            return True
        case StopCode.ESSENTIAL_CONTAINER_EXITED:
            return task.healthy_at is None
        case StopCode.SERVICE_SCHEDULER_INITIATED:
            return (task.stopped_reason or "").startswith(events.TASK_FAILED)
        case _:
            return False


def failures(deployment: Deployment, tasks: Sequence[Task], *, reset_on_healthy_task: bool = True) -> list[Task]:
    """Return the deployment's failed tasks, oldest first; with the reset, those since a task last became healthy."""
    since = deployment.updated_at if deployment.rolls_back else float("-inf")
    own = [t for t in tasks if t.started_by == deployment.id]
    if reset_on_healthy_task:
        since = max((t.healthy_at for t in own if t.healthy_at is not None), default=since)
    ended = [(t.stopped_at, t.task_arn, t) for t in own if t.stopped_at is not None and has_failed(t)]
    return [task for stopped_at, _, task in sorted(ended, key=lambda e: e[:2]) if stopped_at > since]
