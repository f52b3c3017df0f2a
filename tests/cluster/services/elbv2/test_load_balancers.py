import pytest
from botocore.exceptions import ClientError

from culm.cluster.services.ec2.network import VPC_ID, subnet_id
from culm.cluster.store.elbv2 import listeners, load_balancers

A, B = subnet_id("a"), subnet_id("b")


def test_a_load_balancer_is_active_at_once_and_described_as_amazon_does(elb, cloud):
    load_balancers.set_address(cloud.db, "169.254.170.2")
    arn = elb.load_balancer("bamboo")
    [seen] = elb.api.describe_load_balancers(Names=["bamboo"])["LoadBalancers"]
    assert arn.startswith("arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/bamboo/")
    assert (seen["LoadBalancerArn"], seen["DNSName"], seen["State"]) == (arn, "169.254.170.2", {"Code": "active"})
    assert (seen["Type"], seen["Scheme"], seen["IpAddressType"]) == ("application", "internet-facing", "ipv4")
    assert [(zone["SubnetId"], zone["ZoneName"]) for zone in seen["AvailabilityZones"]] == [
        (A, "us-east-1a"),
        (B, "us-east-1b"),
    ]
    assert seen["VpcId"] == VPC_ID
    assert seen["CreatedTime"].timestamp() == cloud.now
    elb.api.get_waiter("load_balancer_available").wait(LoadBalancerArns=[arn])


def test_creating_it_again_gives_the_same_one_and_with_other_settings_is_refused(elb):
    assert elb.load_balancer("bamboo") == elb.load_balancer("bamboo")
    with pytest.raises(ClientError, match=r"DuplicateLoadBalancerName.*but with different settings"):
        elb.api.create_load_balancer(Name="bamboo", Subnets=[A, B], Scheme="internal")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"Name": "under_score"}, "can only contain characters that are alphanumeric"),
        ({"Name": "x" * 33}, "cannot be longer than '32' characters"),
        ({"Name": "-a"}, "cannot begin or end with a hyphen"),
        ({"Name": "internal-a"}, "cannot begin with 'internal-'"),
        ({"Subnets": [A, A]}, "At least two subnets"),
        ({"Subnets": [A, "subnet-1"]}, "SubnetNotFound.*'subnet-1' does not exist"),
        ({"SubnetMappings": [{"SubnetId": A}]}, "cannot be specified together"),
        ({"Type": "network"}, "culm does not support"),
        ({"CustomerOwnedIpv4Pool": "ipv4pool-coip-1"}, "culm does not support CustomerOwnedIpv4Pool"),
    ],
)
def test_a_wrong_or_unsupported_setting_is_refused_by_name(elb, settings, message):
    with pytest.raises(ClientError, match=message):
        elb.api.create_load_balancer(**{"Name": "bamboo", "Subnets": [A, B], **settings})


def test_what_is_named_twice_is_described_once(elb):
    balancer, group = elb.load_balancer(), elb.target_group()
    listener = elb.listener(balancer)
    rule = elb.rule(listener, group, path="/shop/*")
    assert len(elb.api.describe_load_balancers(LoadBalancerArns=[balancer] * 2)["LoadBalancers"]) == 1
    assert len(elb.api.describe_listeners(ListenerArns=[listener] * 2)["Listeners"]) == 1
    assert len(elb.api.describe_rules(RuleArns=[rule] * 2)["Rules"]) == 1
    for named in ({"TargetGroupArns": [group] * 2}, {"Names": ["web"] * 2}):
        assert len(elb.api.describe_target_groups(**named)["TargetGroups"]) == 1


def test_one_that_is_not_there_is_not_found(elb):
    with pytest.raises(elb.api.exceptions.LoadBalancerNotFoundException):
        elb.api.describe_load_balancers(Names=["nobody"])
    elb.api.get_waiter("load_balancers_deleted").wait(Names=["nobody"])


def test_deleting_takes_listeners_and_rules_along_and_is_repeatable(elb):
    arn = elb.load_balancer()
    group = elb.target_group()
    listener = elb.listener(arn)
    elb.rule(listener, group)
    elb.api.delete_load_balancer(LoadBalancerArn=arn)
    elb.api.delete_load_balancer(LoadBalancerArn=arn)
    with pytest.raises(elb.api.exceptions.ListenerNotFoundException):
        elb.api.describe_listeners(ListenerArns=[listener])
    elb.api.delete_target_group(TargetGroupArn=group)
    assert elb.api.describe_target_groups()["TargetGroups"] == []


def test_deletion_protection_holds(elb):
    arn = elb.load_balancer()
    protection = {"Key": "deletion_protection.enabled", "Value": "true"}
    elb.api.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[protection])
    with pytest.raises(ClientError, match=r"OperationNotPermitted.*deletion protection is enabled"):
        elb.api.delete_load_balancer(LoadBalancerArn=arn)


