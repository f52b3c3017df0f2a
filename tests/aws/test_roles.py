"""What the stack's roles may do, judged by IAM's rules as culm's own cluster applies them."""

import json
from typing import Any

import pytest
from tests.aws.conftest import ACCOUNT, REGION, Team

from culm import render
from culm.aws.template import template
from culm.core.decide.policies import evaluate, trusts
from culm.core.decide.policy_documents import parse
from culm.core.model.policies import Ask, Policy

BUCKET = f"culm-bamboo-{ACCOUNT}-{REGION}"
VAULT = f"arn:aws:s3:::{BUCKET}"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0f1e2d3c"
ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
BOUNDARY = "TaskBoundary"


@pytest.fixture
def resources(team: Team) -> dict[str, Any]:
    """The stack's, with everything filled in as CloudFormation would."""
    team.writes("stg: {provider: aws, region: us-east-1, github: example/bamboo}")
    made = template(team.project, team.target().settings, BUCKET).resources
    text = json.dumps(made)
    for stand_in, value in (("${AWS::AccountId}", ACCOUNT), ("${AWS::Region}", REGION), ("${Vault}", BUCKET)):
        text = text.replace(stand_in, value)
    found: dict[str, Any] = json.loads(text.replace("${!", "${"))
    return found


def policies(resources: dict[str, Any], role: str) -> list[Policy]:
    given = resources[role]["Properties"]["Policies"]
    return [parse(json.dumps(one["PolicyDocument"])) for one in given]


def boundary(resources: dict[str, Any]) -> Policy:
    return parse(json.dumps(resources[BOUNDARY]["Properties"]["PolicyDocument"]))


def ask(action: str, resource: str = "*", **context: str) -> Ask:
    values = {name.replace("__", ":").lower(): (value,) for name, value in context.items()}
    return Ask(action=action, resource=resource, account=ACCOUNT, context=values | {TAG: ("accounts",)})


TAG = "aws:principaltag/culm:service"
LISTS = {"s3__prefix": "stg/accounts/"}


def decrypt(of: str, via: str = f"s3.{REGION}.amazonaws.com") -> Ask:
    context = {"kms:viaservice": (via,), "kms:encryptioncontext:aws:s3:arn": (of,), TAG: ("accounts",)}
    return Ask(action="kms:Decrypt", resource=KEY, account=ACCOUNT, context=context)


