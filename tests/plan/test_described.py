"""What ECS describes, as the scheduler's own values."""

from datetime import UTC, datetime
from typing import Any

import pytest

from culm.core.decide.ledger import Fleet
from culm.plan.described import cluster_state
from culm.plan.differences import Difference, differences

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REVISION = "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1"


def resources(memory: int, cpu: int = 1024) -> list[dict[str, Any]]:
    return [
        {"name": "CPU", "type": "INTEGER", "integerValue": cpu},
        {"name": "MEMORY", "type": "INTEGER", "integerValue": memory},
        {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22", "2376"]},
    ]


def an_instance(registered: int, remaining: int) -> dict[str, Any]:
    return {
        "containerInstanceArn": "i-1",
        "ec2InstanceId": "i-1",
        "registeredResources": resources(registered),
        "remainingResources": resources(remaining, 896),
        "status": "ACTIVE",
        "agentConnected": True,
        "registeredAt": NOW,
        "attributes": [{"name": "ecs.instance-type", "value": "t2.micro"}],
    }


def a_task(**fields: Any) -> dict[str, Any]:
    return {
        "taskArn": "t1",
        "clusterArn": "c",
        "taskDefinitionArn": REVISION,
        "group": "service:web",
        "containerInstanceArn": "i-1",
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "startedAt": NOW,
        "containers": [{"name": "web", "networkBindings": [{"bindIP": "0.0.0.0"}]}],
        **fields,
    }


DEFINITION = {
    "taskDefinitionArn": REVISION,
    "family": "web",
    "revision": 1,
    "containerDefinitions": [
        {"name": "web", "image": "web", "memory": 256, "cpu": 128, "dockerLabels": {"someLabel": "keeps its case"}}
    ],
}


def test_what_remains_on_an_instance_is_believed() -> None:
    state = cluster_state(1.0, [an_instance(995, 700)], [a_task()], [], [DEFINITION])
    [node] = Fleet.of(state)
    assert (node.memory, node.cpu, sorted(node.ports)) == (700, 896, [22, 2376])
    assert state.instances[0].memory == 956, "39 MiB are held by something that no task accounts for"
    assert state.instances[0].registered_at == NOW.timestamp()


@pytest.mark.parametrize(
    ("controller", "read"),
    [({}, "ECS"), ({"type": "ECS"}, "ECS"), ({"type": "EXTERNAL"}, "EXTERNAL"), ({"type": "CODE_DEPLOY"}, "EXTERNAL")],
)
def test_a_service_is_read_whoever_deploys_it(controller: dict[str, str], read: str) -> None:
    described = {
        "serviceName": "web",
        "serviceArn": "s",
        "clusterArn": "c",
        "taskDefinition": REVISION,
        "desiredCount": 1,
        "createdAt": NOW,
    }
    [service] = cluster_state(0.0, [], [], [{**described, "deploymentController": controller}], []).services
    assert service.deployment_controller == read


def test_stopped_tasks_hold_nothing() -> None:
    state = cluster_state(1.0, [an_instance(995, 995)], [a_task(lastStatus="STOPPED")], [], [DEFINITION])
    assert (state.tasks, [node.memory for node in Fleet.of(state)]) == ((), [995])


def test_peoples_own_words_keep_their_case() -> None:
    state = cluster_state(1.0, [], [], [], [DEFINITION])
    assert state.task_definitions[REVISION].container_definitions[0].docker_labels == {"someLabel": "keeps its case"}


def test_differences_are_named_by_their_fields() -> None:
    old = {
        "family": "web",
        "containerDefinitions": [
            {
                "name": "web",
                "image": "web@sha256:aaa",
                "memory": 256,
                "command": ["a", "b"],
                "environment": [{"name": "MYENV", "value": "stg"}, {"name": "GONE", "value": "1"}],
                "dockerLabels": {"io.culm.migration": "sha256:1"},
            }
        ],
    }
    new = {
        "family": "web",
        "containerDefinitions": [
            {
                "name": "web",
                "image": "web@sha256:bbb",
                "memory": 300,
                "command": ["a", "c"],
                "environment": [{"name": "MYENV", "value": "prd"}],
                "dockerLabels": {"io.culm.migration": "sha256:2"},
                "stopTimeout": 30,
            }
        ],
    }
    assert differences(old, new) == (
        Difference(field="image", old="web@sha256:aaa", new="web@sha256:bbb"),
        Difference(field="memory", old="256", new="300"),
        Difference(field="command.1", old="b", new="c"),
        Difference(field="environment.MYENV", old="stg", new="prd"),
        Difference(field="migration image", old="sha256:1", new="sha256:2"),
        Difference(field="stopTimeout", old=None, new="30"),
        Difference(field="environment.GONE", old="1", new=None),
    )
    assert differences(new, new) == ()
