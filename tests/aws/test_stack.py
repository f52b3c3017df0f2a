"""The stack's life on moto: made, found as it should be, changed, kept from harm, removed.

moto has no bucket policies, certificates and DNS in its CloudFormation, and neither imports nor fails: what is asked
of CloudFormation there is tested without it.
"""

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.aws.conftest import ACCOUNT, QUIET, REGION, Account, Team

from culm import render
from culm.aws import base, facts, look, stack, template_upload
from culm.aws.document import read
from culm.aws.stack import Change, Proposal
from culm.aws.template import INLINE_BYTES, body
from culm.errors import CulmError
from culm.plan import diff
from culm.plan.observed import Observed
from culm.target.observe import observe
from culm.target.surroundings import surroundings

VARIANTS = {
    "its own network": "stg: {provider: aws, region: us-east-1}",
    "the default network": "stg: {provider: aws, region: us-east-1, vpc: default, port: 8080}",
    "spot": "stg: {provider: aws, region: us-east-1, spot: true}",
    "a mixed fleet": "stg: {provider: aws, region: us-east-1, instances: 2 x t3.micro + 1 x t3.small}",
    "arm": "stg: {provider: aws, region: us-east-1, instances: 2 x t4g.micro, name: shop}",
}


def bootstrap(team: Team, account: Account) -> tuple[bool, list[Proposal | None]]:
    """Whether anything was done, and what was asked on the way."""
    asked: list[Proposal | None] = []

    def agree(proposal: Proposal | None) -> bool:
        asked.append(proposal)
        return True

    target = team.target(account.endpoint)
    return base.bootstrap(target, team.project, replace(QUIET, agree=agree)), asked


def seen(team: Team, account: Account) -> tuple[Observed, render.Surroundings]:
    target, project = team.target(account.endpoint), team.project
    live = observe(target, project, render.vault_bucket(project.name, ACCOUNT, REGION))
    return live, surroundings(target, project, live)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_deploy_finds_everything_that_it_would_otherwise_make(team: Team, account: Account, name: str) -> None:
    team.writes(VARIANTS[name])
    assert bootstrap(team, account) == (True, [None])
    live, around = seen(team, account)
    left = [change.what for change in diff.base(team.project, live, around)]
    called = team.project.name
    assert left == [f"create target group {called}-accounts", f"create target group {called}-web"]
    [group] = [c.input for c in diff.base(team.project, live, around) if c.input["Name"] == f"{called}-web"]
    assert live.load_balancer is not None
    assert group["VpcId"] == live.load_balancer["VpcId"]


def test_with_a_domain_services_are_on_https_and_http_leads_there(team: Team, account: Account) -> None:
    arn = account.client("acm").request_certificate(DomainName="staging.example.com")["CertificateArn"]
    team.writes(f"stg: {{provider: aws, region: us-east-1, domain: staging.example.com, certificate: '{arn}'}}")
    bootstrap(team, account)
    live, around = seen(team, account)
    assert live.listener is not None
    assert (live.listener["Protocol"], live.listener["Port"], around.port) == ("HTTPS", 443, 443)
    assert all(change.operation == "create_target_group" for change in diff.base(team.project, live, around))
    assert team.target(account.endpoint).url("bamboo-1.elb.amazonaws.com", 443) == "https://staging.example.com"
    listeners = account.client("elbv2").describe_listeners(LoadBalancerArn=live.listener["LoadBalancerArn"])
    [http] = [one for one in listeners["Listeners"] if one["Protocol"] == "HTTP"]
    assert http["DefaultActions"][0]["RedirectConfig"]["StatusCode"] == "HTTP_301"