MAY = {
    "read its own file": ask("s3:GetObject", f"{VAULT}/stg/accounts/database.url"),
    "list its own files": ask("s3:ListBucket", VAULT, **LISTS),
    "have S3 decrypt by the bucket's key": decrypt(VAULT),
    "have S3 decrypt an object of its own": decrypt(f"{VAULT}/stg/accounts/database.url"),
}
MAY_NOT = {
    "read another service's file": ask("s3:GetObject", f"{VAULT}/stg/web/database.url"),
    "read another environment's file": ask("s3:GetObject", f"{VAULT}/prd/accounts/database.url"),
    "read the operator's file": ask("s3:GetObject", f"{VAULT}/stg/.culm/bamboo-main.password"),
    "read a service that begins alike": ask("s3:GetObject", f"{VAULT}/stg/accounts-admin/key"),
    "list another's files": ask("s3:ListBucket", VAULT, s3__prefix="stg/web/"),
    "list everything": ask("s3:ListBucket", VAULT),
    "write its own file": ask("s3:PutObject", f"{VAULT}/stg/accounts/database.url"),
    "delete its own file": ask("s3:DeleteObject", f"{VAULT}/stg/accounts/database.url"),
    "have another bucket's objects decrypted": decrypt("arn:aws:s3:::other"),
    "decrypt by itself": decrypt(VAULT, via=f"secretsmanager.{REGION}.amazonaws.com"),
    "become somebody else": ask("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
    "change who it is": ask("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/bamboo-accounts"),
    "read secrets": ask("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:rds"),
    "stop its neighbours": ask("ecs:StopTask", f"{ECS}:task/bamboo/1"),
}


@pytest.mark.parametrize("what", MAY)
def test_a_task_is_allowed(resources: dict[str, Any], what: str) -> None:
    assert evaluate(MAY[what], policies(resources, "RoleOfAccounts")).allowed
    assert evaluate(MAY[what], [boundary(resources)]).allowed, "its boundary lets it"


@pytest.mark.parametrize("what", MAY_NOT)
def test_a_task_is_denied(resources: dict[str, Any], what: str) -> None:
    assert not evaluate(MAY_NOT[what], policies(resources, "RoleOfAccounts")).allowed


@pytest.mark.parametrize("what", MAY_NOT)
def test_added_policies_cannot_exceed_the_boundary(resources: dict[str, Any], what: str) -> None:
    """IAM allows what both the role's policies and its boundary allow."""
    everything = parse('{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}')
    asked = MAY_NOT[what]
    assert evaluate(asked, [everything]).allowed
    assert not evaluate(asked, [boundary(resources)]).allowed


def test_a_policy_may_be_added_for_what_is_named_after_the_project(resources: dict[str, Any]) -> None:
    def may(action: str, resource: str) -> bool:
        return evaluate(ask(action, resource), [boundary(resources)]).allowed

    assert may("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:bamboo-orders")
    assert not may("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:payroll")
    assert not may("sqs:DeleteQueue", f"arn:aws:sqs:{REGION}:{ACCOUNT}:bamboo-orders")
    assert may("s3:PutObject", "arn:aws:s3:::bamboo-uploads/a")
    assert may("ssmmessages:OpenDataChannel", "*"), "for culm exec"


def test_every_service_has_the_boundary_and_its_own_name(team: Team, resources: dict[str, Any]) -> None:
    for name, role in (("accounts", "RoleOfAccounts"), ("web", "RoleOfWeb")):
        properties = resources[role]["Properties"]
        assert properties["PermissionsBoundary"] == BOUNDARY
        assert properties["Tags"] == [{"Key": "culm:service", "Value": name}]
        assert properties["RoleName"] == render.family(team.project, team.project.services[name])


def test_an_instance_takes_part_in_its_cluster_and_cannot_read_the_vault(resources: dict[str, Any]) -> None:
    def may(action: str, resource: str = "*") -> bool:
        return evaluate(ask(action, resource), policies(resources, "InstanceRole")).allowed

    assert may("ecs:RegisterContainerInstance", f"{ECS}:cluster/bamboo")
    assert may("ecs:Poll", f"{ECS}:container-instance/bamboo/1")
    assert may("ecs:DiscoverPollEndpoint")
    assert not may("ecs:RegisterContainerInstance", f"{ECS}:cluster/other")
    assert not may("ecs:Poll", f"{ECS}:container-instance/bamboo-perf/1")
    assert not may("s3:GetObject", f"{VAULT}/stg/accounts/database.url")
    assert not may("kms:Decrypt", KEY)
    assert not may("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/bamboo-accounts")
    images = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository"
    assert may("ecr:BatchGetImage", f"{images}/bamboo/accounts"), "for a task without an execution role"
    assert not may("ecr:BatchGetImage", f"{images}/bamboo-perf/accounts")
    assert not may("ecr:PutImage", f"{images}/bamboo/accounts")


def test_ecs_fetches_the_projects_images_and_writes_its_logs_alone(resources: dict[str, Any]) -> None:
    def may(action: str, resource: str = "*") -> bool:
        return evaluate(ask(action, resource), policies(resources, "ExecutionRole")).allowed

    images, logs = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"
    assert may("ecr:GetAuthorizationToken")
    assert may("ecr:BatchGetImage", f"{images}/bamboo/accounts-migrate")
    assert may("logs:PutLogEvents", f"{logs}:/culm/bamboo/web:log-stream:web/web/1")
    assert not may("ecr:BatchGetImage", f"{images}/payroll/web")
    assert not may("ecr:PutImage", f"{images}/bamboo/accounts")
    assert not may("logs:PutLogEvents", f"{logs}:/culm/payroll/web:log-stream:1")
    assert not may("s3:GetObject", f"{VAULT}/stg/accounts/database.url")


def test_ci_deploys_this_project_and_changes_neither_the_stack_nor_others(resources: dict[str, Any]) -> None:
    def may(action: str, resource: str = "*", **context: str) -> bool:
        return evaluate(ask(action, resource, **context), policies(resources, "DeployRole")).allowed

    elb, roles = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}", f"arn:aws:iam::{ACCOUNT}:role"
    to_tasks = {"iam__PassedToService": "ecs-tasks.amazonaws.com"}
    assert may("ecs:UpdateService", f"{ECS}:service/bamboo/web")
    assert may("ecs:RunTask", f"{ECS}:task-definition/bamboo-web-migrate:3", ecs__cluster=f"{ECS}:cluster/bamboo")
    assert may("elasticloadbalancing:CreateRule", f"{elb}:listener/app/bamboo/1/2")
    assert may("iam:PassRole", f"{roles}/bamboo.execution", **to_tasks)
    assert may("ecr:PutImage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/bamboo/web")
    assert may("s3:PutObject", f"{VAULT}/stg/web/load-balancer.url")
    assert not may("ecs:UpdateService", f"{ECS}:service/payroll/web")
    assert not may("ecs:RunTask", f"{ECS}:task-definition/bamboo-web:3", ecs__cluster=f"{ECS}:cluster/payroll")
    assert not may("iam:PassRole", f"{roles}/bamboo-web", iam__PassedToService="ec2.amazonaws.com")
    assert not may("iam:PassRole", f"{roles}/bamboo.deploy", **to_tasks)
    assert not may("iam:PassRole", f"{roles}/bamboo-perf-web", **to_tasks)
    assert not may("s3:GetObject", f"{VAULT}/prd/web/database.url")
    for change in ("UpdateStack", "CreateChangeSet", "ExecuteChangeSet", "DeleteStack", "SetStackPolicy"):
        assert not may(f"cloudformation:{change}", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/culm-bamboo/1")


def test_a_target_with_an_environment_trusts_its_jobs_and_no_others(team: Team) -> None:
    team.writes("prd: {provider: aws, region: us-east-1, github: example/bamboo, protect: true}")
    settings = team.project.targets["prd"]
    made = template(team.project, settings, BUCKET).resources
    trust = json.dumps(made["DeployRole"]["Properties"]["AssumeRolePolicyDocument"])
    assert settings.environment == "prd"
    assert '"repo:example/bamboo:environment:prd"' in trust and "refs/heads" not in trust
    assert '"repo:example/bamboo:pull_request"' in json.dumps(made["PlanRole"]["Properties"])


def test_a_pull_requests_job_looks_and_reads_no_configuration(resources: dict[str, Any]) -> None:
    def may(action: str, resource: str = "*") -> bool:
        return evaluate(ask(action, resource), policies(resources, "PlanRole")).allowed

    assert may("ecs:DescribeServices", f"{ECS}:service/bamboo/web")
    assert may("s3:ListBucket", VAULT)
    assert not may("s3:GetObject", f"{VAULT}/stg/web/database.url")
    assert not may("ecs:UpdateService", f"{ECS}:service/bamboo/web")


@pytest.mark.parametrize(
    ("role", "subject"),
    [
        ("DeployRole", "repo:example/bamboo:ref:refs/heads/main"),
        ("PlanRole", "repo:example/bamboo:pull_request"),
    ],
)
def test_github_speaks_for_the_repository_alone(resources: dict[str, Any], role: str, subject: str) -> None:
    issuer = "token.actions.githubusercontent.com"
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"
    trust = parse(json.dumps(resources[role]["Properties"]["AssumeRolePolicyDocument"]))

    def trusted(who: str, said: str, audience: str = "sts.amazonaws.com") -> bool:
        context = {f"{issuer}:sub": (said,), f"{issuer}:aud": (audience,)}
        asked = Ask(action="sts:AssumeRoleWithWebIdentity", principals=(who,), account=ACCOUNT, context=context)
        return trusts(trust, asked, [])

    assert trusted(provider, subject)
    assert not trusted(provider, subject, audience="somebody")
    assert not trusted(provider, subject.replace("example/", "fork/"))
    assert not trusted(provider, "repo:example/bamboo:ref:refs/heads/feature")
    assert not trusted(f"arn:aws:iam::{ACCOUNT}:oidc-provider/other", subject)
