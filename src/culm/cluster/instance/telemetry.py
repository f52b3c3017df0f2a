"""What tasks' containers use, looked at every few seconds."""

from collections.abc import Iterable
from dataclasses import dataclass

from culm.cluster.instance.runtime.interface import Runtime, Usage
from culm.cluster.instance.task import KnownTask
from culm.core.model.agent import ContainerMetric, PublishMetrics, StatsSet, TaskMetric


@dataclass(frozen=True, slots=True)
class Look:
    at: float
    """Epoch seconds."""
    usage: Usage


class Telemetry:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._last: dict[str, Look] = {}
        """By the container's name in the runtime."""

    async def look(self, tasks: Iterable[KnownTask], now: float) -> PublishMetrics:
        """Return what those that run use at `now`; raises `RuntimeFailure`."""
        looks: dict[str, Look] = {}
        metrics_of_tasks = []
        for task in tasks:
            metrics = []
            for container, snapshot in list(task.snapshots.items()):
                if snapshot.state != "running" or (usage := await self._runtime.stats(snapshot.name)) is None:
                    continue
                looks[snapshot.name] = Look(now, usage)
                metrics.append(_metric(container, self._last.get(snapshot.name), looks[snapshot.name]))
            if metrics:
                metrics_of_tasks.append(TaskMetric(task_arn=task.arn, container_metrics=tuple(metrics)))
        self._last = looks
        return PublishMetrics(task_metrics=tuple(metrics_of_tasks))


def _metric(container: str, before: Look | None, look: Look) -> ContainerMetric:
    """Return a container's use of CPU and memory; a peak above the last look's was reached since, however briefly."""
    now = look.usage.memory
    peak = look.usage.memory_peak
    most = peak if before is None or peak > before.usage.memory_peak else now
    cpu = None
    if before is not None and look.at > before.at:
        used = 100 * max(0.0, look.usage.cpu_seconds - before.usage.cpu_seconds) / (look.at - before.at)
        cpu = StatsSet(min=used, max=used, sum=used)
    return ContainerMetric(
        container_name=container, cpu_stats_set=cpu, memory_stats_set=StatsSet(min=now, max=max(now, most), sum=now)
    )
