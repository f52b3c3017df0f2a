import pytest
from botocore.exceptions import ClientError


def test_there_is_a_default_vpc_with_a_subnet_in_each_of_two_zones(cloud):
    ec2 = cloud.client("ec2")

    [vpc] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    zones = ec2.describe_availability_zones()["AvailabilityZones"]

    assert [subnet["AvailabilityZone"] for subnet in subnets] == ["us-east-1a", "us-east-1b"]
    assert [zone["ZoneId"] for zone in zones] == ["use1-az1", "use1-az2", "use1-az3"]


def test_filters_take_wildcards_and_leave_out_what_they_do_not_name(cloud):
    ec2 = cloud.client("ec2")

    assert ec2.describe_vpcs(Filters=[{"Name": "vpc-id", "Values": ["vpc-000*"]}])["Vpcs"]
    assert not ec2.describe_vpcs(Filters=[{"Name": "vpc-id", "Values": ["vpc-1*"]}])["Vpcs"]
    assert not ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["*"]}])["Vpcs"]


def test_an_unknown_filter_or_id_is_refused(cloud):
    ec2 = cloud.client("ec2")

    with pytest.raises(ClientError, match=r"InvalidParameterValue.*filter 'colour' is invalid"):
        ec2.describe_subnets(Filters=[{"Name": "colour", "Values": ["red"]}])
    with pytest.raises(ClientError, match=r"InvalidSubnetID.NotFound.*'subnet-1' does not exist"):
        ec2.describe_subnets(SubnetIds=["subnet-1"])


def test_zones_of_other_regions_have_their_own_names(cloud):
    [zone, *_] = cloud.client("ec2", "ap-southeast-2").describe_availability_zones()["AvailabilityZones"]

    assert (zone["ZoneName"], zone["ZoneId"]) == ("ap-southeast-2a", "apse2-az1")
