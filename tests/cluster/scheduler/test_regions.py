"""Clients of another region than the cluster's: what is made there works there."""

import pytest

from culm.cluster.instance.fleet import Fleet
from culm.cluster.scheduler import scaling
from culm.cluster.store.db import transact
from culm.core.model.fargate import HOSTS

ABROAD = "eu-central-1"
ACCOUNT = "0" * 12


@pytest.fixture
def fleet(world):
    return Fleet(
        world.store, default="1 x t2.micro", region="us-east-1", account=ACCOUNT,
        address=lambda used: f"127.0.0.{len(used) + 2}",
        agent_for=lambda machine: pytest.fail("no agent is started here"),
        new_id=world.cloud.new_id,
    )  # fmt: skip


async def test_each_region_has_a_host_of_fargate_of_its_own(world, fleet):
    for region in ABROAD, "us-east-1":
        ecs = world.cloud.client("ecs", region)
        ecs.register_task_definition(
            family="web", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            containerDefinitions=[{"name": "web", "image": "web:1"}],
        )  # fmt: skip
        ecs.run_task(
            taskDefinition="web", launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-0000000000000000a"]}},
        )  # fmt: skip
    transact(world.cloud.db, fleet._decide)
    hosts = {m.availability_zone: m.container_instance_arn for m in transact(world.cloud.db, fleet._decide)
             if m.cluster == HOSTS}  # fmt: skip
    assert {zone: arn.split(":")[3] for zone, arn in hosts.items()} == {
        "us-east-1a": "us-east-1", f"{ABROAD}a": ABROAD,
    }  # fmt: skip


async def test_a_clusters_tag_says_which_instances_it_has_in_every_region(world, fleet):
    tags = [{"key": "culm:instances", "value": "2 x t3.small"}]
    world.cloud.client("ecs", ABROAD).create_cluster(clusterName="abroad", tags=tags)
    there = [m for m in transact(world.cloud.db, fleet._decide) if m.cluster == "abroad"]
    assert [machine.instance_type for machine in there] == ["t3.small", "t3.small"]


async def test_a_scalable_target_of_another_region_stays_with_its_service(world):
    ecs = world.cloud.client("ecs", ABROAD)
    ecs.register_task_definition(family="web", containerDefinitions=[{"name": "w", "image": "w", "memory": 64}])
    ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=1)
    autoscaling = world.cloud.client("application-autoscaling", ABROAD)
    autoscaling.register_scalable_target(
        ServiceNamespace="ecs", ResourceId="service/default/web", ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=1, MaxCapacity=3,
    )  # fmt: skip
    scaling.look(world.cloud.db, world.cloud.clock(), world.cloud.new_id)
    assert autoscaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
