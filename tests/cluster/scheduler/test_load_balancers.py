"""Services behind a load balancer: registered when they run, drained before they stop."""

from typing import Any

import pytest

from culm.cluster.store.elbv2 import targets


@pytest.fixture
def group(world) -> str:
    elb = world.cloud.client("elbv2")
    subnet_ids = ["subnet-0000000000000000a", "subnet-0000000000000000b"]
    balancer = elb.create_load_balancer(Name="lb", Subnets=subnet_ids)["LoadBalancers"][0]["LoadBalancerArn"]
    arn = elb.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId="vpc-00000000000000001")
    arn = arn["TargetGroups"][0]["TargetGroupArn"]
    forward = [{"Type": "forward", "TargetGroupArn": arn}]
    elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=8080, DefaultActions=forward)
    return str(arn)


async def serve(world: Any, group: str, **changed: Any) -> None:
    world.register(portMappings=[{"containerPort": 80}], memory=world.memory)
    balancers = [{"targetGroupArn": group, "containerName": "web", "containerPort": 80}]
    given = {"desiredCount": 1, "loadBalancers": balancers, **changed}
    world.ecs.create_service(serviceName="web", taskDefinition="web", **given)
    await world.settle()


async def probe(world: Any, group: str, state: str = "healthy", of: str = "initial") -> None:
    """What the balancer finds of the targets in state `of`."""
    for target in targets.in_group(world.cloud.db, group):
        if target.state == of:
            targets.record_health(world.cloud.db, target, state=state)  # type: ignore[arg-type]
    await world.settle()


async def drained(world: Any, group: str) -> None:
    for target in targets.in_group(world.cloud.db, group):
        if target.state == "draining":
            targets.remove(world.cloud.db, target)
    await world.settle()


async def test_a_task_set_has_a_target_group_of_its_own(world, group):
    world.register(portMappings=[{"containerPort": 80}], memory=world.memory)
    world.ecs.create_service(serviceName="web", desiredCount=2, deploymentController={"type": "EXTERNAL"})
    balancers = [{"targetGroupArn": group, "containerName": "web", "containerPort": 80}]
    world.ecs.create_task_set(cluster="default", service="web", taskDefinition="web", loadBalancers=balancers)
    world.ecs.create_task_set(cluster="default", service="web", taskDefinition="web")
    await world.settle()
    assert world.service()["runningCount"] == 4
    assert len(targets.in_group(world.cloud.db, group)) == 2


async def test_a_running_task_is_registered_by_instance_and_host_port(world, group):
    await serve(world, group)
    task = world.tasks(serviceName="web")[0]
    target = targets.in_group(world.cloud.db, group)[0]
    assert target.port == task["containers"][0]["networkBindings"][0]["hostPort"]
    assert target.id.startswith("i-")
    messages = [event["message"] for event in world.service()["events"]]
    assert f"(service web) registered 1 targets in (target-group {group})" in messages


async def test_a_task_that_turns_out_to_listen_elsewhere_is_registered_there_instead(world, group):
    await serve(world, group)
    [container] = await world.containers()
    world.runtime.listen_elsewhere(container.name, 8000)
    await world.settle()
    ports = {target.port: target.state for target in targets.in_group(world.cloud.db, group)}
    assert ports == {container.ports[0].host_port: "draining", 8000: "initial"}
    await drained(world, group)
    await probe(world, group)
    world.ecs.update_service(service="web", desiredCount=0)
    await world.settle()
    await drained(world, group)
    assert targets.in_group(world.cloud.db, group) == ()
    assert await world.containers() == []


async def test_the_balancer_is_woken_when_targets_come_and_go_and_not_otherwise(world, group):
    woken = world.changed.subscribe("elbv2")
    await serve(world, group, desiredCount=0)
    assert not woken.is_set()
    world.ecs.update_service(service="web", desiredCount=1)
    await world.settle()
    assert woken.is_set()

    woken.clear()
    world.ecs.update_service(service="web", desiredCount=0)
    await world.settle()
    assert woken.is_set()


async def test_it_is_steady_when_its_targets_are_healthy_and_not_before(world, group):
    await serve(world, group)
    await world.advance(60)
    assert world.service()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    await probe(world, group)
    assert world.service()["deployments"][0]["rolloutState"] == "COMPLETED"


async def test_a_task_is_stopped_only_when_its_target_has_drained(world, group):
    await serve(world, group)
    await probe(world, group)
    arn = world.tasks(serviceName="web")[0]["taskArn"]
    world.ecs.update_service(service="web", desiredCount=0)
    await world.settle()
    assert world.task(arn)["lastStatus"] == "DEACTIVATING"
    assert [target.state for target in targets.in_group(world.cloud.db, group)] == ["draining"]
    assert len(await world.containers()) == 1

    await drained(world, group)
    assert world.task(arn)["lastStatus"] == "STOPPED"
    assert await world.containers() == []


async def test_the_target_of_a_task_that_died_is_deregistered(world, group):
    await serve(world, group)
    await probe(world, group)
    before = targets.in_group(world.cloud.db, group)[0]
    first = world.tasks(serviceName="web")[0]["taskArn"]
    world.runtime.exit((await world.container_of(first)).name, 1)
    await world.settle()
    after = targets.in_group(world.cloud.db, group)
    assert len([t for t in after if t.state != "draining"]) == 1
    assert (before.id, before.port) in [(t.id, t.port) for t in after]


async def test_a_roll_starts_the_new_task_first_and_stops_the_old_one_when_it_is_healthy(world, group):
    await serve(world, group)
    await probe(world, group)
    old = world.tasks(serviceName="web")[0]["taskArn"]
    world.register(portMappings=[{"containerPort": 80}], cpu=1)
    world.ecs.update_service(service="web", taskDefinition="web:2")
    await world.settle()
    assert len(world.tasks(serviceName="web")) == 2
    await probe(world, group)
    assert world.task(old)["desiredStatus"] == "STOPPED"
    await drained(world, group)
    await world.settle()
    left = world.tasks(serviceName="web")
    assert [task["taskDefinitionArn"].rpartition("/")[2] for task in left] == ["web:2"]
    deployments = world.service()["deployments"]
    assert [(d["status"], d["rolloutState"]) for d in deployments] == [("PRIMARY", "COMPLETED")]


async def test_a_roll_without_spare_room_starts_when_the_old_tasks_have_gone(world, group):
    configuration = {"minimumHealthyPercent": 0, "maximumPercent": 100}
    world.memory = 900
    await serve(world, group, desiredCount=2, deploymentConfiguration=configuration)
    await probe(world, group)
    old = [task["taskArn"] for task in world.tasks(serviceName="web")]
    world.ecs.update_service(service="web", forceNewDeployment=True)
    await world.settle()
    assert world.tasks(serviceName="web") == []
    assert [world.task(arn)["lastStatus"] for arn in old] == ["DEACTIVATING", "DEACTIVATING"]
    await drained(world, group)
    assert len(world.tasks(serviceName="web")) == 2


async def test_an_unhealthy_task_is_replaced(world, group):
    await serve(world, group)
    await probe(world, group)
    first = world.tasks(serviceName="web")[0]["taskArn"]
    await probe(world, group, "unhealthy", of="healthy")
    await probe(world, group)
    await drained(world, group)
    task = world.task(first)
    assert task["stoppedReason"] == f"Task failed ELB health checks in (target-group {group})"
    assert task["stopCode"] == "ServiceSchedulerInitiated"
