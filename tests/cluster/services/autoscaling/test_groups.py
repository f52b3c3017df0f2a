"""Auto scaling groups and launch templates, as Terraform's provider and people's scripts say them."""

import base64

import pytest
from botocore.exceptions import ClientError

JOIN = base64.b64encode(b"#!/bin/bash\necho ECS_CLUSTER=bamboo >> /etc/ecs/ecs.config\n").decode()
SUBNETS = "subnet-0000000000000000a,subnet-0000000000000000b"


def code_of(problem):
    return problem.value.response["Error"]["Code"]


@pytest.fixture
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture
def autoscaling(cloud):
    return cloud.client("autoscaling")


def template(ec2, name="ecs", **data):
    given = {"InstanceType": "t3.small", "UserData": JOIN, "ImageId": "ami-1"} | data
    return ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=given)["LaunchTemplate"]


def group(autoscaling, name="ecs", **given):
    asked = {"MinSize": 1, "MaxSize": 4, "DesiredCapacity": 2, "VPCZoneIdentifier": SUBNETS}
    if "MixedInstancesPolicy" not in given:
        asked["LaunchTemplate"] = {"LaunchTemplateName": "ecs", "Version": "$Latest"}
    autoscaling.create_auto_scaling_group(AutoScalingGroupName=name, **asked | given)


def described(autoscaling, name="ecs"):
    [found] = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return found


def test_a_template_has_versions_and_a_default_one(ec2):
    tag = {"ResourceType": "launch-template", "Tags": [{"Key": "team", "Value": "a"}]}
    data = {
        "InstanceType": "t3.small",
        "UserData": JOIN,
        "IamInstanceProfile": {"Name": "ecs"},
        "NetworkInterfaces": [{"DeviceIndex": 0, "AssociatePublicIpAddress": True, "Groups": ["sg-1"]}],
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 30, "VolumeType": "gp3"}}],
        "MetadataOptions": {"HttpTokens": "required"},
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "ecs"}]}],
    }
    made = ec2.create_launch_template(LaunchTemplateName="ecs", LaunchTemplateData=data, TagSpecifications=[tag])
    id = made["LaunchTemplate"]["LaunchTemplateId"]
    [first] = ec2.describe_launch_template_versions(LaunchTemplateId=id, Versions=["1"])["LaunchTemplateVersions"]
    assert first["LaunchTemplateData"] == data
    assert first["DefaultVersion"]

    ec2.create_launch_template_version(
        LaunchTemplateId=id, SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.large"}
    )
    [latest] = ec2.describe_launch_template_versions(LaunchTemplateName="ecs", Versions=["$Latest"])[
        "LaunchTemplateVersions"
    ]
    assert (latest["VersionNumber"], latest["DefaultVersion"]) == (2, False)
    assert latest["LaunchTemplateData"] == data | {"InstanceType": "t3.large"}

    ec2.modify_launch_template(LaunchTemplateId=id, DefaultVersion="2")
    ec2.delete_launch_template_versions(LaunchTemplateId=id, Versions=["1"])
    [seen] = ec2.describe_launch_templates(LaunchTemplateIds=[id])["LaunchTemplates"]
    assert (seen["DefaultVersionNumber"], seen["LatestVersionNumber"]) == (2, 2)
    assert seen["Tags"] == [{"Key": "team", "Value": "a"}]
    ec2.delete_launch_template(LaunchTemplateId=id)
    with pytest.raises(ClientError) as problem:
        ec2.describe_launch_templates(LaunchTemplateIds=[id])
    assert code_of(problem) == "InvalidLaunchTemplateId.NotFound"


def test_names_of_templates_are_unique_and_unknown_ones_told(ec2):
    template(ec2)
    with pytest.raises(ClientError) as problem:
        template(ec2)
    assert code_of(problem) == "InvalidLaunchTemplateName.AlreadyExistsException"
    with pytest.raises(ClientError) as problem:
        ec2.describe_launch_template_versions(LaunchTemplateName="none")
    assert code_of(problem) == "InvalidLaunchTemplateName.NotFoundException"


