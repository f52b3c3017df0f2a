"""What AWS answers of a small environment, to change one thing of in a test."""

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from culm.operate.snapshot.observed import About, Graph, Observed
from culm.project.load import load

NOW = 1_796_000_000.0
CLUSTER = "arn:aws:ecs:us-east-1:000000000000:cluster/bamboo"
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/bamboo/1"
GROUP = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/bamboo-{}/1"


def at(seconds_ago: float) -> datetime:
    return datetime.fromtimestamp(NOW - seconds_ago, UTC)


@cache
def about(*names: str) -> About:
    """A project whose services have nothing but a Dockerfile."""
    chosen = names or ("orders",)
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            (Path(folder) / name).mkdir()
            for file in ("Dockerfile", "Dockerfile.migrate"):
                (Path(folder) / name / file).write_text('FROM base\nEXPOSE 8000\nCMD ["sh"]\n')
        written = Path(folder) / "culm.yml"
        written.write_text(f"name: bamboo\nservices: {{{', '.join(f'{name}: ' for name in chosen)}}}\n")
        project = load(written)
    return About(project=project, settings=project.targets["local"], region="us-east-1", endpoint="http://e")


def definition(revision: str = "bamboo-orders:2", **container: Any) -> dict[str, Any]:
    family, _, number = revision.rpartition(":")
    return {
        "taskDefinitionArn": f"arn:aws:ecs:us-east-1:000000000000:task-definition/{revision}",
        "family": family,
        "revision": int(number),
        "registeredAt": at(300),
        "registeredBy": "arn:aws:sts::000000000000:assumed-role/Deploy/ada",
        "containerDefinitions": [
            {
                "name": "orders",
                "image": "registry/bamboo/orders@sha256:b0e90705",
                "memory": 256,
                "cpu": 128,
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {"awslogs-group": "/culm/bamboo/orders", "awslogs-stream-prefix": "orders"},
                },
                **container,
            }
        ],
    }


def deployment(revision: str = "bamboo-orders:2", **changes: Any) -> dict[str, Any]:
    return {
        "id": "ecs-svc/2",
        "status": "PRIMARY",
        "taskDefinition": f"arn:aws:ecs:us-east-1:000000000000:task-definition/{revision}",
        "rolloutState": "COMPLETED",
        "desiredCount": 1,
        "runningCount": 1,
        "pendingCount": 0,
        "failedTasks": 0,
        "createdAt": at(120),
        "updatedAt": at(60),
        **changes,
    }


def service(**changes: Any) -> dict[str, Any]:
    return {
        "serviceName": "orders",
        "status": "ACTIVE",
        "desiredCount": 1,
        "runningCount": 1,
        "pendingCount": 0,
        "taskDefinition": "arn:aws:ecs:us-east-1:000000000000:task-definition/bamboo-orders:2",
        "loadBalancers": [{"targetGroupArn": GROUP.format("orders"), "containerName": "orders", "containerPort": 8080}],
        "deployments": [deployment()],
        "events": [],
        **changes,
    }


def task(id: str = "a" * 32, revision: str = "bamboo-orders:2", **changes: Any) -> dict[str, Any]:
    return {
        "taskArn": f"arn:aws:ecs:us-east-1:000000000000:task/bamboo/{id}",
        "taskDefinitionArn": f"arn:aws:ecs:us-east-1:000000000000:task-definition/{revision}",
        "containerInstanceArn": "arn:aws:ecs:us-east-1:000000000000:container-instance/bamboo/one",
        "group": "service:orders",
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "memory": "256",
        "cpu": "128",
        "createdAt": at(100),
        "startedAt": at(99),
        "containers": [{"name": "orders", "networkBindings": [{"hostPort": 40000, "containerPort": 8080}]}],
        **changes,
    }


def stopped(id: str = "b" * 32, *, seconds_ago: float = 30, exit_code: int = 3, **changes: Any) -> dict[str, Any]:
    return task(
        id,
        lastStatus="STOPPED",
        desiredStatus="STOPPED",
        stoppedAt=at(seconds_ago),
        stopCode="EssentialContainerExited",
        stoppedReason="Essential container in task exited",
        containers=[{"name": "orders", "exitCode": exit_code}],
        **changes,
    )


def instance(name: str = "one", **changes: Any) -> dict[str, Any]:
    return {
        "containerInstanceArn": f"arn:aws:ecs:us-east-1:000000000000:container-instance/bamboo/{name}",
        "ec2InstanceId": f"i-{name}",
        "status": "ACTIVE",
        "agentConnected": True,
        "registeredAt": at(1000),
        "registeredResources": [{"name": "MEMORY", "integerValue": 995}, {"name": "CPU", "integerValue": 1024}],
        "remainingResources": [{"name": "MEMORY", "integerValue": 739}, {"name": "CPU", "integerValue": 896}],
        "attributes": [
            {"name": "ecs.instance-type", "value": "t2.micro"},
            {"name": "ecs.availability-zone", "value": "us-east-1a"},
        ],
        **changes,
    }


def health(state: str = "healthy", **changes: Any) -> dict[str, Any]:
    return {"Target": {"Id": "i-one", "Port": 40000}, "TargetHealth": {"State": state, **changes}}


def rule(priority: str = "10", path: str = "/orders/*", group: str = "orders") -> dict[str, Any]:
    return {
        "RuleArn": f"arn:rule/{priority}",
        "Priority": priority,
        "IsDefault": priority == "default",
        "Conditions": []
        if priority == "default"
        else [{"Field": "path-pattern", "Values": [path], "PathPatternConfig": {"Values": [path]}}],
        "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "MessageBody": "none\n"}}]
        if priority == "default"
        else [{"Type": "forward", "TargetGroupArn": GROUP.format(group)}],
    }


def observed(**changes: Any) -> Observed:
    """One service of one task on one instance, as it should be."""
    fields: dict[str, Any] = {
        "at": NOW,
        "cluster": True,
        "services": [service()],
        "tasks": [task()],
        "instances": [instance()],
        "task_definitions": definitions("bamboo-orders:1", "bamboo-orders:2"),
        "load_balancer": {"LoadBalancerArn": BALANCER, "DNSName": "127.0.0.1"},
        "listener": {"ListenerArn": "arn:listener", "Port": 8080},
        "url": "http://127.0.0.1:8080",
        "rules": [rule("default"), rule()],
        "target_groups": {GROUP.format("orders"): {"TargetGroupName": "bamboo-orders", "HealthCheckPath": "/health"}},
        "targets": {GROUP.format("orders"): [health()]},
        "metrics": {},
        "last_lines": {},
        **changes,
    }
    return Observed(**fields)


def definitions(*revisions: str) -> dict[str, dict[str, Any]]:
    made = [definition(revision) for revision in revisions]
    return {one["taskDefinitionArn"]: one for one in made}


def graph(values: Mapping[float, float], step: int = 60) -> Graph:
    """By seconds ago."""
    return Graph(step=step, values={float((NOW - ago) // step * step): value for ago, value in values.items()})
