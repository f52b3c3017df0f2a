"""What an agent tells of its containers' memory and CPU."""

from culm.cluster.instance.runtime.fake import FakeRuntime
from culm.cluster.instance.runtime.interface import Spec
from culm.cluster.instance.task import KnownTask
from culm.cluster.instance.telemetry import Telemetry
from culm.core.model.agent import ContainerPayload, PublishMetrics, StatsSet, TaskPayload


async def a_running_task() -> tuple[FakeRuntime, KnownTask]:
    runtime = FakeRuntime(lambda: 0.0)
    container = ContainerPayload(name="web", image="web", container_arn="web")
    task = KnownTask(TaskPayload(arn="task/1", desired_status="RUNNING", containers=(container,)), 0.0)
    task.snapshots["web"] = await runtime.start(
        Spec(name="ecs-web", image="web", address="127.0.0.1", environment={}, labels={})
    )
    return runtime, task


def memory_of(told: PublishMetrics) -> StatsSet:
    return told.task_metrics[0].container_metrics[0].memory_stats_set


async def test_a_peak_counts_in_the_look_after_it_and_not_for_ever():
    runtime, task = await a_running_task()
    telemetry = Telemetry(runtime)
    assert memory_of(await telemetry.look([task], 0.0)) == StatsSet(min=16, max=16, sum=16)
    runtime.use_memory("ecs-web", 90)
    runtime.use_memory("ecs-web", 20)
    assert memory_of(await telemetry.look([task], 5.0)) == StatsSet(min=20, max=90, sum=20)
    assert memory_of(await telemetry.look([task], 10.0)) == StatsSet(min=20, max=20, sum=20)


async def test_cpu_is_per_cent_of_one_and_needs_two_looks():
    runtime, task = await a_running_task()
    telemetry = Telemetry(runtime)
    first = await telemetry.look([task], 0.0)
    runtime.use_cpu("ecs-web", 2.5)
    second = await telemetry.look([task], 5.0)
    runtime.use_cpu("ecs-web", 1.0)
    third = await telemetry.look([task], 10.0)
    at_once = await telemetry.look([task], 10.0)
    cpus = [told.task_metrics[0].container_metrics[0].cpu_stats_set for told in (first, second, third, at_once)]
    assert cpus == [None, StatsSet(min=50, max=50, sum=50), StatsSet(min=20, max=20, sum=20), None]


async def test_what_does_not_run_uses_nothing():
    runtime, task = await a_running_task()
    runtime.exit("ecs-web", 0)
    assert (await Telemetry(runtime).look([task], 0.0)).task_metrics == ()