def test_a_group_is_made_changed_and_taken_away(ec2, autoscaling):
    made = template(ec2)
    tag = {"Key": "Name", "Value": "ecs", "PropagateAtLaunch": True}
    group(
        autoscaling, Tags=[tag], HealthCheckType="EC2", HealthCheckGracePeriod=60, NewInstancesProtectedFromScaleIn=True
    )
    seen = described(autoscaling)
    assert seen["LaunchTemplate"] == {
        "LaunchTemplateId": made["LaunchTemplateId"],
        "LaunchTemplateName": "ecs",
        "Version": "$Latest",
    }
    assert (seen["MinSize"], seen["MaxSize"], seen["DesiredCapacity"]) == (1, 4, 2)
    assert (seen["DefaultCooldown"], seen["TerminationPolicies"]) == (300, ["Default"])
    assert (seen["HealthCheckGracePeriod"], seen["NewInstancesProtectedFromScaleIn"]) == (60, True)
    assert seen["AvailabilityZones"] == ["us-east-1a", "us-east-1b"]
    assert seen["VPCZoneIdentifier"] == SUBNETS
    assert (seen["SuspendedProcesses"], seen["TargetGroupARNs"], seen["EnabledMetrics"]) == ([], [], [])
    assert seen["Tags"] == [{"ResourceId": "ecs", "ResourceType": "auto-scaling-group", **tag}]

    autoscaling.update_auto_scaling_group(AutoScalingGroupName="ecs", MinSize=0, MaxSize=1)
    seen = described(autoscaling)
    assert (seen["MinSize"], seen["MaxSize"], seen["DesiredCapacity"]) == (0, 1, 1)
    autoscaling.set_desired_capacity(AutoScalingGroupName="ecs", DesiredCapacity=0)
    assert described(autoscaling)["DesiredCapacity"] == 0
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName="ecs")
    assert not autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["ecs"])["AutoScalingGroups"]


def test_tags_of_a_group_are_changed(ec2, autoscaling):
    template(ec2)
    group(autoscaling)
    which = {"ResourceId": "ecs", "ResourceType": "auto-scaling-group"}
    autoscaling.create_or_update_tags(Tags=[{**which, "Key": "team", "Value": "a", "PropagateAtLaunch": True}])
    autoscaling.create_or_update_tags(Tags=[{**which, "Key": "team", "Value": "b", "PropagateAtLaunch": False}])
    filter = [{"Name": "auto-scaling-group", "Values": ["ecs"]}]
    assert [tag["Value"] for tag in autoscaling.describe_tags(Filters=filter)["Tags"]] == ["b"]
    autoscaling.delete_tags(Tags=[{**which, "Key": "team"}])
    assert not autoscaling.describe_tags()["Tags"]


def test_a_mixed_policy_takes_its_first_type(ec2, autoscaling):
    made = template(ec2)
    specification = {"LaunchTemplateId": made["LaunchTemplateId"], "Version": "1"}
    overrides = [{"InstanceType": "t3.large", "WeightedCapacity": "2"}, {"InstanceType": "t3.small"}]
    policy = {
        "LaunchTemplate": {"LaunchTemplateSpecification": specification, "Overrides": overrides},
        "InstancesDistribution": {"OnDemandBaseCapacity": 1},
    }
    group(autoscaling, MixedInstancesPolicy=policy)
    seen = described(autoscaling)["MixedInstancesPolicy"]
    assert seen["LaunchTemplate"]["Overrides"] == overrides
    assert seen["InstancesDistribution"]["OnDemandBaseCapacity"] == 1
    assert seen["InstancesDistribution"]["SpotAllocationStrategy"] == "lowest-price"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"UserData": base64.b64encode(b"#!/bin/sh\n").decode()}, "ECS_CLUSTER=<name>"),
        ({"InstanceType": "mac2.metal"}, "culm simulates no instance type 'mac2.metal'"),
    ],
)
def test_a_template_that_no_instance_can_be_simulated_from_is_refused(ec2, autoscaling, data, why):
    template(ec2, **data)
    with pytest.raises(ClientError, match=why):
        group(autoscaling)


def test_sizes_that_do_not_agree_and_what_is_not_served_are_refused(ec2, autoscaling):
    template(ec2)
    with pytest.raises(ClientError, match="Desired capacity must be between"):
        group(autoscaling, DesiredCapacity=5)
    with pytest.raises(ClientError, match="TargetGroupARNs"):
        group(autoscaling, TargetGroupARNs=["arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/a/1"])
    with pytest.raises(ClientError, match="does not exist"):
        group(autoscaling, VPCZoneIdentifier="subnet-none")
    group(autoscaling)
    with pytest.raises(ClientError) as problem:
        group(autoscaling)
    assert code_of(problem) == "AlreadyExists"


def test_which_metrics_are_wanted_is_kept(ec2, autoscaling):
    template(ec2)
    group(autoscaling)
    autoscaling.enable_metrics_collection(
        AutoScalingGroupName="ecs", Metrics=["GroupMinSize", "GroupMaxSize"], Granularity="1Minute"
    )
    assert [each["Metric"] for each in described(autoscaling)["EnabledMetrics"]] == ["GroupMaxSize", "GroupMinSize"]
    autoscaling.disable_metrics_collection(AutoScalingGroupName="ecs", Metrics=["GroupMinSize"])
    assert [each["Metric"] for each in described(autoscaling)["EnabledMetrics"]] == ["GroupMaxSize"]
    autoscaling.disable_metrics_collection(AutoScalingGroupName="ecs")
    assert described(autoscaling)["EnabledMetrics"] == []
