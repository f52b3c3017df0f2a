import pytest
from botocore.exceptions import ClientError

HTTP = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all"}]}


@pytest.fixture
def ec2(cloud):
    return cloud.client("ec2")


def group(ec2, group_id):
    [found] = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
    return found


def test_a_new_group_lets_everything_out_and_nothing_in(ec2):
    made = ec2.create_security_group(
        GroupName="web",
        Description="the web",
        TagSpecifications=[{"ResourceType": "security-group", "Tags": [{"Key": "a", "Value": "b"}]}],
    )

    seen = group(ec2, made["GroupId"])
    assert seen["IpPermissions"] == []
    assert [p["IpProtocol"] for p in seen["IpPermissionsEgress"]] == ["-1"]
    assert seen["Tags"] == [{"Key": "a", "Value": "b"}]


def test_permissions_are_added_and_taken_away(ec2):
    web = ec2.create_security_group(GroupName="web", Description="-")["GroupId"]
    pair = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": web}]}
    six = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}

    added = ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[HTTP, pair, six])
    assert [rule["IsEgress"] for rule in added["SecurityGroupRules"]] == [False] * 3
    seen = group(ec2, web)["IpPermissions"]
    assert [(p["FromPort"], len(p["IpRanges"]), len(p["UserIdGroupPairs"])) for p in seen] == [(80, 1, 1), (443, 0, 0)]

    ec2.revoke_security_group_ingress(GroupId=web, IpPermissions=[HTTP])
    assert group(ec2, web)["IpPermissions"][0]["IpRanges"] == []


def test_egress_is_apart_from_ingress(ec2):
    web = ec2.create_security_group(GroupName="web", Description="-")["GroupId"]

    ec2.authorize_security_group_egress(GroupId=web, IpPermissions=[HTTP])
    assert group(ec2, web)["IpPermissions"] == []
    ec2.revoke_security_group_egress(GroupId=web, IpPermissions=[HTTP])
    assert len(group(ec2, web)["IpPermissionsEgress"]) == 1


def test_a_permission_can_be_added_once_and_removed_once(ec2):
    web = ec2.create_security_group(GroupName="web", Description="-")["GroupId"]

    with pytest.raises(ClientError, match=r"InvalidPermission.NotFound"):
        ec2.revoke_security_group_ingress(GroupId=web, IpPermissions=[HTTP])
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[HTTP])
    with pytest.raises(ClientError, match=r"InvalidPermission.Duplicate"):
        ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[HTTP])


def test_names_are_unique_and_groups_exist(ec2):
    ec2.create_security_group(GroupName="web", Description="-")

    with pytest.raises(ClientError, match=r"InvalidGroup.Duplicate"):
        ec2.create_security_group(GroupName="web", Description="-")
    with pytest.raises(ClientError, match=r"InvalidVpcID.NotFound"):
        ec2.create_security_group(GroupName="other", Description="-", VpcId="vpc-2")
    with pytest.raises(ClientError, match=r"InvalidGroup.NotFound.*'sg-9'"):
        ec2.delete_security_group(GroupId="sg-9")
    with pytest.raises(ClientError, match=r"InvalidGroup.NotFound.*account '1'"):
        pair = {"GroupId": "sg-9", "UserId": "1"}
        from_another_account = [{"IpProtocol": "-1", "UserIdGroupPairs": [pair]}]
        ec2.authorize_security_group_ingress(GroupName="web", IpPermissions=from_another_account)
    with pytest.raises(ClientError, match=r"MissingParameter"):
        ec2.delete_security_group()


def test_a_group_that_others_name_or_the_default_one_stays(ec2):
    web = ec2.create_security_group(GroupName="web", Description="-")["GroupId"]
    app = ec2.create_security_group(GroupName="app", Description="-")["GroupId"]
    from_web = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": web}]}]
    ec2.authorize_security_group_ingress(GroupId=app, IpPermissions=from_web)

    with pytest.raises(ClientError, match=r"DependencyViolation"):
        ec2.delete_security_group(GroupName="web")
    with pytest.raises(ClientError, match=r"CannotDelete"):
        ec2.delete_security_group(GroupName="default")
    ec2.delete_security_group(GroupId=app)
    ec2.delete_security_group(GroupId=web)
    assert [g["GroupName"] for g in ec2.describe_security_groups()["SecurityGroups"]] == ["default"]


def test_what_culm_cannot_do_is_refused_by_name(ec2):
    with pytest.raises(ClientError, match=r"InvalidParameterValue.*culm does not support DryRun"):
        ec2.create_security_group(GroupName="web", Description="-", DryRun=True)
