"""An ECS cluster with instances, as their agents would register them."""

from collections.abc import Callable
from typing import Any

import pytest

from culm.cluster.instance.machine import CAPABILITIES
from culm.cluster.store.ecs import container_instances


@pytest.fixture
def ecs(cloud) -> Any:
    """boto3's client of a region with the default cluster."""
    client = cloud.client("ecs")
    client.create_cluster()
    return client


@pytest.fixture
def add_instance(cloud, ecs) -> Callable[..., str]:
    """Registers a connected instance with a t2.micro's resources; gives its ARN."""

    def add(cluster: str = "default", *, memory: int = 995, zone: str = "us-east-1a") -> str:
        resources = [
            {"name": "CPU", "type": "INTEGER", "integerValue": 1024},
            {"name": "MEMORY", "type": "INTEGER", "integerValue": memory},
            {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22", "51678"]},
        ]
        attributes = [
            {"name": "ecs.availability-zone", "value": zone},
            {"name": "ecs.instance-type", "value": "t2.micro"},
            *({"name": capability} for capability in CAPABILITIES),
        ]
        answer = ecs.register_container_instance(cluster=cluster, totalResources=resources, attributes=attributes)
        arn = str(answer["containerInstance"]["containerInstanceArn"])
        container_instances.set_connected(cloud.db, arn, True)
        return arn

    return add


@pytest.fixture
def register(ecs) -> Callable[..., str]:
    """Registers a revision with one container, `web`; gives its ARN."""

    def register(family: str = "web", **changed: Any) -> str:
        container = {"name": "web", "image": "web:1", "memory": 256, **changed}
        answer = ecs.register_task_definition(family=family, containerDefinitions=[container])
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    return register


@pytest.fixture
def report(ecs) -> Callable[..., None]:
    """What a task's agent would say of it."""

    def report(task: str, status: str, **changed: Any) -> None:
        ecs.submit_task_state_change(task=task, status=status, **changed)

    return report
