"""The instances of a group: they join the cluster that the user data names, and leave it again."""

import base64

import pytest
from tests.cluster.scheduler.conftest import InlineStore

from culm.cluster.instance.fleet import Fleet
from culm.cluster.store import machines
from culm.cluster.store.db import transact


@pytest.fixture
def fleet(cloud):
    return Fleet(
        InlineStore(cloud.db), default="2 x t2.micro", region="us-east-1", account="000000000000",
        address=lambda used: f"127.0.0.{max([int(each.rpartition('.')[2]) for each in used] or [1]) + 1}",
        agent_for=lambda machine: pytest.fail("no agent is started here"), new_id=cloud.new_id,
    )  # fmt: skip


@pytest.fixture
def look(cloud, fleet):
    """Let the fleet look; returns the clusters whose machines have an agent, and all machines' types and groups."""

    def look():
        agents = transact(cloud.db, fleet._decide)
        there = [(machine.instance_type, machine.autoscaling_group) for machine in machines.every(cloud.db)]
        return sorted(machine.cluster for machine in agents), sorted(there, key=str)

    return look


def user_data(text):
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def template(cloud):
    data = {"InstanceType": "t3.small", "UserData": user_data("echo ECS_CLUSTER=bamboo >> /etc/ecs/ecs.config")}
    cloud.client("ec2").create_launch_template(LaunchTemplateName="ecs", LaunchTemplateData=data)
    return {"LaunchTemplateName": "ecs", "Version": "$Latest"}


def test_a_group_s_instances_take_the_place_of_those_that_come_with_a_cluster(cloud, look, template):
    autoscaling = cloud.client("autoscaling")
    cloud.client("ecs").create_cluster(clusterName="bamboo")
    assert look()[1] == [("t2.micro", None)] * 2
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="a", LaunchTemplate=template, MinSize=1, MaxSize=3, AvailabilityZones=["us-east-1a"]
    )
    assert look() == (["bamboo"], [("t3.small", "a")])
    autoscaling.set_desired_capacity(AutoScalingGroupName="a", DesiredCapacity=3)
    assert look() == (["bamboo"] * 3, [("t3.small", "a")] * 3)
    [seen] = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert {(i["InstanceType"], i["LifecycleState"], i["HealthStatus"]) for i in seen["Instances"]} == {
        ("t3.small", "InService", "Healthy")
    }
    wanted = [{"Name": "tag:aws:autoscaling:groupName", "Values": ["a"]}]
    found = cloud.client("ec2").describe_instances(Filters=wanted)["Reservations"]
    assert {r["Instances"][0]["InstanceId"] for r in found} == {i["InstanceId"] for i in seen["Instances"]}

    with pytest.raises(autoscaling.exceptions.ResourceInUseFault):
        autoscaling.delete_auto_scaling_group(AutoScalingGroupName="a")
    autoscaling.update_auto_scaling_group(AutoScalingGroupName="a", MinSize=0, DesiredCapacity=0)
    assert look() == ([], [])
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName="a")
    assert look() == (["bamboo"] * 2, [("t2.micro", None)] * 2)


def test_instances_are_there_before_their_cluster_and_join_it_when_it_is(cloud, look, template):
    cloud.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="a", LaunchTemplate=template, MinSize=2, MaxSize=2, AvailabilityZones=["us-east-1a"]
    )
    assert look() == ([], [("t3.small", "a")] * 2)
    cloud.client("ecs").create_cluster(clusterName="bamboo")
    assert look() == (["bamboo"] * 2, [("t3.small", "a")] * 2)


def test_what_runs_stays_when_the_template_changes(cloud, look, template):
    autoscaling = cloud.client("autoscaling")
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="a", LaunchTemplate=template, MinSize=1, MaxSize=3, AvailabilityZones=["us-east-1a"]
    )
    look()
    cloud.client("ec2").create_launch_template_version(
        LaunchTemplateName="ecs", SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.large"}
    )
    autoscaling.update_auto_scaling_group(AutoScalingGroupName="a", LaunchTemplate=template, DesiredCapacity=2)
    assert look()[1] == [("t3.large", "a"), ("t3.small", "a")]


def test_two_groups_of_a_cluster_are_kept_apart_and_force_ends_one(cloud, look, template):
    autoscaling = cloud.client("autoscaling")
    cloud.client("ecs").create_cluster(clusterName="bamboo")
    for name in "ab":
        autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name, LaunchTemplate=template, MinSize=1, MaxSize=1, AvailabilityZones=["us-east-1a"]
        )
    assert look()[1] == [("t3.small", "a"), ("t3.small", "b")]
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName="a", ForceDelete=True)
    assert look()[1] == [("t3.small", "b")]


def test_a_protected_instance_stays_until_its_protection_is_taken(cloud, look, template):
    autoscaling = cloud.client("autoscaling")
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="a",
        LaunchTemplate=template,
        MinSize=0,
        MaxSize=2,
        DesiredCapacity=2,
        AvailabilityZones=["us-east-1a"],
        NewInstancesProtectedFromScaleIn=True,
    )
    look()
    autoscaling.set_desired_capacity(AutoScalingGroupName="a", DesiredCapacity=0)
    assert look()[1] == [("t3.small", "a")] * 2
    [group] = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    ids = [instance["InstanceId"] for instance in group["Instances"]]
    autoscaling.set_instance_protection(AutoScalingGroupName="a", InstanceIds=ids[:1], ProtectedFromScaleIn=False)
    look()
    [group] = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert [(i["InstanceId"], i["ProtectedFromScaleIn"]) for i in group["Instances"]] == [(ids[1], True)]
    with pytest.raises(autoscaling.exceptions.ClientError, match="is not part of Auto Scaling group a"):
        autoscaling.set_instance_protection(AutoScalingGroupName="a", InstanceIds=["i-0"], ProtectedFromScaleIn=True)


def test_of_a_mixed_policy_the_first_simulated_type_counts_with_its_weight(cloud, look, template):
    overrides = [
        {"InstanceType": "mac2.metal", "WeightedCapacity": "1"},
        {"InstanceType": "t3.large", "WeightedCapacity": "2"},
    ]
    policy = {"LaunchTemplate": {"LaunchTemplateSpecification": template, "Overrides": overrides}}
    cloud.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="a", MixedInstancesPolicy=policy, MinSize=3, MaxSize=3, AvailabilityZones=["us-east-1a"]
    )
    assert look()[1] == [("t3.large", "a")] * 2
