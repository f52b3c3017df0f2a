import boto3
import pytest
from botocore.exceptions import ClientError

from culm.cluster.services.ec2.network import VPC_ID


@pytest.fixture
def ec2(cloud):
    return cloud.client("ec2")


def vpc(ec2, **settings):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16", **settings)["Vpc"]["VpcId"]


def tags(kind, **pairs):
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in pairs.items()]}]


def of(vpc_id):
    return [{"Name": "vpc-id", "Values": [vpc_id]}]


def test_a_vpc_is_made_with_its_own_security_group_and_main_route_table(ec2):
    made = vpc(ec2, TagSpecifications=tags("vpc", Name="stg"))

    [seen] = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["stg"]}])["Vpcs"]
    assert (seen["VpcId"], seen["CidrBlock"], seen["IsDefault"]) == (made, "10.0.0.0/16", False)
    assert seen["CidrBlockAssociationSet"][0]["CidrBlock"] == "10.0.0.0/16"
    ec2.get_waiter("vpc_available").wait(VpcIds=[made])
    [group] = ec2.describe_security_groups(Filters=of(made))["SecurityGroups"]
    assert group["GroupName"] == "default"
    assert group["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == group["GroupId"]
    main = [*of(made), {"Name": "association.main", "Values": ["true"]}]
    [table] = ec2.describe_route_tables(Filters=main)["RouteTables"]
    assert [route["GatewayId"] for route in table["Routes"]] == ["local"]


def test_what_a_vpc_is_told_about_names_is_kept(ec2):
    made = vpc(ec2)
    ec2.modify_vpc_attribute(VpcId=made, EnableDnsHostnames={"Value": True})
    ec2.modify_vpc_attribute(VpcId=made, EnableDnsSupport={"Value": False})
    ec2.modify_vpc_attribute(VpcId=made, EnableNetworkAddressUsageMetrics={"Value": True})

    def attribute(name):
        answer = ec2.describe_vpc_attribute(VpcId=made, Attribute=name[0].lower() + name[1:])
        return answer[name]["Value"]

    assert attribute("EnableDnsHostnames") is True
    assert attribute("EnableDnsSupport") is False
    assert attribute("EnableNetworkAddressUsageMetrics") is True


def test_a_vpc_goes_when_nothing_is_in_it_any_more(ec2):
    made = vpc(ec2)
    subnet = ec2.create_subnet(VpcId=made, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    with pytest.raises(ClientError, match=rf"DependencyViolation.*vpc '{made}' has dependencies"):
        ec2.delete_vpc(VpcId=made)

    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=made)
    with pytest.raises(ClientError, match=rf"InvalidVpcID.NotFound.*'{made}' does not exist"):
        ec2.describe_vpcs(VpcIds=[made])
    assert ec2.describe_security_groups(Filters=of(made))["SecurityGroups"] == []
    assert ec2.describe_route_tables(Filters=of(made))["RouteTables"] == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"CidrBlock": "10.0.0.0/8"}, "InvalidVpc.Range.*'10.0.0.0/8' is invalid"),
        ({"CidrBlock": "ten"}, "InvalidParameterValue.*not a valid CIDR block"),
        ({}, "MissingParameter.*cidrBlock"),
        ({"CidrBlock": "10.0.0.0/16", "AmazonProvidedIpv6CidrBlock": True}, "culm does not support"),
        ({"CidrBlock": "10.0.0.0/16", "TagSpecifications": tags("subnet", a="b")}, "not a valid taggable resource"),
    ],
)
def test_a_wrong_or_unsupported_vpc_is_refused(ec2, settings, message):
    with pytest.raises(ClientError, match=message):
        ec2.create_vpc(**settings)


def test_the_default_vpc_and_its_subnets_stay(ec2):
    with pytest.raises(ClientError, match=r"OperationNotPermitted.*stays"):
        ec2.delete_vpc(VpcId=VPC_ID)
    for subnet in ec2.describe_subnets(Filters=of(VPC_ID))["Subnets"]:
        with pytest.raises(ClientError, match=r"OperationNotPermitted.*stay"):
            ec2.delete_subnet(SubnetId=subnet["SubnetId"])


