"""What goes to AWS: sizes, names, rules."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.validate import validate_parameters
from hypothesis import given
from hypothesis import strategies as st

from culm import render
from culm.project.load import load
from culm.project.project import Project

AROUND = render.Surroundings(
    env="local",
    region="us-east-1",
    account="000000000000",
    vault="culm-vault-000000000000-us-east-1",
    vpc="vpc-1",
    subnets=("subnet-1", "subnet-2"),
    port=8080,
    instances="2 x t2.micro",
)
DIGEST = "127.0.0.1:5/bamboo/accounts@sha256:" + "0" * 64


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("accounts", "web"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM base\nEXPOSE 8000\n")
    (tmp_path / "accounts" / "Dockerfile.migrate").write_text("FROM base\n")
    (tmp_path / "culm.yml").write_text("name: bamboo\nservices: {accounts: , web: {path: /*}}\n")
    return load(tmp_path / "culm.yml")


def test_the_environment_holds_the_environments_name_and_the_vault_alone(project: Project) -> None:
    rendered = render.task_definition(project, project.services["accounts"], DIGEST, DIGEST, AROUND)
    assert rendered == {
        "family": "bamboo-accounts",
        "taskRoleArn": "arn:aws:iam::000000000000:role/bamboo-accounts",
        "executionRoleArn": "arn:aws:iam::000000000000:role/bamboo.execution",
        "networkMode": "bridge",
        "requiresCompatibilities": ["EC2"],
        "containerDefinitions": [
            {
                "name": "accounts",
                "image": DIGEST,
                "essential": True,
                "memory": 256,
                "cpu": 128,
                "environment": [
                    {"name": "MYENV", "value": "local"},
                    {"name": "VAULT", "value": "s3://culm-vault-000000000000-us-east-1"},
                ],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {
                        "awslogs-group": "/culm/bamboo/accounts",
                        "awslogs-region": "us-east-1",
                        "awslogs-stream-prefix": "accounts",
                    },
                },
                "portMappings": [{"containerPort": 8000, "hostPort": 0, "protocol": "tcp"}],
                "stopTimeout": 30,
                "dockerLabels": {"io.culm.migration": "sha256:" + "0" * 64},
            }
        ],
    }


def test_a_migration_has_no_port_and_a_family_of_its_own(project: Project) -> None:
    rendered = render.migration(project, project.services["accounts"], DIGEST, AROUND)
    assert rendered["family"] == "bamboo-accounts-migrate"
    assert "portMappings" not in rendered["containerDefinitions"][0]


def test_a_service_without_a_migration_has_one_repository(project: Project) -> None:
    assert render.repositories(project) == ["bamboo/accounts", "bamboo/accounts-migrate", "bamboo/web"]


def test_botocore_accepts_every_input(project: Project) -> None:
    accounts = project.services["accounts"]
    arn = "arn:aws:x:us-east-1:000000000000:y/z"
    inputs: list[tuple[str, str, dict[str, Any]]] = [
        ("ecs", "RegisterTaskDefinition", render.task_definition(project, accounts, DIGEST, None, AROUND)),
        ("ecs", "RegisterTaskDefinition", render.migration(project, accounts, DIGEST, AROUND)),
        (
            "ecs",
            "CreateService",
            render.service(project, accounts, arn, arn)
            | {"deploymentConfiguration": render.deployment_configuration(accounts, start_first=True)},
        ),
        ("elbv2", "CreateLoadBalancer", render.load_balancer(project, AROUND)),
        ("elbv2", "CreateListener", render.listener(arn, AROUND)),
        ("elbv2", "CreateTargetGroup", render.target_group(project, accounts, AROUND)),
        ("elbv2", "CreateRule", render.rule(accounts, arn, arn, 10)),
    ]
    for service, operation, given_input in inputs:
        model = boto3.session.Session()._session.get_service_model(service)
        validate_parameters(given_input, model.operation_model(operation).input_shape)


def test_the_rule_for_everything_is_tried_last(project: Project) -> None:
    assert render.by_specificity(project.services) == ["accounts", "web"]


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        ({}, {"a": 10, "b": 20, "c": 30}),
        ({"a": 10, "b": 20, "c": 30}, {"a": 10, "b": 20, "c": 30}),
        ({"a": 10, "c": 20}, {"a": 10, "b": 15, "c": 20}),
        ({"c": 10}, {"a": 5, "b": 7, "c": 10}),
        ({"a": 1, "c": 2}, {"a": 10, "b": 20, "c": 30}),
        ({"a": 20, "b": 10}, {"a": 10, "b": 20, "c": 30}),
        ({"a": 10, "other": 11}, {"a": 10, "b": 20, "c": 30}),
    ],
)
def test_live_priorities_stay_where_the_order_allows_it(live: dict[str, int], expected: dict[str, int]) -> None:
    assert render.priorities(["a", "b", "c"], live) == expected


def test_a_strangers_rule_keeps_its_priority() -> None:
    assert render.priorities(["a", "b"], {}, {10}) == {"a": 9, "b": 19}
    assert render.priorities(["a", "b"], {"b": 3}, {1, 2}) == {"a": 10, "b": 20}
    assert render.priorities(["a", "b"], {"a": 20, "b": 10}, {10}) == {"a": 20, "b": 30}


@given(
    st.lists(st.sampled_from("abcdefgh"), unique=True),
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 50)),
    st.frozensets(st.integers(1, 90)),
)
def test_priorities_are_distinct_in_order_and_nobody_elses(
    wanted: list[str], live: dict[str, int], taken: frozenset[int]
) -> None:
    taken -= set(live.values())
    given_priorities = render.priorities(wanted, live, taken)
    assert list(given_priorities) == wanted
    values = list(given_priorities.values())
    assert values == sorted(set(values))
    assert all(v >= 1 for v in values)
    assert taken.isdisjoint(values)
