"""What genuine clients send that says nothing: empty text, empty structures, ports of all protocols."""

import pytest

from culm.cluster.store import machines
from culm.cluster.store.machines import SimulatedMachine


def test_the_simulated_instances_go_with_their_cluster(cloud):
    ecs = cloud.client("ecs")
    ecs.create_cluster(clusterName="dd")
    resources = [{"name": name, "type": "INTEGER", "integerValue": 1024} for name in ("CPU", "MEMORY")]
    instance = ecs.register_container_instance(cluster="dd", totalResources=resources)["containerInstance"]
    with pytest.raises(ecs.exceptions.ClusterContainsContainerInstancesException):
        ecs.delete_cluster(cluster="dd")
    made = SimulatedMachine(
        ec2_instance_id=instance["ec2InstanceId"], cluster="dd", instance_type="t2.micro", address="127.77.0.11",
        availability_zone="us-east-1a",
    )  # fmt: skip
    machines.insert(cloud.db, made)
    assert ecs.delete_cluster(cluster="dd")["cluster"]["status"] == "INACTIVE"
    ecs.create_cluster(clusterName="dd")
    assert ecs.list_container_instances(cluster="dd")["containerInstanceArns"] == []


def test_ports_of_all_protocols_mean_nothing(cloud):
    ec2 = cloud.client("ec2")
    group = ec2.create_security_group(GroupName="g", Description="d")["GroupId"]
    everything = {"IpProtocol": "-1", "FromPort": 0, "ToPort": 0, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[everything])
    [permission] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
    assert permission.keys().isdisjoint({"FromPort", "ToPort"})


def test_one_code_of_icmp_and_all_its_codes_are_two_permissions(cloud):
    ec2 = cloud.client("ec2")
    group = ec2.create_security_group(GroupName="g", Description="d")["GroupId"]
    for code in 0, -1:
        given = {"IpProtocol": "icmp", "FromPort": 8, "ToPort": code, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[given])
    permissions = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert sorted(each["ToPort"] for each in permissions) == [-1, 0]


def test_empty_optional_text_is_none(cloud):
    ec2, elbv2, rds = (cloud.client(name) for name in ("ec2", "elbv2", "rds"))
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    [group] = elbv2.create_target_group(Name="g", Port=80, Protocol="HTTP", VpcId=vpc, ProtocolVersion="")[
        "TargetGroups"
    ]
    assert group["ProtocolVersion"] == "HTTP1"
    made = rds.create_db_instance(
        DBInstanceIdentifier="d", Engine="postgres", DBInstanceClass="db.t3.micro", AllocatedStorage=20, DBName="",
        MasterUsername="u", MasterUserPassword="secret-secret", AutoMinorVersionUpgrade=True, CopyTagsToSnapshot=False,
    )["DBInstance"]  # fmt: skip
    assert "DBName" not in made
    found = rds.describe_db_instances(Filters=[{"Name": "dbi-resource-id", "Values": [made["DbiResourceId"]]}])
    assert [each["DBInstanceIdentifier"] for each in found["DBInstances"]] == ["d"]


def test_a_strategy_that_is_empty_is_not_described(cloud):
    ecs = cloud.client("ecs")
    ecs.create_cluster()
    ecs.register_task_definition(family="web", containerDefinitions=[{"name": "web", "image": "web", "memory": 64}])
    service = ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=0, launchType="EC2")["service"]
    assert "capacityProviderStrategy" not in service
    assert service["launchType"] == "EC2"


def test_the_clusters_own_strategy_starts_what_has_none_and_fargate_takes_no_bridge(cloud):
    ecs = cloud.client("ecs")
    ecs.create_capacity_provider(name="fleet", autoScalingGroupProvider={"autoScalingGroupArn": "arn:aws:asg"})
    for cluster, provider in (("a", "fleet"), ("b", "FARGATE")):
        ecs.create_cluster(
            clusterName=cluster, capacityProviders=[provider],
            defaultCapacityProviderStrategy=[{"capacityProvider": provider, "weight": 1}],
        )  # fmt: skip
    ecs.register_task_definition(family="web", containerDefinitions=[{"name": "web", "image": "web", "memory": 64}])
    service = ecs.create_service(cluster="a", serviceName="web", taskDefinition="web", desiredCount=0)["service"]
    assert [item["capacityProvider"] for item in service["capacityProviderStrategy"]] == ["fleet"]
    assert "launchType" not in service
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="does not support launch_type FARGATE"):
        ecs.create_service(cluster="b", serviceName="web", taskDefinition="web", desiredCount=0)
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="does not support launch_type FARGATE"):
        ecs.run_task(cluster="b", taskDefinition="web")


def test_alarms_have_tags(cloud):
    cloudwatch = cloud.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="a", Namespace="N", MetricName="m", Period=60, EvaluationPeriods=2, Threshold=1, Statistic="Sum",
        ComparisonOperator="GreaterThanThreshold", Tags=[{"Key": "team", "Value": "blue"}],
    )  # fmt: skip
    [alarm] = cloudwatch.describe_alarms()["MetricAlarms"]
    assert "DatapointsToAlarm" not in alarm
    cloudwatch.tag_resource(ResourceARN=alarm["AlarmArn"], Tags=[{"Key": "env", "Value": "stg"}])
    cloudwatch.untag_resource(ResourceARN=alarm["AlarmArn"], TagKeys=["team"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == [{"Key": "env", "Value": "stg"}]
    with pytest.raises(cloudwatch.exceptions.ResourceNotFoundException):
        cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"] + "x")


def test_empty_members_say_nothing_at_any_depth(cloud):
    empty = {"linuxParameters": {"capabilities": {}, "devices": [], "tmpfs": []}, "systemControls": []}
    container = {"name": "a", "image": "b", "memory": 64, "resourceRequirements": [], "dnsServers": [], **empty}
    made = cloud.client("ecs").register_task_definition(family="a", containerDefinitions=[container])
    [described] = made["taskDefinition"]["containerDefinitions"]
    assert "devices" not in described.get("linuxParameters", {})
