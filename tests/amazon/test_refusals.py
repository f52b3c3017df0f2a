"""The rules that stand before moto: each refuses what Amazon refuses, in its words, and lets the rest through."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.amazon.amazon import Amazon
from tests.amazon.refusals import INLINE_BYTES, RULES


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.method} {rule.code}")
def test_each_rule_names_the_page_that_says_so(rule: Any) -> None:
    assert rule.source.startswith("https://docs.aws.amazon.com/")


@pytest.mark.parametrize(
    ("service", "operation", "asked", "code"),
    [
        ("iam", "create_role", {"RoleName": "a" * 65, "AssumeRolePolicyDocument": "{}"}, "ValidationError"),
        ("ecr", "create_repository", {"repositoryName": "Upper/case"}, "InvalidParameterException"),
        ("logs", "create_log_group", {"logGroupName": "/culm/a b"}, "InvalidParameterException"),
        ("ecs", "create_cluster", {"clusterName": "a.b"}, "InvalidParameterException"),
    ],
)
def test_a_name_that_amazon_does_not_take_is_refused(
    account: Amazon, service: str, operation: str, asked: dict[str, str], code: str
) -> None:
    client = account.client(service)
    with pytest.raises(ClientError, match=code):
        getattr(client, operation)(**asked)


def test_a_load_balancers_security_group_is_of_its_own_network(account: Amazon) -> None:
    ec2, elb = account.client("ec2"), account.client("elbv2")
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"][:2]]
    other = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="other", Description="other", VpcId=other)["GroupId"]
    with pytest.raises(ClientError, match=r"InvalidConfigurationRequest.*does not belong to VPC"):
        elb.create_load_balancer(Name="shop", Subnets=subnets, SecurityGroups=[group])
    with pytest.raises(ClientError, match="ValidationError"):
        elb.create_load_balancer(Name="internal-shop", Subnets=subnets)
    [made] = elb.create_load_balancer(Name="shop", Subnets=subnets)["LoadBalancers"]
    listener = {"LoadBalancerArn": made["LoadBalancerArn"], "Protocol": "HTTP", "Port": 80}
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    elb.create_listener(**listener, DefaultActions=[answer])
    with pytest.raises(ClientError, match="DuplicateListener"):
        elb.create_listener(**listener, DefaultActions=[answer])


def test_a_template_of_more_than_51200_bytes_goes_by_way_of_s3(account: Amazon) -> None:
    template = '{"Resources": {}, "Description": "' + "a" * INLINE_BYTES + '"}'
    cloudformation = account.client("cloudformation")
    with pytest.raises(ClientError, match="length <= 51200"):
        cloudformation.create_change_set(
            StackName="a", ChangeSetName="a", ChangeSetType="CREATE", TemplateBody=template
        )