def test_an_account_without_default_subnets_can_be_planned_for(team: Team, account: Account) -> None:
    ec2 = account.client("ec2")
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    live, around = seen(team, account)
    assert (live.load_balancer, around.vpc, around.subnets) == (None, "", ())
    team.writes("stg: {provider: aws, region: us-east-1, vpc: default}")
    with pytest.raises(CulmError, match="no default subnets in two zones of us-east-1"):
        bootstrap(team, account)
    team.writes()
    assert bootstrap(team, account)[0], "it brings a network of its own"


def test_a_second_time_nothing_is_asked_and_nothing_changes(team: Team, account: Account) -> None:
    bootstrap(team, account)
    assert bootstrap(team, account) == (False, [])


def test_a_new_service_is_shown_before_it_is_added_and_the_rest_stays(team: Team, account: Account) -> None:
    bootstrap(team, account)
    before = account.physical_ids()
    team.writes(services="  accounts:\n  web: {path: /*}\n  orders:\n")
    changed, [proposal] = bootstrap(team, account)
    assert changed
    assert proposal is not None
    assert sorted(map(str, proposal.changes)) == [
        "add ImagesOfOrders (ECR::Repository)",
        "add LogsOfOrders (Logs::LogGroup)",
        "add RoleOfOrders (IAM::Role)",
    ]
    after = account.physical_ids()
    assert {name: after[name] for name in before} == before


def test_thirty_services_go_through_s3_and_nothing_is_left_there(team: Team, account: Account) -> None:
    names = [f"service-{number}" for number in range(30)]
    for name in names:
        (team.folder / name).mkdir()
        (team.folder / name / "Dockerfile").write_text("FROM base\nEXPOSE 8000\n")
    team.writes(services="".join(f"  {name}:\n" for name in names))
    bootstrap(team, account)
    target = team.target(account.endpoint)
    assert len(str(stack.live_template(target, team.project))) > INLINE_BYTES
    s3, bucket = account.client("s3"), template_upload.bucket_name(target)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]["BlockPublicPolicy"]
    assert look.as_wanted(target, team.project)
    assert bootstrap(team, account) == (False, [])


