"""Application Auto Scaling, as SDK users see it, and what it does with a service whose metrics it reads."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from culm.cluster.scheduler import scaling
from culm.cluster.store import metrics
from culm.core.model.metrics import metric, sample

WHO = {"ServiceNamespace": "ecs", "ResourceId": "service/default/web", "ScalableDimension": "ecs:service:DesiredCount"}
CPU = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
TRACKING = {
    "TargetValue": 60.0,
    "PredefinedMetricSpecification": CPU,
    "ScaleOutCooldown": 60,
    "ScaleInCooldown": 120,
    "DisableScaleIn": False,
}


@pytest.fixture
def autoscaling(world) -> Any:
    return world.cloud.client("application-autoscaling")


async def serve(world: Any, count: int = 1) -> None:
    world.register()
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=count)
    await world.settle()


def register(autoscaling: Any, least: int = 1, most: int = 3) -> None:
    autoscaling.register_scalable_target(**WHO, MinCapacity=least, MaxCapacity=most)


def put(autoscaling: Any, **changed: Any) -> None:
    tracking = TRACKING | changed
    autoscaling.put_scaling_policy(
        **WHO,
        PolicyName="load",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking,
    )


async def minute(world: Any, per_cent: float) -> int:
    """A minute with this use of CPU, and a look at its end."""
    about = metric("AWS/ECS", "CPUUtilization", ClusterName="default", ServiceName="web")
    metrics.add(world.cloud.db, [(about, sample(world.cloud.clock(), per_cent, "Percent"))])
    await world.advance(60)
    scaling.look(world.cloud.db, world.cloud.clock(), world.cloud.new_id)
    await world.settle()
    return int(world.service()["desiredCount"])


async def test_a_busy_service_gets_tasks_and_an_idle_one_loses_them_within_its_bounds(world, autoscaling):
    await serve(world)
    register(autoscaling)
    put(autoscaling)
    counts = [await minute(world, 95) for _ in range(4)]
    assert max(counts) <= 3 and counts[-1] >= 2
    counts = [await minute(world, 1) for _ in range(12)]
    assert counts[-1] == 1 and min(counts) >= 1
    messages = [event["message"] for event in world.service()["events"]]
    assert any("(service web) scales up from 1 to 2 tasks: ECSServiceAverageCPUUtilization was" in m for m in messages)
    activities = autoscaling.describe_scaling_activities(ServiceNamespace="ecs")["ScalingActivities"]
    assert activities[0]["Description"] == "Setting desired count to 1."


async def test_without_measurements_nothing_is_changed(world, autoscaling):
    await serve(world, 2)
    register(autoscaling)
    put(autoscaling)
    await world.advance(600)
    assert scaling.look(world.cloud.db, world.cloud.clock(), world.cloud.new_id) == 0


async def test_a_count_outside_of_the_bounds_is_brought_there_when_they_are_registered(world, autoscaling):
    await serve(world)
    register(autoscaling, 2, 3)
    assert world.service()["desiredCount"] == 2
    world.ecs.update_service(service="web", desiredCount=0)
    register(autoscaling, 2, 3)
    assert world.service()["desiredCount"] == 0, "a service that was stopped stays so"


async def test_it_is_described_as_it_was_given_and_gone_when_it_is_taken_back(world, autoscaling):
    await serve(world)
    register(autoscaling)
    put(autoscaling)
    [target] = autoscaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"], target["ResourceId"]) == (1, 3, "service/default/web")
    [policy] = autoscaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"] == TRACKING
    autoscaling.delete_scaling_policy(**WHO, PolicyName="load")
    assert autoscaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []
    put(autoscaling)
    autoscaling.deregister_scalable_target(**WHO)
    assert autoscaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []
    with pytest.raises(ClientError, match="No scalable target found"):
        autoscaling.deregister_scalable_target(**WHO)


async def test_a_target_that_cannot_be_read_holds_back_no_other(world, autoscaling):
    await serve(world)
    world.ecs.create_service(serviceName="also", taskDefinition="web", desiredCount=1)
    register(autoscaling)
    autoscaling.register_scalable_target(**WHO | {"ResourceId": "service/default/also"}, MinCapacity=1, MaxCapacity=3)
    world.cloud.db.execute("UPDATE scalable_target SET body = '{' WHERE resource_id LIKE '%/also'")
    world.ecs.delete_service(service="web", force=True)
    await world.settle()
    scaling.look(world.cloud.db, world.cloud.clock(), world.cloud.new_id)
    left = world.cloud.db.execute("SELECT resource_id FROM scalable_target").fetchall()
    assert [row[0] for row in left] == ["service/default/also"]


async def test_a_target_goes_with_its_service(world, autoscaling):
    await serve(world)
    register(autoscaling)
    world.ecs.delete_service(service="web", force=True)
    await world.settle()
    scaling.look(world.cloud.db, world.cloud.clock(), world.cloud.new_id)
    assert autoscaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []


async def test_what_cannot_be_is_refused_in_a_sentence(world, autoscaling):
    with pytest.raises(ClientError, match="ECS service doesn't exist: service/default/web"):
        register(autoscaling)
    await serve(world)
    with pytest.raises(ClientError, match="MinCapacity must be 0 or more, and not above MaxCapacity"):
        register(autoscaling, 3, 1)
    with pytest.raises(ClientError, match="No scalable target found"):
        put(autoscaling)
    register(autoscaling)
    with pytest.raises(ClientError, match="ResourceLabel goes with ALBRequestCountPerTarget"):
        put(autoscaling, PredefinedMetricSpecification=CPU | {"ResourceLabel": "app/lb/1/targetgroup/web/2"})
    with pytest.raises(ClientError, match="CustomizedMetricSpecification"):
        put(autoscaling, CustomizedMetricSpecification={"MetricName": "queue"})


async def test_a_target_has_tags(world, autoscaling):
    await serve(world)
    arn = autoscaling.register_scalable_target(**WHO, MinCapacity=1, MaxCapacity=3, Tags={"team": "a"})[
        "ScalableTargetARN"
    ]
    autoscaling.tag_resource(ResourceARN=arn, Tags={"stage": "b"})
    autoscaling.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert autoscaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"stage": "b"}
    autoscaling.deregister_scalable_target(**WHO)
    with pytest.raises(ClientError, match="does not exist"):
        autoscaling.list_tags_for_resource(ResourceARN=arn)