def test_the_subnets_of_a_vpc_do_not_overlap_and_are_inside(ec2):
    made = vpc(ec2)
    ec2.create_subnet(VpcId=made, CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1c")

    with pytest.raises(ClientError, match=r"InvalidSubnet.Conflict"):
        ec2.create_subnet(VpcId=made, CidrBlock="10.0.0.128/25")
    with pytest.raises(ClientError, match=r"InvalidSubnet.Range"):
        ec2.create_subnet(VpcId=made, CidrBlock="10.1.0.0/24")
    with pytest.raises(ClientError, match=r"us-east-1z\) for parameter availabilityZone.*us-east-1a, us-east-1b"):
        ec2.create_subnet(VpcId=made, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1z")
    [seen] = ec2.describe_subnets(Filters=of(made))["Subnets"]
    assert (seen["AvailabilityZone"], seen["AvailabilityZoneId"]) == ("us-east-1c", "use1-az3")
    assert seen["AvailableIpAddressCount"] == 251


def test_what_a_subnet_gives_its_instances_is_kept(ec2):
    made = vpc(ec2)
    settings = {"VpcId": made, "CidrBlock": "10.0.0.0/24", "AvailabilityZoneId": "use1-az2"}
    subnet = ec2.create_subnet(**settings, TagSpecifications=tags("subnet", Name="a"))["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    ec2.modify_subnet_attribute(SubnetId=subnet, PrivateDnsHostnameTypeOnLaunch="resource-name")
    ec2.modify_subnet_attribute(SubnetId=subnet, EnableResourceNameDnsARecordOnLaunch={"Value": True})

    [seen] = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
    assert seen["MapPublicIpOnLaunch"] is True
    assert seen["PrivateDnsNameOptionsOnLaunch"]["HostnameType"] == "resource-name"
    assert seen["PrivateDnsNameOptionsOnLaunch"]["EnableResourceNameDnsARecord"] is True
    assert (seen["AvailabilityZone"], seen["Tags"]) == ("us-east-1b", [{"Key": "Name", "Value": "a"}])


def test_tags_are_added_changed_found_and_removed(ec2):
    made = vpc(ec2)
    ec2.create_tags(Resources=[made], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    ec2.create_tags(Resources=[made], Tags=[{"Key": "a", "Value": "3"}])

    def seen():
        found = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [made]}])["Tags"]
        assert all(tag["ResourceType"] == "vpc" for tag in found)
        return {tag["Key"]: tag["Value"] for tag in found}

    assert seen() == {"a": "3", "b": "2"}
    for name, value in ("tag-key", "b"), ("tag-value", "2"):
        assert ec2.describe_vpcs(Filters=[{"Name": name, "Values": [value]}])["Vpcs"][0]["VpcId"] == made
    ec2.delete_tags(Resources=[made], Tags=[{"Key": "a", "Value": "another"}, {"Key": "b"}])
    assert seen() == {"a": "3"}
    ec2.delete_tags(Resources=[made])
    assert seen() == {}


@pytest.mark.parametrize("id", ["vpc-1", "subnet-1", "igw-1", "rtb-1", "acl-1", "sg-1", "sgr-1", "i-1"])
def test_what_is_not_there_cannot_be_tagged(ec2, id):
    with pytest.raises(ClientError, match=rf"'{id}' does not exist"):
        ec2.create_tags(Resources=[id], Tags=[{"Key": "a", "Value": "b"}])


def test_amazons_tags_and_more_than_fifty_are_refused(ec2):
    with pytest.raises(ClientError, match=r"reserved for internal use"):
        ec2.create_tags(Resources=[VPC_ID], Tags=[{"Key": "aws:a", "Value": "b"}])
    with pytest.raises(ClientError, match=r"TagLimitExceeded"):
        ec2.create_tags(Resources=[VPC_ID], Tags=[{"Key": str(number), "Value": ""} for number in range(51)])


def test_a_public_network_is_built_and_taken_down(ec2):
    """As Terraform's VPC modules do it."""
    made = vpc(ec2)
    subnet = ec2.create_subnet(VpcId=made, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway(TagSpecifications=tags("internet-gateway", Name="out"))
    gateway = gateway["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=made)
    table = ec2.create_route_table(VpcId=made)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]

    attached = [{"Name": "attachment.vpc-id", "Values": [made]}]
    assert ec2.describe_internet_gateways(Filters=attached)["InternetGateways"][0]["Tags"][0]["Value"] == "out"
    of_subnet = [{"Name": "association.subnet-id", "Values": [subnet]}]
    [seen] = ec2.describe_route_tables(Filters=of_subnet)["RouteTables"]
    assert [route["DestinationCidrBlock"] for route in seen["Routes"]] == ["10.0.0.0/16", "0.0.0.0/0"]
    for refused in (
        lambda: ec2.delete_internet_gateway(InternetGatewayId=gateway),
        lambda: ec2.delete_route_table(RouteTableId=table),
        lambda: ec2.delete_vpc(VpcId=made),
    ):
        with pytest.raises(ClientError, match=r"DependencyViolation"):
            refused()

    ec2.disassociate_route_table(AssociationId=association)
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    ec2.delete_route_table(RouteTableId=table)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=made)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=made)


