"""How long a service waits before it starts the next task, when its tasks keep failing.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html
"""

from collections.abc import Sequence

from culm.core.model.tasks import Task

LONGEST_SECONDS = 27 * 60.0
IMPAIRED = 3
"""So many failures in a row and the service says that it cannot start tasks consistently."""


def delay_seconds(failures: int) -> float:
    """The first failure costs nothing, the second a second, then twice as much each time, up to 27 minutes."""
    if failures < 2:
        return 0.0
    return min(2.0 ** min(failures - 2, 20), LONGEST_SECONDS)


def starts_again_at(failed: Sequence[Task]) -> float:
    """When the next start is due, given the failed tasks since the last healthy one, oldest first; epoch seconds."""
    if not failed:
        return 0.0
    return (failed[-1].stopped_at or 0.0) + delay_seconds(len(failed))
