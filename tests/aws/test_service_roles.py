"""How CI changes the stack without rights of its own: through a role that can do what services need, and no more."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.aws.conftest import ACCOUNT, QUIET, REGION, Account, Team

from culm import render
from culm.aws import base, look, service_roles, stack
from culm.aws.template import template
from culm.cli.agreement import ensure
from culm.console import Console
from culm.core.decide.policies import evaluate
from culm.core.decide.policy_documents import parse
from culm.core.model.policies import Ask, Policy
from culm.errors import CulmError, UsageError
from culm.target.connection import Target

CI = f"stg: {{provider: aws, region: {REGION}, github: example/bamboo, ci-changes-stack: true}}"
MORE = "  accounts:\n  web: {path: /*}\n  orders:\n"
IAM = f"arn:aws:iam::{ACCOUNT}"
SERVICE_ROLE, ADMINISTRATORS = f"{IAM}:role/bamboo.stack", f"{IAM}:role/bamboo.stack-administrator"
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/culm-bamboo/1"
BOUNDARY = f"{IAM}:policy/bamboo.tasks"


@pytest.fixture
def resources(team: Team) -> dict[str, Any]:
    """The stack's, with everything filled in as CloudFormation would."""
    team.writes(CI)
    bucket = render.vault_bucket("bamboo", ACCOUNT, REGION)
    text = json.dumps(template(team.project, team.target().settings, bucket).resources)
    for stand_in, value in (("${AWS::AccountId}", ACCOUNT), ("${AWS::Region}", REGION), ("${Vault}", bucket)):
        text = text.replace(stand_in, value)
    made: dict[str, Any] = json.loads(text.replace("${!", "${"))
    return made


def policy(resources: dict[str, Any], role: str) -> Policy:
    [given] = resources[role]["Properties"]["Policies"]
    return parse(json.dumps(given["PolicyDocument"]))


def may(policy: Policy, action: str, resource: str, **context: str) -> bool:
    values = {name.replace("__", ":").lower(): (value,) for name, value in context.items()}
    return evaluate(Ask(action=action, resource=resource, account=ACCOUNT, context=values), [policy]).allowed


