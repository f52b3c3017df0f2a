"""From containers to CloudWatch, with the real agents on a runtime in memory."""

from typing import Any


async def test_an_agent_tells_what_containers_use_that_it_finds(world: Any) -> None:
    world.register()
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=1)
    await world.settle()
    [container] = await world.containers()
    world.runtime.use_memory(container.name, 128)
    world.runtime.use_memory(container.name, 64)

    await world.crash()
    world.add_instance(1)
    world.add_instance(2)
    await world.settle()

    cloudwatch = world.cloud.client("cloudwatch")
    found = cloudwatch.get_metric_statistics(
        Namespace="AWS/ECS",
        MetricName="MemoryUtilization",
        Dimensions=[{"Name": "ClusterName", "Value": "default"}, {"Name": "ServiceName", "Value": "web"}],
        StartTime=world.cloud.now - 60,
        EndTime=world.cloud.now + 60,
        Period=60,
        Statistics=["Average", "Maximum"],
    )
    assert [(point["Average"], point["Maximum"]) for point in found["Datapoints"]] == [(25, 50)]
