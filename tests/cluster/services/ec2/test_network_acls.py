import pytest
from botocore.exceptions import ClientError

from culm.cluster.services.ec2.network import VPC_ID, subnet_id


@pytest.fixture
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


def acls(ec2, vpc, *more):
    return ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}, *more])["NetworkAcls"]


def default(ec2, vpc):
    [found] = acls(ec2, vpc, {"Name": "default", "Values": ["true"]})
    return found


def test_a_vpc_has_an_acl_that_lets_everything_through_and_all_its_subnets(ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    found = default(ec2, vpc)
    rules = [(entry["Egress"], entry["RuleNumber"], entry["RuleAction"]) for entry in found["Entries"]]
    assert rules == [(True, 100, "allow"), (True, 32767, "deny"), (False, 100, "allow"), (False, 32767, "deny")]
    assert [each["SubnetId"] for each in found["Associations"]] == [subnet]

    ec2.delete_subnet(SubnetId=subnet)
    assert default(ec2, vpc)["Associations"] == []
    ec2.delete_vpc(VpcId=vpc)
    assert acls(ec2, vpc) == []


def test_the_default_vpc_has_one_too(ec2):
    assert {each["SubnetId"] for each in default(ec2, VPC_ID)["Associations"]} == {subnet_id("a"), subnet_id("b")}


def test_entries_come_change_and_go(ec2, vpc):
    acl = default(ec2, vpc)["NetworkAclId"]
    this = {"NetworkAclId": acl, "RuleNumber": 200, "Egress": False}
    entry = {**this, "Protocol": "6", "RuleAction": "allow", "PortRange": {"From": 80, "To": 81}}
    with pytest.raises(ClientError, match=r"InvalidNetworkAclEntry.NotFound"):
        ec2.replace_network_acl_entry(**entry, CidrBlock="10.0.0.0/8")
    ec2.create_network_acl_entry(**entry, CidrBlock="10.0.0.0/8")
    with pytest.raises(ClientError, match=r"NetworkAclEntryAlreadyExists"):
        ec2.create_network_acl_entry(**entry, CidrBlock="10.0.0.0/8")
    ec2.replace_network_acl_entry(**{**entry, "RuleAction": "deny"}, Ipv6CidrBlock="::/0")

    [seen] = [each for each in default(ec2, vpc)["Entries"] if each["RuleNumber"] == 200]
    assert (seen["RuleAction"], seen["Ipv6CidrBlock"], seen["PortRange"]) == ("deny", "::/0", {"From": 80, "To": 81})
    ec2.delete_network_acl_entry(**this)
    assert len(default(ec2, vpc)["Entries"]) == 4
    ping = {"Protocol": "1", "RuleAction": "allow", "IcmpTypeCode": {"Type": 8, "Code": -1}, "CidrBlock": "10.0.0.0/8"}
    ec2.create_network_acl_entry(**this, **ping)
    assert default(ec2, vpc)["Entries"][3]["IcmpTypeCode"] == {"Type": 8, "Code": -1}


@pytest.mark.parametrize(
    ("number", "more", "message"),
    [
        (32768, {"CidrBlock": "10.0.0.0/8"}, r"InvalidParameterValue.*ruleNumber"),
        (1, {}, r"MissingParameter.*exactly one"),
        (1, {"CidrBlock": "ten"}, r"InvalidParameterValue.*not a valid CIDR block"),
    ],
)
def test_a_wrong_entry_is_refused(ec2, vpc, number, more, message):
    acl = default(ec2, vpc)["NetworkAclId"]
    entry = {"NetworkAclId": acl, "RuleNumber": number, "Egress": True, "Protocol": "-1", "RuleAction": "allow"}
    with pytest.raises(ClientError, match=message):
        ec2.create_network_acl_entry(**entry, **more)


def test_a_subnet_gets_another_acl(ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    acl = ec2.create_network_acl(VpcId=vpc, ClientToken="once")["NetworkAcl"]["NetworkAclId"]
    assert ec2.create_network_acl(VpcId=vpc, ClientToken="once")["NetworkAcl"]["NetworkAclId"] == acl
    [association] = default(ec2, vpc)["Associations"]
    this = {"AssociationId": association["NetworkAclAssociationId"], "NetworkAclId": acl}
    ec2.replace_network_acl_association(**this)

    [found] = acls(ec2, vpc, {"Name": "association.subnet-id", "Values": [subnet]})
    assert found["NetworkAclId"] == acl
    with pytest.raises(ClientError, match=r"InvalidAssociationID.NotFound"):
        ec2.replace_network_acl_association(**this)
    with pytest.raises(ClientError, match=r"DependencyViolation"):
        ec2.delete_network_acl(NetworkAclId=acl)
    with pytest.raises(ClientError, match=r"cannot delete default network ACL"):
        ec2.delete_network_acl(NetworkAclId=default(ec2, vpc)["NetworkAclId"])
    ec2.delete_subnet(SubnetId=subnet)
    with pytest.raises(ClientError, match=r"DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    ec2.delete_network_acl(NetworkAclId=acl)
    with pytest.raises(ClientError, match=r"InvalidNetworkAclID.NotFound"):
        ec2.describe_network_acls(NetworkAclIds=[acl])


def test_there_are_no_network_interfaces(ec2):
    in_subnet = [{"Name": "subnet-id", "Values": [subnet_id("a")]}]
    assert ec2.describe_network_interfaces(Filters=in_subnet)["NetworkInterfaces"] == []
    with pytest.raises(ClientError, match=r"InvalidNetworkInterfaceID.NotFound.*'eni-1'"):
        ec2.describe_network_interfaces(NetworkInterfaceIds=["eni-1"])