def test_a_template_that_was_written_as_json_is_compared_by_what_it_means(team: Team, account: Account) -> None:
    target, project = team.target(account.endpoint), team.project
    as_json = json.dumps(read(body(stack.wanted_template(target, project))))
    values = facts.parameter_values(target, target.settings, read(as_json)["Parameters"], None)
    account.client("cloudformation").create_stack(
        StackName="culm-bamboo",
        TemplateBody=as_json,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    assert look.differences(target, project) == []
    team.writes(services="  accounts:\n  web: {path: /*}\n  orders:\n")
    assert {row.resource for row in look.differences(target, team.project)} == {
        *("ImagesOfOrders", "LogsOfOrders", "RoleOfOrders")
    }


def test_what_would_be_replaced_is_said_so() -> None:
    told = [str(Change(action="Modify", name="A", kind="AWS::EC2::VPC", replacement=r)) for r in WORDS]
    assert told == [f"modify A (EC2::VPC){words}" for words in WORDS.values()]


WORDS = {"False": "", "True": ", which replaces it", "Conditional": ", which may replace it"}


def test_what_nobody_agrees_to_is_not_done(team: Team, account: Account) -> None:
    target = team.target(account.endpoint)

    def ask() -> bool:
        return base.bootstrap(target, team.project, replace(QUIET, agree=lambda _: False))

    assert not ask()
    assert stack.find(target, "culm-bamboo") is None
    bootstrap(team, account)
    team.writes(services="  accounts:\n  web: {path: /*}\n  orders:\n")
    assert not ask()
    assert "RoleOfOrders" not in account.physical_ids()
    assert account.client("cloudformation").list_change_sets(StackName="culm-bamboo")["Summaries"][1:] == []


def test_it_cannot_be_deleted_by_mistake_nor_lose_what_holds_data(team: Team, account: Account) -> None:
    bootstrap(team, account)
    cloudformation = account.client("cloudformation")
    with pytest.raises(ClientError, match="TerminationProtection"):
        cloudformation.delete_stack(StackName="culm-bamboo")
    policy = json.loads(cloudformation.get_stack_policy(StackName="culm-bamboo")["StackPolicyBody"])
    [replaced] = [s for s in policy["Statement"] if "Update:Delete" in s["Action"]]
    assert replaced["Effect"] == "Deny"
    assert "AWS::S3::Bucket" in replaced["Condition"]["StringEquals"]["ResourceType"]


def test_removed_it_leaves_the_vault_its_key_and_the_images(team: Team, account: Account) -> None:
    bootstrap(team, account)
    target = team.target(account.endpoint)
    found = stack.find(target, "culm-bamboo")
    assert found is not None
    key = account.physical_ids()["VaultKey"]
    stack.delete(target, found, lambda _: None)
    assert stack.find(target, "culm-bamboo") is None
    [bucket] = account.client("s3").list_buckets()["Buckets"]
    assert bucket["Name"] == f"culm-bamboo-{ACCOUNT}-{REGION}"
    repositories = account.client("ecr").describe_repositories()["repositories"]
    names = ["bamboo/accounts", "bamboo/accounts-migrate", "bamboo/web"]
    assert sorted(r["repositoryName"] for r in repositories) == names
    assert key in [one["KeyId"] for one in account.client("kms").list_keys()["Keys"]]
    roles = account.client("iam").list_roles()["Roles"]
    assert [r["Path"] for r in roles] == ["/aws-service-role/ecs.amazonaws.com/"]
    assert account.client("iam").list_policies(Scope="Local")["Policies"] == []
    assert account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []


def test_the_stack_of_another_target_is_not_touched(team: Team, account: Account) -> None:
    bootstrap(team, account)
    team.writes("prd: {provider: aws, region: us-east-1}")
    with pytest.raises(CulmError, match="stack culm-bamboo is of target stg") as refusal:
        bootstrap(team, account)
    assert "target prd a name of its own" in refusal.value.hint


def test_instances_know_their_cluster_and_keep_room_for_what_is_no_task(team: Team, account: Account) -> None:
    bootstrap(team, account)
    data = launched(account)
    assert data["InstanceType"] == "t2.micro"
    assert data["ImageId"].startswith("ami-")
    assert data["MetadataOptions"] == {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
    }
    assert "KeyName" not in data
    [group] = account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert (group["MinSize"], group["MaxSize"], len(group["Instances"])) == (2, 2, 2)


def test_github_is_believed_once_in_an_account_and_its_jobs_have_roles(team: Team, account: Account) -> None:
    team.writes("stg: {provider: aws, region: us-east-1, github: example/bamboo}")
    bootstrap(team, account)
    assert bootstrap(team, account) == (False, [])
    iam = account.client("iam")
    [provider] = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    for role in ("bamboo.deploy", "bamboo.plan"):
        [statement] = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Federated": provider["Arn"]}


def test_gitlab_is_believed_once_in_an_account_and_its_jobs_have_roles(team: Team, account: Account) -> None:
    team.writes("stg: {provider: aws, region: us-east-1, gitlab: example/apps/bamboo}")
    bootstrap(team, account)
    assert bootstrap(team, account) == (False, [])
    iam = account.client("iam")
    [provider] = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert provider["Arn"].endswith(":oidc-provider/gitlab.com")
    described = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
    assert described["ClientIDList"] == ["https://gitlab.com"]
    [statement] = iam.get_role(RoleName="bamboo.deploy")["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Federated": provider["Arn"]}


def launched(account: Account) -> dict[str, Any]:
    ec2 = account.client("ec2")
    [template] = ec2.describe_launch_templates()["LaunchTemplates"]
    versions = ec2.describe_launch_template_versions(LaunchTemplateId=template["LaunchTemplateId"])
    return dict(versions["LaunchTemplateVersions"][-1]["LaunchTemplateData"])
