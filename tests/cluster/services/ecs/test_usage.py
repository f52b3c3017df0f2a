"""From what an agent publishes to CloudWatch's figures."""

from typing import Any

import pytest

from culm.cluster.services.ecs import usage
from culm.core.model.agent import ContainerMetric, PublishMetrics, StatsSet, TaskMetric


def used(memory: float, cpu: float | None = 25.0, peak: float | None = None, name: str = "web") -> ContainerMetric:
    return ContainerMetric(
        container_name=name,
        cpu_stats_set=None if cpu is None else StatsSet(min=cpu, max=cpu, sum=cpu),
        memory_stats_set=StatsSet(min=memory, max=peak or memory, sum=memory),
    )


@pytest.fixture
def statistic(cloud) -> Any:
    def ask(name: str, statistic: str, *, namespace: str = "AWS/ECS", **dimensions: str) -> list[float]:
        found = cloud.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=cloud.now - 60,
            EndTime=cloud.now + 60,
            Period=60,
            Statistics=[statistic],
        )
        return [point[statistic] for point in found["Datapoints"]]

    return ask


@pytest.fixture
def instance(ecs, register, add_instance) -> str:
    """With two tasks of the service web, 256 MiB and 512 CPU units each."""
    arn = add_instance()
    register(cpu=512)
    return arn


def run(ecs: Any, cloud: Any, arn: str, group: str = "service:web") -> str:
    [task] = ecs.start_task(taskDefinition="web", containerInstances=[arn], group=group)["tasks"]
    return str(task["taskArn"])


def test_a_service_uses_a_share_of_what_its_tasks_reserve(cloud, ecs, instance, statistic):
    first, second = (run(ecs, cloud, instance, "web-group") for _ in range(2))
    cloud.db.execute("UPDATE ecs_task SET task_group = 'service:web'")
    told = (
        TaskMetric(task_arn=first, container_metrics=(used(64, peak=192),)),
        TaskMetric(task_arn=second, container_metrics=(used(128, cpu=50),)),
    )
    usage.published(cloud.db, instance, PublishMetrics(task_metrics=told), cloud.now)
    service = {"ClusterName": "default", "ServiceName": "web"}
    assert statistic("MemoryUtilization", "Average", **service) == [37.5]
    assert statistic("MemoryUtilization", "Maximum", **service) == [75]
    assert statistic("CPUUtilization", "Maximum", **service) == [100]
    assert statistic("CPUUtilization", "SampleCount", **service) == [2]
    assert statistic("CPUUtilization", "Average", ClusterName="default") == [75]
    assert statistic("MemoryReservation", "Maximum", ClusterName="default") == pytest.approx([51200 / 995])
    assert statistic("CPUReservation", "Average", ClusterName="default") == [100]


def test_a_task_of_no_service_counts_for_its_cluster_alone(cloud, ecs, instance, statistic):
    task = run(ecs, cloud, instance, "alone")
    message = PublishMetrics(task_metrics=(TaskMetric(task_arn=task, container_metrics=(used(199, cpu=None),)),))
    usage.published(cloud.db, instance, message, cloud.now)
    assert statistic("MemoryUtilization", "Average", ClusterName="default") == [20]
    assert statistic("CPUUtilization", "Average", ClusterName="default") == []
    listed = cloud.client("cloudwatch").list_metrics(Dimensions=[{"Name": "ServiceName"}])
    assert listed["Metrics"] == []


def test_the_containers_of_a_task_count_together(cloud, ecs, instance, statistic):
    task = run(ecs, cloud, instance, "x")
    cloud.db.execute("UPDATE ecs_task SET task_group = 'service:web'")
    metrics = (used(64), used(32, name="side"))
    message = PublishMetrics(task_metrics=(TaskMetric(task_arn=task, container_metrics=metrics),))
    usage.published(cloud.db, instance, message, cloud.now)
    assert statistic("MemoryUtilization", "Average", ClusterName="default", ServiceName="web") == [37.5]
    assert statistic("CPUUtilization", "Average", ClusterName="default", ServiceName="web") == [100]


def test_an_instance_that_is_gone_tells_nothing(cloud):
    usage.published(
        cloud.db, "arn:aws:ecs:us-east-1:0:container-instance/default/x", PublishMetrics(task_metrics=()), 0
    )
    assert cloud.client("cloudwatch").list_metrics()["Metrics"] == []


def test_each_task_has_metrics_of_its_own_as_container_insights_has_them(cloud, ecs, instance, statistic):
    service, migration = run(ecs, cloud, instance, "web-group"), run(ecs, cloud, instance, "family:web-migrate")
    cloud.db.execute("UPDATE ecs_task SET task_group = 'service:web' WHERE task_group = 'web-group'")
    told = (
        TaskMetric(task_arn=service, container_metrics=(used(64, peak=192),)),
        TaskMetric(task_arn=migration, container_metrics=(used(128),)),
    )
    usage.published(cloud.db, instance, PublishMetrics(task_metrics=told), cloud.now)
    insights = {"namespace": "ECS/ContainerInsights", "ClusterName": "default"}
    of_service = {**insights, "ServiceName": "web", "TaskId": service.rpartition("/")[2]}
    of_migration = {**insights, "TaskDefinitionFamily": "web-migrate", "TaskId": migration.rpartition("/")[2]}
    assert statistic("TaskMemoryUtilization", "Average", **of_service) == [25]
    assert statistic("TaskMemoryUtilization", "Maximum", **of_service) == [75]
    assert statistic("TaskCpuUtilization", "Maximum", **of_service) == [50]
    assert statistic("TaskMemoryUtilization", "Average", **of_migration) == [50]
