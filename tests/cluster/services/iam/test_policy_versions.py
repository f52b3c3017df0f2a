import json

import pytest
from botocore.exceptions import ClientError

from culm.cluster.store.iam import roles


def document(action):
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def arn(iam):
    return iam.create_policy(PolicyName="p", PolicyDocument=document("s3:GetObject"))["Policy"]["Arn"]


def test_the_default_version_says_what_may_be_done(iam, arn, cloud):
    iam.attach_role_policy(RoleName="web", PolicyArn=arn)
    role = iam.get_role(RoleName="web")["Role"]["Arn"]
    second = document("s3:PutObject")
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=second)["PolicyVersion"]
    assert (made["VersionId"], made["IsDefaultVersion"]) == ("v2", False)
    assert roles.documents(cloud.db, role) == [document("s3:GetObject")]

    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    assert roles.documents(cloud.db, role) == [second]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(v["VersionId"], v["IsDefaultVersion"]) for v in versions] == [("v2", True), ("v1", False)]
    first = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert first["Document"]["Statement"][0]["Action"] == "s3:GetObject"


def test_a_new_version_can_be_the_default_at_once(iam, arn):
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("s3:*"), SetAsDefault=True)
    assert made["PolicyVersion"]["IsDefaultVersion"] is True
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    again = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("s3:*"))["PolicyVersion"]
    assert again["VersionId"] == "v3"


def test_there_are_five_versions_at_most_and_the_default_stays(iam, arn):
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("s3:*"))
    for refused, problem in (
        (
            lambda: iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("s3:*")),
            "LimitExceeded.*5 versions",
        ),
        (lambda: iam.create_policy_version(PolicyArn=arn, PolicyDocument="{}"), "LimitExceeded"),
        (lambda: iam.delete_policy_version(PolicyArn=arn, VersionId="v1"), "DeleteConflict.*default version"),
        (lambda: iam.delete_policy(PolicyArn=arn), "DeleteConflict.*more than one version"),
        (lambda: iam.set_default_policy_version(PolicyArn=arn, VersionId="v9"), "NoSuchEntity.*version v9"),
    ):
        with pytest.raises(ClientError, match=problem):
            refused()
    for number in range(2, 6):
        iam.delete_policy_version(PolicyArn=arn, VersionId=f"v{number}")
    iam.delete_policy(PolicyArn=arn)


def test_amazons_policies_cannot_be_changed(iam):
    amazons = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    with pytest.raises(ClientError, match=r"AccessDenied.*is Amazon's"):
        iam.create_policy_version(PolicyArn=amazons, PolicyDocument=document("s3:*"))
    with pytest.raises(ClientError, match=r"AccessDenied.*is Amazon's"):
        iam.tag_policy(PolicyArn=amazons, Tags=[{"Key": "a", "Value": "b"}])


def test_amazons_policies_for_tasks_and_instances_are_there_each_with_an_id_of_its_own(iam):
    listed = iam.list_policies(Scope="AWS")["Policies"]
    assert {each["Arn"].removeprefix("arn:aws:iam::aws:policy") for each in listed} >= {
        "/service-role/AmazonECSTaskExecutionRolePolicy",
        "/service-role/AmazonEC2ContainerServiceforEC2Role",
        "/AmazonSSMManagedInstanceCore",
        "/CloudWatchAgentServerPolicy",
    }
    assert len({each["PolicyId"] for each in listed}) == len(listed)


def test_who_has_a_policy_is_told(iam, arn):
    iam.attach_role_policy(RoleName="web", PolicyArn=arn)
    [role] = iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]
    assert role["RoleName"] == "web"
    assert iam.list_entities_for_policy(PolicyArn=arn, EntityFilter="User")["PolicyRoles"] == []
    assert iam.list_entities_for_policy(PolicyArn=arn, PathPrefix="/other/")["PolicyRoles"] == []


def test_tags_of_policies_come_and_go(iam, arn):
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["a"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
