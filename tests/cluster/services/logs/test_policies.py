"""Policies and subscriptions: what a group has to do with other services of an account."""

import json

import pytest
from botocore.exceptions import ClientError

POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "a.example"}, "Action": "logs:PutLogEvents", "Resource": "*"}
        ],
    }
)
HERE = "us-east-1:000000000000"


@pytest.fixture
def logs(cloud):
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="g")
    return logs


def test_a_policy_is_described_as_it_was_put(cloud, logs):
    made = logs.put_resource_policy(policyName="p", policyDocument=POLICY)["resourcePolicy"]

    assert made == {
        "policyName": "p",
        "policyDocument": POLICY,
        "lastUpdatedTime": int(cloud.now * 1000),
        "policyScope": "ACCOUNT",
    }
    assert logs.describe_resource_policies()["resourcePolicies"] == [made]
    assert logs.describe_resource_policies(policyScope="RESOURCE")["resourcePolicies"] == []

    logs.delete_resource_policy(policyName="p")
    assert logs.describe_resource_policies()["resourcePolicies"] == []
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match=r"Policy with name \[p\] does not exist"):
        logs.delete_resource_policy(policyName="p")


def test_there_are_ten_policies_and_each_can_be_changed(logs):
    for number in range(10):
        logs.put_resource_policy(policyName=str(number), policyDocument=POLICY)
    logs.put_resource_policy(policyName="9", policyDocument=POLICY.replace("a.example", "b.example"))

    with pytest.raises(logs.exceptions.LimitExceededException, match="Resource limit exceeded"):
        logs.put_resource_policy(policyName="10", policyDocument=POLICY)


@pytest.mark.parametrize("document", ["text", "[]", "{}", '{"Statement": [{"Effect": "Allow"}]}'])
def test_malformed_policy_documents_are_refused(logs, document):
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Invalid policy document"):
        logs.put_resource_policy(policyName="p", policyDocument=document)


@pytest.mark.parametrize(
    ("destination", "more", "code", "reason"),
    [
        (f"arn:aws:lambda:{HERE}:function:f", {}, "InvalidParameterException", "Could not execute the lambda function"),
        ("arn:aws:lambda:us-east-1:123456789012:function:f", {}, "AccessDeniedException", "Cross-account lambda"),
        (f"arn:aws:kinesis:{HERE}:stream/s", {}, "InvalidParameterException", "for vendor kinesis .* without roleArn"),
        (
            f"arn:aws:kinesis:{HERE}:stream/s",
            {"roleArn": "arn:aws:iam::000000000000:role/r"},
            "InvalidParameterException",
            "Could not deliver test message to specified Kinesis stream",
        ),
        (
            f"arn:aws:firehose:{HERE}:deliverystream/s",
            {"roleArn": "arn:aws:iam::000000000000:role/r"},
            "InvalidParameterException",
            "Could not deliver test message to specified Firehose stream",
        ),
        (f"arn:aws:logs:{HERE}:destination:d", {}, "ResourceNotFoundException", "destination does not exist"),
        (f"arn:aws:sqs:{HERE}:q", {}, "InvalidParameterException", "cannot work with this destinationArn"),
        ("q", {}, "InvalidParameterException", "cannot work with this destinationArn"),
    ],
)
def test_nothing_can_be_subscribed_that_does_not_exist(logs, destination, more, code, reason):
    with pytest.raises(ClientError, match=reason) as refused:
        logs.put_subscription_filter(
            logGroupName="g", filterName="f", filterPattern="", destinationArn=destination, **more
        )
    assert refused.value.response["Error"]["Code"] == code
    assert logs.describe_subscription_filters(logGroupName="g")["subscriptionFilters"] == []


def test_subscriptions_need_a_group_and_a_name(logs):
    missing = logs.exceptions.ResourceNotFoundException
    with pytest.raises(missing, match="The specified log group does not exist"):
        logs.describe_subscription_filters(logGroupName="h")
    with pytest.raises(missing, match="The specified log group does not exist"):
        logs.delete_subscription_filter(logGroupName="h", filterName="f")
    with pytest.raises(missing, match="The specified subscription filter does not exist"):
        logs.delete_subscription_filter(logGroupName="g", filterName="f")