def test_attributes_have_amazons_defaults_and_only_what_works_can_be_changed(elb):
    arn = elb.load_balancer()
    change = [{"Key": "idle_timeout.timeout_seconds", "Value": "30"}]
    elb.api.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=change)
    seen = elb.api.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    values = {each["Key"]: each["Value"] for each in seen}
    assert (values["idle_timeout.timeout_seconds"], values["routing.http2.enabled"]) == ("30", "true")
    for key, value, message in (
        ("idle_timeout.timeout_seconds", "0", "must be between 1 and 4000"),
        ("connection_logs.s3.enabled", "true", "culm does not support connection_logs.s3.enabled = true"),
        ("no.such", "x", "is not recognized"),
    ):
        with pytest.raises(ClientError, match=message):
            elb.api.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": key, "Value": value}])


def test_security_groups_and_subnets_are_kept(elb, cloud):
    arn = elb.load_balancer()
    [seen] = elb.api.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
    assert seen["SecurityGroups"] == ["sg-00000000000000001"]
    web = cloud.client("ec2").create_security_group(GroupName="web", Description="-")["GroupId"]
    elb.api.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[web])
    elb.api.set_subnets(LoadBalancerArn=arn, SubnetMappings=[{"SubnetId": B}, {"SubnetId": A}])
    [seen] = elb.api.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
    assert seen["SecurityGroups"] == [web]
    assert [zone["SubnetId"] for zone in seen["AvailabilityZones"]] == [B, A]
    with pytest.raises(ClientError, match=rf"DependencyViolation.*{web}"):
        cloud.client("ec2").delete_security_group(GroupId=web)
    with pytest.raises(elb.api.exceptions.InvalidSecurityGroupException):
        elb.api.set_security_groups(LoadBalancerArn=arn, SecurityGroups=["sg-9"])


def test_a_load_balancer_in_a_vpc_of_its_own(elb, cloud):
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"]
        for i, zone in enumerate("aab")
    ]
    one, alike, other = (subnet["SubnetId"] for subnet in subnets)

    with pytest.raises(
        ClientError, match=r"InvalidConfigurationRequest.*multiple subnets in the same Availability Zone"
    ):
        elb.api.create_load_balancer(Name="stg", Subnets=[one, alike])
    with pytest.raises(ClientError, match=r"InvalidConfigurationRequest.*must belong to the same VPC"):
        elb.api.create_load_balancer(Name="stg", Subnets=[one, B])
    [made] = elb.api.create_load_balancer(Name="stg", Subnets=[one, other])["LoadBalancers"]
    assert made["VpcId"] == vpc
    [group] = ec2.describe_security_groups(GroupIds=made["SecurityGroups"])["SecurityGroups"]
    assert (group["GroupName"], group["VpcId"]) == ("default", vpc)
    with pytest.raises(ClientError, match=rf"DependencyViolation.*{one}"):
        ec2.delete_subnet(SubnetId=one)
    with pytest.raises(ClientError, match=r"InvalidConfigurationRequest.*must belong to the same VPC"):
        elb.api.set_subnets(LoadBalancerArn=made["LoadBalancerArn"], Subnets=[A, B])

    here = elb.target_group("here", VpcId=vpc)
    there = elb.target_group("there")
    elb.listener(made["LoadBalancerArn"], action={"Type": "forward", "TargetGroupArn": here})
    with pytest.raises(ClientError, match=r"InvalidConfigurationRequest.*different VPCs"):
        elb.listener(made["LoadBalancerArn"], 8081, action={"Type": "forward", "TargetGroupArn": there})


def test_its_addresses_are_ipv4_and_no_capacity_is_reserved(elb):
    arn = elb.load_balancer()
    assert elb.api.set_ip_address_type(LoadBalancerArn=arn, IpAddressType="ipv4")["IpAddressType"] == "ipv4"
    with pytest.raises(ClientError, match=r"culm does not support IpAddressType = dualstack; it takes ipv4"):
        elb.api.set_ip_address_type(LoadBalancerArn=arn, IpAddressType="dualstack")
    assert elb.api.describe_capacity_reservation(LoadBalancerArn=arn)["CapacityReservationState"] == []
    with pytest.raises(ClientError, match=r"LoadBalancerNotFound.*One or more load balancers not found"):
        elb.api.describe_load_balancers(LoadBalancerArns=[arn, f"{arn}0"])


def test_a_listener_that_cannot_be_served_impairs_its_load_balancer(elb, cloud):
    arn = elb.load_balancer()
    listener = elb.listener(arn, 8080)
    listeners.record_problem(cloud.db, listener, "port 8080 of 127.0.0.1 is taken by nginx (process 7)")
    [seen] = elb.api.describe_load_balancers()["LoadBalancers"]
    assert seen["State"] == {
        "Code": "active_impaired",
        "Reason": "port 8080 of 127.0.0.1 is taken by nginx (process 7)",
    }
