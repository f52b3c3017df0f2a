import pytest
from botocore.exceptions import ClientError


def test_tags_are_kept_for_every_kind_of_resource(elb):
    load_balancer = elb.load_balancer()
    listener = elb.listener(load_balancer)
    group = elb.target_group(Tags=[{"Key": "made", "Value": "with"}])
    arns = [load_balancer, listener, group, elb.rule(listener, group)]
    elb.api.add_tags(ResourceArns=arns, Tags=[{"Key": "team", "Value": "green"}, {"Key": "x", "Value": ""}])
    elb.api.remove_tags(ResourceArns=arns, TagKeys=["x"])
    seen = elb.api.describe_tags(ResourceArns=arns)["TagDescriptions"]
    team = {"Key": "team", "Value": "green"}
    assert [each["Tags"] for each in seen] == [[team], [team], [{"Key": "made", "Value": "with"}, team], [team]]


def test_limits_and_unknown_resources_are_errors(elb):
    arn = elb.load_balancer()
    with pytest.raises(elb.api.exceptions.TooManyTagsException):
        elb.api.add_tags(ResourceArns=[arn], Tags=[{"Key": str(n), "Value": ""} for n in range(51)])
    with pytest.raises(elb.api.exceptions.DuplicateTagKeysException):
        elb.api.add_tags(ResourceArns=[arn], Tags=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}])
    with pytest.raises(elb.api.exceptions.LoadBalancerNotFoundException):
        elb.api.describe_tags(ResourceArns=[arn + "0"])
    with pytest.raises(ClientError, match="is not a valid resource ARN"):
        elb.api.describe_tags(ResourceArns=["arn:aws:sqs:us-east-1:000000000000:queue"])


def test_a_new_resource_does_not_inherit_the_tags_of_a_deleted_one(elb):
    group = elb.target_group(Tags=[{"Key": "a", "Value": "1"}])
    elb.api.delete_target_group(TargetGroupArn=group)
    again = elb.target_group()
    assert elb.api.describe_tags(ResourceArns=[again])["TagDescriptions"][0]["Tags"] == []


def test_account_limits_are_those_that_hold_here(elb):
    limits = {each["Name"]: each["Max"] for each in elb.api.describe_account_limits()["Limits"]}
    assert limits["rules-per-application-load-balancer"] == "100"
    assert limits["condition-values-per-alb-rule"] == "5"
