import json

import pytest
from botocore.exceptions import ClientError

READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


def code(error) -> str:
    return error.value.response["Error"]["Code"]


def test_a_role_is_described_as_it_was_made(iam, cloud):
    role = iam.get_role(RoleName="web")["Role"]

    assert role["Arn"] == "arn:aws:iam::000000000000:role/web"
    assert role["RoleId"].startswith("AROA")
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Action"] == "sts:AssumeRole"
    assert role["CreateDate"].timestamp() == cloud.now
    assert role["Tags"] == [{"Key": "team", "Value": "green"}]
    assert [r["RoleName"] for r in iam.list_roles()["Roles"]] == ["web"]
    assert iam.list_roles(PathPrefix="/elsewhere/")["Roles"] == []


def test_a_role_is_made_once(iam):
    with pytest.raises(ClientError) as error:
        iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(READ))
    assert code(error) == "EntityAlreadyExists"


def test_a_role_that_there_is_not_is_an_error(iam):
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="nobody")


def test_a_policy_that_is_none_is_refused(iam):
    with pytest.raises(ClientError) as error:
        iam.put_role_policy(RoleName="web", PolicyName="read", PolicyDocument='{"Statement": 1}')
    assert code(error) == "MalformedPolicyDocument"
    with pytest.raises(ClientError) as error:
        iam.update_assume_role_policy(RoleName="web", PolicyDocument="{")
    assert code(error) == "MalformedPolicyDocument"


def test_its_own_policies_come_and_go(iam):
    iam.put_role_policy(RoleName="web", PolicyName="read", PolicyDocument=json.dumps(READ))
    assert iam.list_role_policies(RoleName="web")["PolicyNames"] == ["read"]
    assert iam.get_role_policy(RoleName="web", PolicyName="read")["PolicyDocument"] == READ
    with pytest.raises(ClientError) as error:
        iam.delete_role(RoleName="web")
    assert code(error) == "DeleteConflict"

    iam.delete_role_policy(RoleName="web", PolicyName="read")
    for call in (iam.delete_role_policy, iam.get_role_policy):
        with pytest.raises(iam.exceptions.NoSuchEntityException):
            call(RoleName="web", PolicyName="read")
    iam.delete_role(RoleName="web")
    assert iam.list_roles()["Roles"] == []


def test_managed_policies_are_attached_and_detached(iam):
    arn = iam.create_policy(PolicyName="read", PolicyDocument=json.dumps(READ), Description="d")["Policy"]["Arn"]
    amazon = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    iam.attach_role_policy(RoleName="web", PolicyArn=arn)
    iam.attach_role_policy(RoleName="web", PolicyArn=amazon)

    attached = iam.list_attached_role_policies(RoleName="web")["AttachedPolicies"]
    assert {each["PolicyArn"] for each in attached} == {arn, amazon}
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert version["Document"] == READ
    assert [p["PolicyName"] for p in iam.list_policies(Scope="Local")["Policies"]] == ["read"]
    assert {p["Arn"] for p in iam.list_policies(OnlyAttached=True)["Policies"]} == {arn, amazon}
    for call in (lambda: iam.delete_policy(PolicyArn=arn), lambda: iam.delete_role(RoleName="web")):
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) == "DeleteConflict"

    iam.detach_role_policy(RoleName="web", PolicyArn=arn)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.detach_role_policy(RoleName="web", PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_policy(PolicyArn=arn)


def test_a_policy_has_one_name_and_one_version(iam):
    arn = iam.create_policy(PolicyName="read", PolicyDocument=json.dumps(READ))["Policy"]["Arn"]
    with pytest.raises(ClientError) as error:
        iam.create_policy(PolicyName="read", PolicyDocument=json.dumps(READ))
    assert code(error) == "EntityAlreadyExists"
    assert [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == ["v1"]
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_policy_version(PolicyArn=arn, VersionId="v2")


def test_tags_are_added_changed_and_taken_away(iam):
    iam.tag_role(RoleName="web", Tags=[{"Key": "team", "Value": "blue"}, {"Key": "x", "Value": "1"}])
    iam.untag_role(RoleName="web", TagKeys=["x"])
    assert iam.list_role_tags(RoleName="web")["Tags"] == [{"Key": "team", "Value": "blue"}]


def test_what_would_be_allowed_can_be_asked(iam):
    iam.put_role_policy(RoleName="web", PolicyName="read", PolicyDocument=json.dumps(READ))
    deny = json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::b/*"}}
    )

    def decisions(**given):
        answer = iam.simulate_principal_policy(
            PolicySourceArn="arn:aws:iam::000000000000:role/web", ActionNames=["s3:GetObject", "s3:PutObject"], **given
        )
        return [result["EvalDecision"] for result in answer["EvaluationResults"]]

    assert decisions() == ["allowed", "implicitDeny"]
    assert decisions(ResourceArns=["arn:aws:s3:::b/k"], PolicyInputList=[deny]) == ["explicitDeny", "explicitDeny"]
    custom = iam.simulate_custom_policy(PolicyInputList=[json.dumps(READ)], ActionNames=["s3:GetObject"])
    assert custom["EvaluationResults"][0]["EvalDecision"] == "allowed"
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.simulate_principal_policy(PolicySourceArn="arn:aws:iam::000000000000:role/x", ActionNames=["s3:GetObject"])


def test_lists_say_whether_there_is_more(iam):
    assert iam.list_roles()["IsTruncated"] is False
    trust = json.dumps(iam.get_role(RoleName="web")["Role"]["AssumeRolePolicyDocument"])
    iam.create_role(RoleName="other", AssumeRolePolicyDocument=trust)
    first = iam.list_roles(MaxItems=1)
    assert (first["IsTruncated"], len(first["Roles"])) == (True, 1)
    second = iam.list_roles(MaxItems=1, Marker=first["Marker"])
    assert (second["IsTruncated"], [role["RoleName"] for role in second["Roles"]]) == (False, ["web"])


def test_a_policy_that_is_not_there_is_said_as_iam_says_it(iam):
    arn = "arn:aws:iam::000000000000:policy/none"
    with pytest.raises(ClientError, match=r"NoSuchEntity.*Policy arn:.*none was not found"):
        iam.delete_policy(PolicyArn=arn)
    with pytest.raises(ClientError, match=r"ValidationError.*Invalid ARN: {2}Could not be parsed!"):
        iam.attach_role_policy(RoleName="web", PolicyArn="just-a-long-policy-name")
    with pytest.raises(ClientError, match=r"ValidationError.*'roleName' failed.*regular expression pattern"):
        iam.get_role(RoleName="no such")
