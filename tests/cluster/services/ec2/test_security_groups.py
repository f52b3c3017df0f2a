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


@pytest.mark.parametrize(
    ("asked", "described", "revoked"),
    [
        (("6", 80, 80), ("tcp", 80, 80), ("tcp", 80, 80)),
        (("UDP", 53, 53), ("udp", 53, 53), ("17", 53, 53)),
        (("58", -1, -1), ("icmpv6", -1, -1), ("icmpv6", -1, -1)),
        (("-1", 5, 9), ("-1", None, None), ("-1", 0, 0)),
        (("50", 5, 9), ("50", None, None), ("50", None, None)),
    ],
)
def test_a_protocol_has_one_name_and_ports_only_where_they_mean_something(ec2, asked, described, revoked):
    def permission(protocol, first, last):
        ports = {} if first is None else {"FromPort": first, "ToPort": last}
        return {"IpProtocol": protocol, **ports, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}

    web = ec2.create_security_group(GroupName="web", Description="-")["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[permission(*asked)])
    [seen] = group(ec2, web)["IpPermissions"]
    assert (seen["IpProtocol"], seen.get("FromPort"), seen.get("ToPort")) == described
    ec2.revoke_security_group_ingress(GroupId=web, IpPermissions=[permission(*revoked)])
    assert group(ec2, web)["IpPermissions"] == []


@pytest.mark.parametrize("ports", [{}, {"FromPort": 80}])
def test_tcp_without_its_ports_is_refused(ec2, ports):
    web = ec2.create_security_group(GroupName="web", Description="-")["GroupId"]
    permission = {"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "10.0.0.0/8"}], **ports}
    with pytest.raises(ClientError, match="Must specify both from and to ports with TCP/UDP"):
        ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[permission])


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


def test_names_are_unique_in_a_vpc_only(ec2):
    other = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_security_group(GroupName="web", Description="-")
    there = ec2.create_security_group(GroupName="web", Description="-", VpcId=other)["GroupId"]

    assert group(ec2, there)["VpcId"] == other
    with pytest.raises(ClientError, match=r"InvalidParameterValue.*sg-\*"):
        ec2.create_security_group(GroupName="sg-web", Description="-")


def test_a_rule_has_an_id_tags_and_can_be_revoked_by_it(ec2):
    web = ec2.create_security_group(GroupName="web", Description="-")["GroupId"]
    tags = [{"ResourceType": "security-group-rule", "Tags": [{"Key": "Name", "Value": "http"}]}]
    added = ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[HTTP], TagSpecifications=tags)
    rule_id = added["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    [seen] = ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule_id])["SecurityGroupRules"]
    assert (seen["GroupId"], seen["FromPort"], seen["CidrIpv4"]) == (web, 80, "0.0.0.0/0")
    assert seen["Tags"] == [{"Key": "Name", "Value": "http"}]
    of_group = [{"Name": "group-id", "Values": [web]}]
    assert [r["IsEgress"] for r in ec2.describe_security_group_rules(Filters=of_group)["SecurityGroupRules"]] == [
        True,
        False,
    ]
    with pytest.raises(ClientError, match=r"InvalidSecurityGroupRuleId.NotFound"):
        ec2.revoke_security_group_egress(GroupId=web, SecurityGroupRuleIds=[rule_id])
    ec2.revoke_security_group_ingress(GroupId=web, SecurityGroupRuleIds=[rule_id])
    assert group(ec2, web)["IpPermissions"] == []
    assert ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [rule_id]}])["Tags"] == []


def test_groups_are_found_by_what_they_let_through(ec2):
    web = ec2.create_security_group(GroupName="web", Description="-")["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[HTTP])

    for name, value in ("ip-permission.from-port", "80"), ("ip-permission.cidr", "0.0.0.0/0"):
        found = ec2.describe_security_groups(Filters=[{"Name": name, "Values": [value]}])["SecurityGroups"]
        assert [each["GroupId"] for each in found] == [web]


def test_a_rule_is_changed_in_place(ec2):
    web = ec2.create_security_group(GroupName="web", Description="-")["GroupId"]
    [rule] = ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[HTTP])["SecurityGroupRules"]
    id = rule["SecurityGroupRuleId"]

    def change(id, **wished):
        wished = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **wished}
        update = {"SecurityGroupRuleId": id, "SecurityGroupRule": wished}
        ec2.modify_security_group_rules(GroupId=web, SecurityGroupRules=[update])

    change(id, CidrIpv4="10.0.0.0/8", Description="inside")
    [seen] = ec2.describe_security_group_rules(SecurityGroupRuleIds=[id])["SecurityGroupRules"]
    assert (seen["FromPort"], seen["CidrIpv4"], seen["Description"]) == (443, "10.0.0.0/8", "inside")
    with pytest.raises(ClientError, match=r"exactly one source"):
        change(id, CidrIpv4="10.0.0.0/8", ReferencedGroupId=web)
    with pytest.raises(ClientError, match=r"InvalidGroup.NotFound"):
        change(id, ReferencedGroupId="sg-9")
    with pytest.raises(ClientError, match=r"InvalidSecurityGroupRuleId.NotFound"):
        change("sgr-9", CidrIpv4="10.0.0.0/8")


def test_a_source_is_a_group_by_its_name(ec2):
    web = ec2.create_security_group(GroupName="web", Description="-")["GroupId"]
    pair = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupName": "default"}]}
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[pair])
    [permission] = group(ec2, web)["IpPermissions"]
    assert permission["UserIdGroupPairs"][0]["GroupId"] == "sg-00000000000000001"