def test_ci_hands_the_lesser_role_to_cloudformation_and_no_other(resources: dict[str, Any]) -> None:
    deploys = policy(resources, "DeployRole")
    to = {"iam__PassedToService": "cloudformation.amazonaws.com"}
    assert may(deploys, "iam:PassRole", SERVICE_ROLE, **to)
    for role in (ADMINISTRATORS, f"{IAM}:role/bamboo.deploy", f"{IAM}:role/bamboo-web", f"{IAM}:role/admin"):
        assert not may(deploys, "iam:PassRole", role, **to), role
    assert not may(deploys, "iam:PassRole", SERVICE_ROLE, iam__PassedToService="ec2.amazonaws.com")
    assert resources["StackRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudformation.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ]


def test_ci_changes_the_stack_through_that_role_alone_by_change_sets_of_its_own(resources: dict[str, Any]) -> None:
    deploys = policy(resources, "DeployRole")

    def proposes(stack: str = STACK, name: str = "culm-ci-1", **context: str) -> bool:
        return may(deploys, "cloudformation:CreateChangeSet", stack, cloudformation__ChangeSetName=name, **context)

    assert proposes(cloudformation__RoleArn=SERVICE_ROLE)
    assert not proposes(), "CloudFormation would use the role that it remembers, which is the administrators'"
    assert not proposes(cloudformation__RoleArn=ADMINISTRATORS)
    assert not proposes(STACK.replace("culm-bamboo", "culm-payroll"), cloudformation__RoleArn=SERVICE_ROLE)
    for name, own in (("culm-ci-1", True), ("culm-1", False)):
        assert may(deploys, "cloudformation:ExecuteChangeSet", STACK, cloudformation__ChangeSetName=name) is own
    for verb in ("UpdateStack", "DeleteStack", "RollbackStack", "ContinueUpdateRollback", "SetStackPolicy"):
        assert not may(deploys, f"cloudformation:{verb}", STACK), verb
    templates = f"arn:aws:s3:::culm-templates-{ACCOUNT}-{REGION}"
    assert may(deploys, "s3:PutObject", f"{templates}/ci/culm-bamboo/1.yml")
    assert not may(deploys, "s3:PutObject", f"{templates}/1.yml"), "an administrator's would be exchanged"


def test_whatever_template_ci_writes_its_roles_are_bounded_and_those_above_it_stay(resources: dict[str, Any]) -> None:
    given = policy(resources, "StackRole")
    bounded = {"iam__PermissionsBoundary": BOUNDARY}
    for verb in ("CreateRole", "PutRolePolicy", "PutRolePermissionsBoundary"):
        assert may(given, f"iam:{verb}", f"{IAM}:role/bamboo-orders", **bounded), verb
        assert not may(given, f"iam:{verb}", f"{IAM}:role/bamboo-orders"), verb
        other = {"iam__PermissionsBoundary": f"{IAM}:policy/payroll.tasks"}
        assert not may(given, f"iam:{verb}", f"{IAM}:role/bamboo-orders", **other), verb
        for name in ("deploy", "stack", "stack-administrator", "instances", "execution"):
            assert not may(given, f"iam:{verb}", f"{IAM}:role/bamboo.{name}", **bounded), name
    for action, resource in (
        ("iam:UpdateAssumeRolePolicy", f"{IAM}:role/bamboo-web"),
        ("iam:DeleteRolePermissionsBoundary", f"{IAM}:role/bamboo-web"),
        ("iam:AttachRolePolicy", f"{IAM}:role/bamboo-web"),
        ("iam:CreatePolicyVersion", BOUNDARY),
        ("iam:PassRole", f"{IAM}:role/bamboo.instances"),
        ("sts:AssumeRole", f"{IAM}:role/bamboo-web"),
        ("lambda:CreateFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:bamboo-x"),
        ("ec2:RunInstances", "*"),
        ("kms:ScheduleKeyDeletion", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"),
        ("s3:GetObject", f"arn:aws:s3:::culm-bamboo-{ACCOUNT}-{REGION}/stg/web/database.url"),
        ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:x"),
        ("ecr:DeleteRepository", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/bamboo/web"),
    ):
        assert not may(given, action, resource), action


def test_a_new_service_changes_no_role_above_the_services(team: Team) -> None:
    """Else CI could not add it: the policies of CI's own roles are out of its reach."""
    bucket = render.vault_bucket("bamboo", ACCOUNT, REGION)

    def made() -> dict[str, Any]:
        return dict(template(team.project, team.target().settings, bucket).resources)

    team.writes(CI)
    before = made()
    team.writes(CI, services=MORE)
    after = made()
    assert {name for name in after if after[name] != before.get(name)} == {
        *("RoleOfOrders", "LogsOfOrders", "ImagesOfOrders")
    }


@pytest.mark.parametrize(
    ("targets", "refusal"),
    [
        ("stg: {provider: aws, ci-changes-stack: true}", "is for the role of which repository"),
        (f"{CI}\n  prd: {{provider: aws}}", "could use the roles of bamboo-prd"),
        ("local: {ci-changes-stack: true}", "does nothing here"),
    ],
)
def test_what_ci_could_not_do_or_should_not_is_refused_by_name(team: Team, targets: str, refusal: str) -> None:
    team.writes(targets)
    with pytest.raises(UsageError, match=rf"ci-changes-stack.*{refusal}"):
        team.target()


def as_ci(target: Target) -> Target:
    """The same target for CI's role: what that role may not do is denied, as IAM would."""

    def judged(*, params: dict[str, Any], model: Any, **_: Any) -> None:
        own = params.get("RoleARN") == SERVICE_ROLE
        if model.name in ("ListRoles", "CreateRole", "PutRolePolicy", "SetStackPolicy") or (
            model.name == "CreateChangeSet" and not own
        ):
            answer = {"Error": {"Code": "AccessDenied", "Message": f"not authorized to perform {model.name}"}}
            raise ClientError(answer, model.name)  # type: ignore[arg-type]

    for service in ("iam", "cloudformation"):
        target.client(service).meta.events.register("provide-client-params.*", judged)
    return target


@pytest.fixture
def there(team: Team, account: Account) -> Team:
    """A team whose stack an administrator has made."""
    team.writes(CI)
    assert base.bootstrap(team.target(account.endpoint), team.project, QUIET)
    return team


def test_ci_adds_a_service_through_its_role(there: Team, account: Account) -> None:
    there.writes(CI, services=MORE)
    target = as_ci(there.target(account.endpoint))
    ensure(target, there.project, Console(), yes=True)
    assert "RoleOfOrders" in account.physical_ids()
    assert look.as_wanted(target, there.project)
    ensure(target, there.project, Console(), yes=False)  # it is as culm.yml says: nothing to ask


def test_ci_leaves_to_an_administrator_whatever_is_more_than_services(there: Team, account: Account) -> None:
    there.writes(CI.replace("github", "retention: 30, allow: [203.0.113.0/24], github"), services=MORE)
    target = as_ci(there.target(account.endpoint))
    with pytest.raises(CulmError, match=r"is behind culm\.yml, and CI may only add services") as refusal:
        ensure(target, there.project, Console(), yes=True)
    assert "modify LoadBalancerSecurityGroup (EC2::SecurityGroup)" in refusal.value.what
    assert "Orders" not in refusal.value.what
    assert refusal.value.hint == "an administrator runs: culm aws bootstrap --target stg"
    assert "RoleOfOrders" not in account.physical_ids()


def test_an_administrator_hands_over_a_role_too_as_cloudformation_remembers_cis(there: Team, account: Account) -> None:
    there.writes(CI, services=MORE)
    target = there.target(account.endpoint)
    roles: list[object] = []
    target.client("cloudformation").meta.events.register(
        "provide-client-params.cloudformation.*", lambda *, params, **_: roles.append(params.get("RoleARN"))
    )
    base.bootstrap(target, there.project, QUIET)
    assert [role for role in roles if role] == [ADMINISTRATORS]
    live = stack.find(target, "culm-bamboo")
    assert live is not None
    there.writes(CI.replace(", ci-changes-stack: true", ""), services=MORE)
    target = there.target(account.endpoint)
    remembered = {**live, "RoleARN": SERVICE_ROLE}
    assert service_roles.of_administrator(target, there.project, remembered).role == ADMINISTRATORS
    iam = account.client("iam")
    assert iam.list_role_policies(RoleName="bamboo.stack-administrator")["PolicyNames"] == ["stack"]
    service_roles.remove(target, there.project)
    assert "bamboo.stack-administrator" not in [role["RoleName"] for role in iam.list_roles()["Roles"]]


@pytest.mark.parametrize(
    ("role", "refusal"),
    [
        ("bamboo-admin", "could use role bamboo-admin, which is not one of its tasks"),
        ("bamboo", ""),
        ("bam.stack", ""),
    ],
)
def test_roles_that_ci_should_not_reach_are_found_before_it_can(
    team: Team, account: Account, role: str, refusal: str
) -> None:
    account.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument="{}")
    team.writes(CI)
    target = team.target(account.endpoint)
    if not refusal:
        service_roles.prepare(target, team.project)
        return
    with pytest.raises(CulmError, match=refusal):
        service_roles.prepare(target, team.project)


def test_another_project_whose_ci_would_reach_this_one_is_found(team: Team, account: Account) -> None:
    account.client("iam").create_role(RoleName="bamboo.stack", AssumeRolePolicyDocument="{}")
    team.writes(CI.replace("github", "name: bamboo-prd, github"))
    with pytest.raises(CulmError, match="CI of bamboo changes its own stack, and could use the roles of bamboo-prd"):
        service_roles.prepare(team.target(account.endpoint), team.project)
