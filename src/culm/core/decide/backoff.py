"""How long a service waits before it starts the next task, when its tasks keep failing or keep dying.

Two counts, the longer pause of which counts:

    failures   tasks that never served, or served badly (`decide.breaker`); forgotten as soon as a task is healthy
    deaths     tasks that served and soon ended by themselves; forgotten when a task has run for STEADY_SECONDS

ECS pauses for the first kind alone, so a service that exits three seconds after it became healthy is restarted every
few seconds for ever, on Amazon until somebody looks at the bill (aws/containers-roadmap#1206). Here its pauses grow as
well: with deaths at 3, 7 and 11 s the next starts come at once, after 1 s and after 2 s, then 4, 8, up to 27 minutes.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html
"""

from collections.abc import Sequence

from culm.core.decide import breaker
from culm.core.model.services import Deployment
from culm.core.model.tasks import StopCode, Task

LONGEST_SECONDS = 27 * 60.0
IMPAIRED = 3
"""So many failures in a row and the service says that it cannot start tasks consistently."""
STEADY_SECONDS = 60.0
"""A task that ran this long shows that its deployment can run; what ends later is replaced at once."""


def delay_seconds(failures: int) -> float:
    """Return the seconds before the next start: 0 after one failure, 1 after two, then doubled, up to 27 minutes."""
    if failures < 2:
        return 0.0
    return min(2.0 ** min(failures - 2, 20), LONGEST_SECONDS)


def deaths(deployment: Deployment, tasks: Sequence[Task], now: float) -> list[Task]:
    """Return the deployment's tasks that served and soon ended by themselves, since one ran steadily; oldest first."""
    own = [t for t in tasks if t.started_by == deployment.id and t.started_at is not None]
    steady = [t.started_at or 0.0 for t in own if _ran_seconds(t, now) >= STEADY_SECONDS]
    since = max(steady, default=deployment.updated_at if deployment.rolls_back else float("-inf"))
    ended = [(t.stopped_at, t.task_arn, t) for t in own if t.stopped_at is not None and _is_death(t, now)]
    return [task for stopped_at, _, task in sorted(ended, key=lambda e: e[:2]) if stopped_at > since]


def starts_again_at(deployment: Deployment, tasks: Sequence[Task], now: float) -> float:
    """Return when the deployment's next start is due, in epoch seconds; a time in the past means now.

    Never later than the longest pause from now: an end that lies in the future was recorded by a clock that has been
    set back, and is counted without being waited for.
    """
    counts = (breaker.failures(deployment, tasks), deaths(deployment, tasks, now))
    return max(_due_at(ended, now) for ended in counts)


def _due_at(ended: Sequence[Task], now: float) -> float:
    past = [t.stopped_at for t in ended if t.stopped_at is not None and t.stopped_at <= now]
    return max(past) + delay_seconds(len(ended)) if past else 0.0


def _is_death(task: Task, now: float) -> bool:
    by_itself = task.stop_code == StopCode.ESSENTIAL_CONTAINER_EXITED or breaker.has_failed(task)
    return by_itself and task.healthy_at is not None and _ran_seconds(task, now) < STEADY_SECONDS


def _ran_seconds(task: Task, now: float) -> float:
    if task.started_at is None:
        return 0.0
    return (task.stopped_at if task.stopped_at is not None else now) - task.started_at