def test_a_gateway_is_attached_to_one_vpc_and_a_vpc_has_one(ec2):
    made = vpc(ec2)
    one, other = (ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"] for _ in range(2))
    with pytest.raises(ClientError, match=r"Gateway.NotAttached"):
        ec2.detach_internet_gateway(InternetGatewayId=one, VpcId=made)
    ec2.attach_internet_gateway(InternetGatewayId=one, VpcId=made)

    with pytest.raises(ClientError, match=r"Resource.AlreadyAssociated"):
        ec2.attach_internet_gateway(InternetGatewayId=one, VpcId=VPC_ID)
    with pytest.raises(ClientError, match=r"already has an internet gateway attached"):
        ec2.attach_internet_gateway(InternetGatewayId=other, VpcId=made)
    with pytest.raises(ClientError, match=r"InvalidInternetGatewayID.NotFound"):
        ec2.attach_internet_gateway(InternetGatewayId="igw-9", VpcId=made)


def test_routes_are_replaced_and_only_those_that_are_there(ec2):
    made = vpc(ec2)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    table = ec2.create_route_table(VpcId=made)["RouteTable"]["RouteTableId"]
    route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}

    with pytest.raises(ClientError, match=r"InvalidRoute.NotFound"):
        ec2.replace_route(**route, GatewayId=gateway)
    ec2.create_route(**route, GatewayId=gateway)
    with pytest.raises(ClientError, match=r"RouteAlreadyExists"):
        ec2.create_route(**route, GatewayId=gateway)
    ec2.replace_route(**route, GatewayId=gateway)
    ec2.delete_route(**route)
    with pytest.raises(ClientError, match=r"InvalidRoute.NotFound"):
        ec2.delete_route(**route)
    with pytest.raises(ClientError, match=r"culm does not support NatGatewayId"):
        ec2.create_route(**route, NatGatewayId="nat-1")


def test_a_subnet_has_one_table_and_gets_another(ec2):
    made = vpc(ec2)
    subnet = ec2.create_subnet(VpcId=made, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    one, other = (ec2.create_route_table(VpcId=made)["RouteTable"]["RouteTableId"] for _ in range(2))
    first = ec2.associate_route_table(RouteTableId=one, SubnetId=subnet)["AssociationId"]

    assert ec2.associate_route_table(RouteTableId=one, SubnetId=subnet)["AssociationId"] == first
    with pytest.raises(ClientError, match=r"Resource.AlreadyAssociated"):
        ec2.associate_route_table(RouteTableId=other, SubnetId=subnet)
    second = ec2.replace_route_table_association(AssociationId=first, RouteTableId=other)["NewAssociationId"]
    [seen] = ec2.describe_route_tables(RouteTableIds=[other])["RouteTables"]
    assert [each["RouteTableAssociationId"] for each in seen["Associations"]] == [second]
    with pytest.raises(ClientError, match=r"InvalidAssociationID.NotFound"):
        ec2.disassociate_route_table(AssociationId=first)
    elsewhere = ec2.create_route_table(VpcId=VPC_ID)["RouteTable"]["RouteTableId"]
    ec2.disassociate_route_table(AssociationId=second)
    with pytest.raises(ClientError, match=r"belong to different networks"):
        ec2.associate_route_table(RouteTableId=elsewhere, SubnetId=subnet)


def test_a_repeated_request_makes_no_second_table(ec2):
    first, again = (ec2.create_route_table(VpcId=VPC_ID, ClientToken="once")["RouteTable"] for _ in range(2))
    assert first["RouteTableId"] == again["RouteTableId"]


def test_the_main_table_stays_associated(ec2):
    main = [*of(VPC_ID), {"Name": "association.main", "Values": ["true"]}]
    [table] = ec2.describe_route_tables(Filters=main)["RouteTables"]
    with pytest.raises(ClientError, match=r"cannot disassociate the main route table"):
        ec2.disassociate_route_table(AssociationId=table["Associations"][0]["RouteTableAssociationId"])


def test_boto3s_resources_know_networks(endpoint):
    ec2 = boto3.resource("ec2", "us-east-1", endpoint_url=endpoint, aws_access_key_id="a", aws_secret_access_key="b")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")
    vpc.wait_until_available()
    vpc.create_tags(Tags=[{"Key": "Name", "Value": "stg"}])
    subnet = vpc.create_subnet(CidrBlock="10.0.0.0/24")
    group = vpc.create_security_group(GroupName="web", Description="-")
    group.authorize_ingress(IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0")

    assert [each.id for each in vpc.subnets.all()] == [subnet.id]
    assert {each.group_name for each in vpc.security_groups.all()} == {"default", "web"}
    vpc.reload()
    assert vpc.tags == [{"Key": "Name", "Value": "stg"}]
    group.delete()
    subnet.delete()
    vpc.delete()
