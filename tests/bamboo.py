"""A project of two services, and the surroundings of the local target."""

from pathlib import Path

import pytest

from culm import render
from culm.plan.observed import Observed
from culm.project.load import load
from culm.project.project import Project
from culm.render import identity

NOTHING = Observed(
    cluster=None,
    repositories={},
    log_groups=frozenset(),
    vault=None,
    roles={},
    databases={},
    load_balancer=None,
    listener=None,
    rules={},
    target_groups={},
    attributes={},
    services={},
    task_definitions={},
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("accounts", "web"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text('FROM base\nEXPOSE 8000\nCMD ["sh"]\n')
    (tmp_path / "accounts" / "Dockerfile.migrate").write_text('FROM base\nCMD ["sh"]\n')
    (tmp_path / "culm.yml").write_text("name: bamboo\nservices: {accounts: , web: {path: /*}}\n")
    return load(tmp_path / "culm.yml")


@pytest.fixture
def around() -> render.Surroundings:
    return render.Surroundings(
        env="local",
        region="us-east-1",
        account="000000000000",
        vault="culm-vault-000000000000-us-east-1",
        vpc="vpc-1",
        subnets=("subnet-1", "subnet-2"),
        port=8080,
        instances="2 x t2.micro",
        drain_seconds=None,
    )


@pytest.fixture
def live(project: Project, around: render.Surroundings) -> Observed:
    """Everything as rendered, described as AWS describes it."""
    groups = {
        render.family(project, one): {**render.target_group(project, one, around), "TargetGroupArn": f"arn:{name}"}
        for name, one in project.services.items()
    }
    ordered = render.by_specificity(project.services)
    return Observed(
        cluster={"clusterArn": "arn:cluster", "tags": render.cluster_tags(around)},
        repositories={name: f"127.0.0.1:5/{name}" for name in render.repositories(project)},
        log_groups=frozenset(render.log_group(project, one) for one in project.services.values()),
        vault=frozenset(),
        roles={
            render.execution_role_name(project): identity.execution_policy(project, around),
            **{
                identity.role_name(project, one): identity.policy(project, one, around)
                for one in project.services.values()
            },
        },
        databases={},
        load_balancer={"LoadBalancerArn": "arn:lb", "DNSName": "127.0.0.1"},
        listener={"ListenerArn": "arn:listener", "Port": 8080},
        rules={
            name: {
                "RuleArn": f"arn:rule/{name}",
                "Priority": str(10 * (n + 1)),
                "Conditions": [
                    {
                        "Field": "path-pattern",
                        "Values": list(project.services[name].patterns),
                        "PathPatternConfig": {"Values": list(project.services[name].patterns)},
                    }
                ],
            }
            for n, name in enumerate(ordered)
        },
        target_groups=groups,
        attributes={
            name: {"deregistration_delay.timeout_seconds": "30", "stickiness.enabled": "false"} for name in groups
        },
        services={
            name: {
                **render.service(project, one, f"arn:task-definition/{name}:1", f"arn:{name}"),
                "deployments": [{"id": "ecs-svc/1", "status": "PRIMARY", "rolloutState": "COMPLETED"}],
            }
            for name, one in project.services.items()
        },
        task_definitions={},
    )
