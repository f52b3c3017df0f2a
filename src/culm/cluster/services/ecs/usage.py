"""What tasks use and reserve, as CloudWatch's metrics: per cent of what they reserve.

Services and clusters are in AWS/ECS, single tasks in ECS/ContainerInsights, where Amazon has them with enhanced
observability.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-enhanced-observability-metrics-ECS.html
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from sqlite3 import Connection

from culm.cluster.store import metrics
from culm.cluster.store.ecs import container_instances, scheduling
from culm.core.model import fargate
from culm.core.model.agent import ContainerMetric, PublishMetrics, StatsSet
from culm.core.model.arn import last, resource
from culm.core.model.instances import ContainerInstance
from culm.core.model.metrics import Metric, Point, metric

Usages = Mapping[str, Sequence[ContainerMetric]]
"""By task ARN."""
INSIGHTS = "ECS/ContainerInsights"
UNITS_OF_A_PER_CENT = 1024 / 100
"""CPU units of a per cent of one vCPU."""


def published(db: Connection, container_instance_arn: str, message: PublishMetrics, now: float) -> None:
    """Keep what an instance tells: for each service, and for its cluster."""
    instance = container_instances.find(db, container_instance_arn)
    if instance is None:
        return
    usages = {each.task_arn: each.container_metrics for each in message.task_metrics}
    if fargate.is_host(container_instance_arn):
        names = {resource(arn).split("/")[1] for arn in usages}
    else:
        names = {resource(container_instance_arn).split("/")[1]}
    for cluster in sorted(names):
        metrics.add(db, _points(db, instance, cluster, usages, now))


def _points(
    db: Connection, instance: ContainerInstance, cluster: str, usages: Usages, now: float
) -> list[tuple[Metric, Point]]:
    container_instance_arn = instance.container_instance_arn
    reserved = scheduling.reservations(db, cluster, container_instance_arn)
    points: list[tuple[Metric, Point]] = []
    of_cluster = {"ClusterName": cluster}
    for arn, group, cpu, memory in reserved:
        if arn in usages and group.startswith("service:"):
            dimensions = {**of_cluster, "ServiceName": group.removeprefix("service:")}
            points += _used(dimensions, usages[arn], cpu, memory, now)
        if arn in usages:
            kind, _, name = group.partition(":")
            owner = {"ServiceName" if kind == "service" else "TaskDefinitionFamily": name} if name else {}
            own = _used({**of_cluster, **owner, "TaskId": last(arn)}, usages[arn], cpu, memory, now)
            points += [(_of_task(about), point) for about, point in own]
    if fargate.is_host(container_instance_arn):  # it has no size of its own
        return points
    everything = [reading for containers in usages.values() for reading in containers]
    points += _used(of_cluster, everything, instance.cpu, instance.memory, now)
    for name, part, whole in (
        ("CPUReservation", sum(cpu for _, _, cpu, _ in reserved), instance.cpu),
        ("MemoryReservation", sum(memory for _, _, _, memory in reserved), instance.memory),
    ):
        points.append(_percent(name, of_cluster, StatsSet(min=part, max=part, sum=part), whole, now))
    return points


def _used(
    dimensions: Mapping[str, str], containers: Sequence[ContainerMetric], cpu: int, memory: int, now: float
) -> Iterator[tuple[Metric, Point]]:
    """Without a reservation there is nothing to be a share of."""
    busy = [each.cpu_stats_set for each in containers if each.cpu_stats_set is not None]
    if cpu and len(busy) == len(containers):
        yield _percent("CPUUtilization", dimensions, _together(busy), cpu / UNITS_OF_A_PER_CENT, now)
    if memory:
        held = _together([each.memory_stats_set for each in containers])
        yield _percent("MemoryUtilization", dimensions, held, memory, now)


def _of_task(about: Metric) -> Metric:
    """`AWS/ECS CPUUtilization` of a single task: `ECS/ContainerInsights TaskCpuUtilization`."""
    names = {"CPUUtilization": "TaskCpuUtilization", "MemoryUtilization": "TaskMemoryUtilization"}
    return replace(about, namespace=INSIGHTS, metric_name=names[about.metric_name])


def _together(sets: Iterable[StatsSet]) -> StatsSet:
    """Of containers at the same time; their peaks are taken to have been at once, too."""
    statistics = list(sets)
    return StatsSet(
        min=sum(each.min for each in statistics),
        max=sum(each.max for each in statistics),
        sum=sum(each.sum / each.sample_count for each in statistics),
    )


def _percent(
    name: str, dimensions: Mapping[str, str], part: StatsSet, whole: float, now: float
) -> tuple[Metric, Point]:
    low, high, average = (100 * value / whole for value in (part.min, part.max, part.sum))
    point = Point(at=now, samples=1, sum=average, minimum=low, maximum=high, unit="Percent")
    return metric("AWS/ECS", name, **dimensions), point
