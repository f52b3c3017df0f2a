"""Fargate: sizes that there are, tasks with an address of their own, and no instance to be seen."""

import pytest
from botocore.exceptions import ClientError

from culm.core.model import fargate

MIXED = [{"capacityProvider": "FARGATE"}, {"capacityProvider": "other"}]
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0000000000000000b"], "assignPublicIp": "ENABLED"}}
GUARDED = {"awsvpcConfiguration": {"subnets": ["subnet-0000000000000000b"], "securityGroups": ["sg-1"]}}


@pytest.fixture
def web(ecs):
    """Registers a revision for Fargate."""

    def register(**changed):
        container = {"name": "web", "image": "web:1", "portMappings": [{"containerPort": 8080}]}
        given = {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": ".25 vCPU", "memory": "0.5GB"}
        return ecs.register_task_definition(family="web", containerDefinitions=[container], **{**given, **changed})

    return register


@pytest.mark.parametrize(
    ("cpu", "memory"), [("256", "4096"), ("512", "512"), ("1024", "9216"), ("300", "1024"), ("8192", "17408")]
)
def test_a_size_that_fargate_does_not_have_is_refused_in_its_words(web, cpu, memory):
    with pytest.raises(ClientError, match=f"No Fargate configuration exists for given values: {cpu} CPU, {memory} mem"):
        web(cpu=cpu, memory=memory)


@pytest.mark.parametrize(
    ("cpu", "memory"), [("256", "2048"), ("1 vCPU", "8 GB"), ("4096", "30720"), ("16384", "32768")]
)
def test_every_size_of_the_table_is_taken(web, cpu, memory):
    assert web(cpu=cpu, memory=memory)["taskDefinition"]["compatibilities"] == ["EC2", "FARGATE"]


def test_a_task_has_an_address_of_its_own_and_no_instance(ecs, web):
    web()
    started = ecs.run_task(taskDefinition="web", launchType="FARGATE", count=2, networkConfiguration=NETWORK)["tasks"]
    assert {task["launchType"] for task in started} == {"FARGATE"}
    assert {task["platformVersion"] for task in started} == {"1.4.0"}
    assert {task["availabilityZone"] for task in started} == {"us-east-1b"}
    assert not any("containerInstanceArn" in task for task in started)
    details = [{d["name"]: d["value"] for d in task["attachments"][0]["details"]} for task in started]
    assert {d["subnetId"] for d in details} == {"subnet-0000000000000000b"}
    assert len({d["privateIPv4Address"] for d in details}) == 2
    [interface] = started[0]["containers"][0]["networkInterfaces"]
    assert interface["privateIpv4Address"] == details[0]["privateIPv4Address"]
    assert ecs.list_container_instances()["containerInstanceArns"] == []
    assert len(ecs.list_tasks(launchType="FARGATE")["taskArns"]) == 2


def test_capacity_providers_of_fargate_start_tasks_there(ecs, web):
    web()
    strategy = [{"capacityProvider": "FARGATE", "base": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    started = ecs.run_task(
        taskDefinition="web", count=3, networkConfiguration=NETWORK, capacityProviderStrategy=strategy
    )["tasks"]
    assert [task["capacityProviderName"] for task in started] == ["FARGATE", "FARGATE_SPOT", "FARGATE_SPOT"]
    assert {task["launchType"] for task in started} == {"FARGATE"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"networkConfiguration": {}}, "Network Configuration must be provided when networkMode 'awsvpc'"),
        (
            {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}},
            "The subnet ID 'subnet-1' does not exist",
        ),
        (
            {"networkConfiguration": GUARDED},
            "The security group 'sg-1' does not exist",
        ),
        ({"launchType": "EC2"}, "Assign public IP is not supported for this launch type"),
        ({"placementStrategy": [{"type": "random"}]}, "Placement strategies are not supported with FARGATE"),
        ({"platformVersion": "9.9.9"}, "The platform version 9.9.9 does not exist"),
        ({"capacityProviderStrategy": MIXED, "launchType": None}, "cannot contain a mix"),
    ],
)  # fmt: skip
def test_what_fargate_refuses_is_refused_in_its_words(ecs, web, given, message):
    web()
    asked = {"taskDefinition": "web", "launchType": "FARGATE", "networkConfiguration": NETWORK, **given}
    with pytest.raises(ClientError, match=message):
        ecs.run_task(**{name: value for name, value in asked.items() if value is not None})


def test_a_service_shows_its_network_and_its_platform(ecs, web):
    web()
    service = ecs.create_service(
        serviceName="web", taskDefinition="web", desiredCount=1, launchType="FARGATE", networkConfiguration=NETWORK
    )["service"]
    assert service["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "ENABLED"
    assert (service["launchType"], service["platformVersion"], service["platformFamily"]) == (
        "FARGATE", "LATEST", "Linux",
    )  # fmt: skip
    assert service["deployments"][0]["networkConfiguration"] == service["networkConfiguration"]
    other = {"awsvpcConfiguration": {"subnets": ["subnet-0000000000000000a"]}}
    changed = ecs.update_service(service="web", networkConfiguration=other)["service"]
    assert len(changed["deployments"]) == 2


def test_nobody_sees_the_host(ecs):
    assert fargate.is_host(fargate.host_arn("arn:aws:ecs:us-east-1:000000000000:cluster/a"))
    with pytest.raises(ClientError, match="Invalid cluster name"):
        ecs.create_cluster(clusterName=fargate.HOSTS)
