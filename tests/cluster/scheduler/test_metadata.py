"""What a task is told about itself, and how clients find it."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest


@pytest.fixture
def ask(world):
    async def ask(url: str) -> tuple[int, Any]:
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            raise AssertionError("a GET has no body")

        await world.metadata({"path": urlsplit(url).path}, receive, send)
        return sent[0]["status"], json.loads(sent[1]["body"])

    return ask


async def started(world) -> tuple[str, str]:
    """A service's task, by ARN, and where its container finds its metadata."""
    container = {
        "name": "web",
        "image": "web:1",
        "memory": 256,
        "cpu": 64,
        "portMappings": [{"containerPort": 8080}],
        "environment": [{"name": "KEY", "value": "swordfish"}],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {"awslogs-group": "/there", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "web"},
        },
    }
    world.ecs.register_task_definition(family="web", containerDefinitions=[container])
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=1)
    await world.settle()
    [task] = world.tasks(serviceName="web")
    environment = world.runtime.spec_of((await world.container_of(task["taskArn"])).name).environment
    return task["taskArn"], environment["ECS_CONTAINER_METADATA_URI_V4"]


async def test_a_container_is_described_as_aws_documents_it(world, ask):
    arn, url = await started(world)
    seen = await world.container_of(arn)
    status, told = await ask(url)
    task = world.task(arn)
    assert status == 200
    assert told.pop("CreatedAt") == told.pop("StartedAt")
    assert told == {
        "DockerId": seen.runtime_id,
        "Name": "web",
        "DockerName": seen.name,
        "Image": "web:1",
        "ImageID": seen.image_digest,
        "Ports": [
            {"ContainerPort": 8080, "Protocol": "tcp", "HostPort": seen.ports[0].host_port, "HostIp": "0.0.0.0"},
        ],
        "Labels": {
            "com.amazonaws.ecs.cluster": "default",
            "com.amazonaws.ecs.container-name": "web",
            "com.amazonaws.ecs.task-arn": arn,
            "com.amazonaws.ecs.task-definition-family": "web",
            "com.amazonaws.ecs.task-definition-version": "1",
        },
        "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING",
        "Limits": {"CPU": 64, "Memory": 256},
        "Type": "NORMAL",
        "LogDriver": "awslogs",
        "LogOptions": {
            "awslogs-group": "/there",
            "awslogs-region": "us-east-1",
            "awslogs-stream": f"web/web/{arn.rpartition('/')[2]}",
            "awslogs-stream-prefix": "web",
        },
        "ContainerARN": task["containers"][0]["containerArn"],
        "Networks": [{"NetworkMode": "bridge", "IPv4Addresses": [seen.address]}],
    }


async def test_a_task_is_described_with_its_containers(world, ask):
    arn, url = await started(world)
    _, container = await ask(url)
    status, told = await ask(f"{url}/task")
    assert status == 200
    assert told["PullStartedAt"] <= told["PullStoppedAt"]
    assert told.pop("PullStartedAt").endswith("Z") and told.pop("PullStoppedAt").endswith("Z")
    assert told == {
        "Cluster": "default",
        "TaskARN": arn,
        "Family": "web",
        "Revision": "1",
        "ServiceName": "web",
        "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING",
        "AvailabilityZone": "us-east-1a",
        "LaunchType": "EC2",
        "Containers": [container],
    }
    assert "swordfish" not in json.dumps(told), "an environment is nobody else's"


async def test_statistics_are_docker_s_with_the_reading_before(world, ask):
    arn, url = await started(world)
    seen = await world.container_of(arn)
    await ask(f"{url}/stats")
    world.runtime.use_memory(seen.name, 100)
    await world.advance(10)
    status, told = await ask(f"{url}/stats")
    assert status == 200
    assert told["id"] == seen.runtime_id
    assert told["memory_stats"] == {"usage": 100 << 20, "max_usage": 100 << 20, "limit": 256 << 20}
    elapsed = told["cpu_stats"]["system_cpu_usage"] - told["precpu_stats"]["system_cpu_usage"]
    assert elapsed == 10 * 1_000_000_000 * told["cpu_stats"]["online_cpus"]
    assert (await ask(f"{url}/task/stats"))[1].keys() == {seen.runtime_id}


async def test_it_is_found_at_the_same_place_when_the_agent_has_died_and_is_gone_with_the_task(world, ask):
    arn, url = await started(world)
    await world.crash()
    world.add_instance(1)
    await world.settle()
    assert (await ask(f"{url}/task"))[1]["TaskARN"] == arn

    world.ecs.update_service(service="web", desiredCount=0)
    await world.settle()
    assert (await ask(url))[1]["KnownStatus"] == "STOPPED"
    assert (await ask(f"{url}/stats")) == (200, None)
    await world.advance(181)
    world.ecs.update_service(service="web", desiredCount=1)
    await world.settle()
    assert (await ask(url))[0] == 404


async def test_what_is_not_there_is_not_found(world, ask):
    _, url = await started(world)
    assert [(await ask(each))[0] for each in (f"{url}/secrets", f"{url}0", "/v4/", "/v4/task")] == [404] * 4
