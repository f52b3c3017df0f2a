"""The policy of a deploy is what a deploy needs: all that it calls is allowed, and what is allowed is called."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.amazon.conftest import Shop
from tests.amazon.permissions import ACCOUNT, refused
from tests.based import based

from culm.aws import stack
from culm.cli.agreement import ensure
from culm.console import Console
from culm.core.decide.policy_documents import parse
from culm.core.model.policies import Policy
from culm.deploy import vault_files
from culm.deploy.down import down
from culm.deploy.lock import locked, unlock
from culm.project.load import load
from culm.render import permissions
from culm.render.permissions_page import page

OTHERS = {
    "docker push, which ECR asks about": permissions.PUSH,
    "S3, in the caller's name": ("kms:Decrypt", "kms:GenerateDataKey"),
    "the look at the stack before a deploy": ("cloudformation:GetTemplate",),
    "status and diff of databases": ("rds:DescribeDBInstances",),
    "a network without a load balancer yet": ("ec2:DescribeSubnets",),
    "rules that have to change places, in one call": ("elasticloadbalancing:SetRulePriorities",),
    "a migration that still runs when everything goes": ("ecs:StopTask",),
    "instances that do not join": ("autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeScalingActivities"),
    "a roll that fails goes back": ("ecs:StopServiceDeployment",),
    "alarms, in the caller's name": (
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DescribeAlarms",
    ),
    "the account's role for scaling, made with the first service": ("iam:CreateServiceLinkedRole",),
    "logs of streams, by name": ("logs:GetLogEvents",),
}
"""What this project's life does not call, and who needs it."""

MANIFEST = """\
name: bamboo
targets: {{stg: {target}}}
defaults: {{memory: 900, settle: 0, {more}}}
services:
  accounts:
  web: {{path: {path}, memory: 300, count: 1-2, scale: cpu 60, files: {{/srv/conf/site: site.conf}}}}
"""


def ignore(kind: str, name: str) -> None:
    """Nobody listens."""


@pytest.fixture
def life(shop: Shop) -> Iterator[tuple[list[dict[str, Any]], dict[str, Any]]]:
    """All that is called in the life of a project whose base is there, and the policy for it.

    Two services leave so little of two instances that a migration needs the memory of its own service; one is scaled.
    """

    def says(path: str = "/*", more: str = "") -> None:
        target = f"{{provider: aws, region: us-east-1, endpoint_url: '{shop.account.url}'}}"
        shop.write("culm.yml", MANIFEST.format(target=target, path=path, more=more))

    says()
    around = based(shop.target, shop.project).surroundings
    for group in shop.account.client("elbv2").describe_target_groups()["TargetGroups"]:
        shop.account.client("elbv2").delete_target_group(TargetGroupArn=group["TargetGroupArn"])
    vault_files.vault_of(shop.target, shop.project).prepare("us-east-1")
    vault_files.put(shop.target, around, "web", "site.conf", "listen 80;")
    policy = permissions.deploy_policy(shop.project, around)
    shop.calls()
    stack.find(shop.target, "culm-bamboo")
    shop.up()
    shop.write("accounts/Dockerfile.migrate", 'FROM base\nCMD ["sh", "-c", "true"]\n')
    shop.up("accounts")
    assert "is down while its migration runs" in shop.told.getvalue()
    says(path="/web/*", more="health: /ok, grace: 60")
    shop.up()
    shop.culm("rollback", "accounts", "--across-migration")
    for command in (("scale", "web", "2"), ("scale", "web", "1"), ("restart", "web"), ("logs", "web"), ("status",)):
        shop.culm(*command)
    with locked(shop.target, shop.project) as held:
        held.acquire()
        unlock(shop.target, shop.project)
    down(shop.target, shop.project, ignore, volumes=False, stack=True)
    yield shop.calls(), policy


def without(policy: dict[str, Any], sid: str, action: str) -> Policy:
    """The policy less one action of one statement."""
    statements = []
    for one in policy["Statement"]:
        actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
        if left := [each for each in actions if (one["Sid"], each) != (sid, action)]:
            statements.append(one | {"Action": left})
    return parse(json.dumps(policy | {"Statement": statements}))


@pytest.mark.filterwarnings("ignore:Tried to parse AWS")  # moto's CloudFormation does not make everything
def test_it_allows_the_look_at_the_stack_that_a_deploy_begins_with(shop: Shop) -> None:
    shop.culm("aws", "bootstrap", "--yes")
    around = based(shop.target, shop.project).surroundings
    shop.calls()
    ensure(shop.target, shop.project, Console(shop.told), yes=False)
    calls = shop.calls()
    assert {call["operation"] for call in calls} >= {"DescribeStacks", "GetTemplate"}
    assert refused(calls, parse(json.dumps(permissions.deploy_policy(shop.project, around)))) == []


def test_the_command_prints_it(shop: Shop) -> None:
    printed = json.loads(shop.culm("aws", "policy"))
    around = based(shop.target, shop.project).surroundings
    assert printed == permissions.deploy_policy(shop.project, around)


def test_it_allows_stopping_a_roll_of_the_project_that_fails_and_no_other(shop: Shop) -> None:
    around = based(shop.target, shop.project).surroundings
    policy = parse(json.dumps(permissions.deploy_policy(shop.project, around)))

    def going_back(cluster: str) -> list[dict[str, Any]]:
        roll = f"arn:aws:ecs:us-east-1:{ACCOUNT}:service-deployment/{cluster}/web/1"
        asked = {
            "ListServiceDeployments": {"cluster": cluster, "service": "web", "status": ["PENDING", "IN_PROGRESS"]},
            "StopServiceDeployment": {"serviceDeploymentArn": roll, "stopType": "ROLLBACK"},
        }
        return [{"service": "ecs", "operation": name, "parameters": given} for name, given in asked.items()]

    assert refused(going_back("bamboo"), policy) == []
    assert len(refused(going_back("other"), policy)) == 2


def test_the_page_is_fresh() -> None:
    root = Path(__file__).parents[2]
    there = (root / "docs" / "reference" / "deploy-policy.md").read_text()
    assert page(load(root / "examples" / "bamboo" / "culm.yml")) == there, "make docs"


def test_a_deploy_needs_its_policy_and_its_policy_is_no_more_than_that(
    life: tuple[list[dict[str, Any]], dict[str, Any]],
) -> None:
    calls, policy = life
    assert refused(calls, parse(json.dumps(policy))) == []
    allowed = [
        (one["Sid"], action)
        for one in policy["Statement"]
        for action in (one["Action"] if isinstance(one["Action"], list) else [one["Action"]])
    ]
    idle = {action for sid, action in allowed if not refused(calls, without(policy, sid, action))}
    assert idle == {action for actions in OTHERS.values() for action in actions}
    elsewhere = [call for call in calls if call["service"] == "ecs" and call["parameters"].get("cluster") == "bamboo"]
    moved = [call | {"parameters": call["parameters"] | {"cluster": "other"}} for call in elsewhere]
    assert any(line.startswith("ecs:RunTask") for line in refused(moved, parse(json.dumps(policy))))
