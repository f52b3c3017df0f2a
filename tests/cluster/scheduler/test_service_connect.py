"""Service Connect: endpoints that other services of the namespace call by name, carried by the cluster's balancer."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from culm.cluster.instance.specs import PAYLOAD
from culm.cluster.store.elbv2 import listeners, target_groups, targets

ENDPOINT = {
    "portName": "api",
    "discoveryName": "catalog",
    "clientAliases": [{"port": 8800, "dnsName": "catalog"}],
}
CONNECT = {"enabled": True, "services": [ENDPOINT]}
GROUP = "arn:aws:ecs:us-east-1:000000000000:service-connect/default/web/api"


def namespace(world: Any) -> None:
    world.ecs.update_cluster(cluster="default", serviceConnectDefaults={"namespace": "shop"})


async def serve(world: Any, **changed: Any) -> None:
    namespace(world)
    world.register(portMappings=[{"containerPort": 80, "name": "api", "appProtocol": "http"}], memory=world.memory)
    given = {"desiredCount": 1, "serviceConnectConfiguration": CONNECT, **changed}
    world.ecs.create_service(serviceName="web", taskDefinition="web", **given)
    await world.settle()


async def healthy(world: Any) -> None:
    for target in targets.in_group(world.cloud.db, GROUP):
        if target.state == "initial":
            targets.record_health(world.cloud.db, target, state="healthy")
    await world.settle()


async def drained(world: Any) -> None:
    for target in targets.in_group(world.cloud.db, GROUP):
        if target.state == "draining":
            targets.remove(world.cloud.db, target)
    await world.settle()


async def test_an_endpoint_is_a_listener_on_its_aliases_port_with_the_running_tasks_behind_it(world):
    await serve(world)
    [listener] = listeners.list_all(world.cloud.db)
    assert (listener.port, target_groups.list_all(world.cloud.db)[0].health_check_protocol) == (8800, "TCP")
    task = world.tasks(serviceName="web")[0]
    [target] = targets.in_group(world.cloud.db, GROUP)
    assert target.port == task["containers"][0]["networkBindings"][0]["hostPort"]


async def test_a_roll_waits_for_the_new_endpoint_and_stops_the_old_task_only_when_it_has_drained(world):
    await serve(world)
    await healthy(world)
    assert world.service()["deployments"][0]["rolloutState"] == "COMPLETED"
    old = world.tasks(serviceName="web")[0]["taskArn"]
    world.ecs.update_service(service="web", forceNewDeployment=True)
    await world.settle()
    states = [target.state for target in targets.in_group(world.cloud.db, GROUP)]
    assert states == ["healthy", "initial"], "the old one serves until the new one can"
    await healthy(world)
    assert world.task(old)["lastStatus"] == "DEACTIVATING"
    await drained(world)
    assert world.task(old)["lastStatus"] == "STOPPED"


async def test_the_deployment_shows_it_and_elb_s_operations_list_nothing_of_it(world):
    await serve(world)
    [deployment] = world.service()["deployments"]
    assert deployment["serviceConnectConfiguration"] == {"namespace": "shop", **CONNECT}
    elb = world.cloud.client("elbv2")
    assert elb.describe_target_groups()["TargetGroups"] == elb.describe_load_balancers()["LoadBalancers"] == []
    assert not any("target-group" in event["message"] for event in world.service()["events"])


async def test_tasks_that_take_part_are_given_the_names_and_others_are_not(world):
    await serve(world)
    for name, given in (("client", {"serviceConnectConfiguration": {"enabled": True}}), ("other", {})):
        world.ecs.create_service(serviceName=name, taskDefinition="web", desiredCount=1, **given)
    await world.settle()
    payloads = [seen.labels[PAYLOAD] for seen in await world.runtime.list()]
    named = sorted('"names":["catalog"]' in text for text in payloads)
    assert named == [False, True, True], "the service's own task may call it, too"


async def test_turned_off_or_deleted_it_is_carried_no_more(world):
    await serve(world)
    off = {"enabled": False}
    world.ecs.update_service(service="web", serviceConnectConfiguration=off)
    assert listeners.list_all(world.cloud.db) == target_groups.list_all(world.cloud.db) == ()
    world.ecs.update_service(service="web", serviceConnectConfiguration=CONNECT)
    assert [each.port for each in listeners.list_all(world.cloud.db)] == [8800]
    world.ecs.delete_service(service="web", force=True)
    assert listeners.list_all(world.cloud.db) == target_groups.list_all(world.cloud.db) == ()


async def test_an_update_of_something_else_leaves_it_as_it_is(world):
    await serve(world)
    world.ecs.update_service(service="web", desiredCount=2)
    assert len(world.service()["deployments"]) == 1
    assert [each.port for each in listeners.list_all(world.cloud.db)] == [8800]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({**CONNECT, "namespace": "nowhere"}, "namespace nowhere was not found"),
        ({**CONNECT, "services": [{**ENDPOINT, "portName": "admin"}]}, "portName admin"),
        ({**CONNECT, "services": [{"portName": "api"}]}, "needs one clientAlias"),
        ({**CONNECT, "services": [{**ENDPOINT, "timeout": {"idleTimeoutSeconds": 1}}]}, "timeout"),
    ],
)
async def test_what_it_cannot_do_is_refused_by_name(world, given, why):
    with pytest.raises(ClientError, match=why):
        await serve(world, serviceConnectConfiguration=given)


async def test_two_endpoints_cannot_share_a_port(world):
    await serve(world)
    with pytest.raises(ClientError, match="port 8800 of this cluster is another listener's"):
        world.ecs.create_service(
            serviceName="second", taskDefinition="web", desiredCount=1, serviceConnectConfiguration=CONNECT
        )
