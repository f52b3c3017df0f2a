import json

import pytest
from botocore.exceptions import ClientError

from culm.core.model.agent import RoleCredentials


def test_the_caller_is_the_account_s_root(cloud):
    answer = cloud.client("sts").get_caller_identity()

    assert answer["Account"] == "000000000000"
    assert answer["Arn"] == "arn:aws:iam::000000000000:root"


def test_a_key_is_of_the_one_account(cloud):
    assert cloud.client("sts").get_access_key_info(AccessKeyId="AKIAIOSFODNN7EXAMPLE")["Account"] == "000000000000"


@pytest.mark.parametrize(
    "arn", ["nothing-valid-in-here", "arn::b:::something/test-role", "arn:a::::something/test", "arn:a:a::aaaaaaaaaa:"]
)
def test_a_role_is_named_by_an_arn(cloud, arn):
    with pytest.raises(ClientError, match=rf"ValidationError.*{arn} is invalid"):
        cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")


def test_a_sessions_name_is_as_the_model_says(cloud):
    with pytest.raises(ClientError) as refusal:
        cloud.client("sts").assume_role(RoleArn="arn:aws:iam::000000000000:role/x", RoleSessionName="Session1:2")
    assert refusal.value.response["Error"]["Message"] == (
        "1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w+=,.@-]*"
    )


def test_a_role_is_a_second_key_with_fewer_rights(cloud):
    """As docs/guide/identity.md says it."""
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}
    may = {"Effect": "Allow", "Action": ["ecs:Describe*", "ecs:List*"], "Resource": "*"}
    role = iam.create_role(
        RoleName="reader", MaxSessionDuration=43200, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="reader", PolicyName="look", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [may]})
    )
    asked = {"RoleArn": role, "RoleSessionName": "eve", "DurationSeconds": 43200}
    got = cloud.client("sts").assume_role(**asked)["Credentials"]

    keys = RoleCredentials(
        credentials_id="",
        role_arn=role,
        access_key_id=got["AccessKeyId"],
        secret_access_key=got["SecretAccessKey"],
        session_token=got["SessionToken"],
        expiration=0.0,
    )
    ecs = cloud.client("ecs", keys=keys)
    assert ecs.list_clusters()["clusterArns"] == []
    with pytest.raises(ClientError, match=r"AccessDeniedException.*assumed-role/reader/eve is not authorized"):
        ecs.create_cluster(clusterName="mine")


def allowing(*actions: str, **more: object) -> str:
    statement = {"Effect": "Allow", "Action": [*actions], "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def role_of_everything(cloud, name: str, **settings: str) -> str:
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}), **settings)
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=allowing("*"))
    return made["Role"]["Arn"]


def keys_of(answer) -> RoleCredentials:
    got = answer["Credentials"]
    return RoleCredentials(
        credentials_id="",
        role_arn="",
        access_key_id=got["AccessKeyId"],
        secret_access_key=got["SecretAccessKey"],
        session_token=got["SessionToken"],
        expiration=0.0,
    )


def test_a_session_policy_limits_what_its_role_may_do(cloud):
    role = role_of_everything(cloud, "all")
    managed = cloud.client("iam").create_policy(PolicyName="look", PolicyDocument=allowing("ecs:List*"))["Policy"]
    sts = cloud.client("sts")
    inline = sts.assume_role(RoleArn=role, RoleSessionName="eve", Policy=allowing("ecs:CreateCluster"))
    both = sts.assume_role(
        RoleArn=role, RoleSessionName="eve", Policy=allowing("s3:*"), PolicyArns=[{"arn": managed["Arn"]}]
    )

    assert cloud.client("ecs", keys=keys_of(inline)).create_cluster(clusterName="mine")
    with pytest.raises(ClientError, match="because no session policy allows the ecs:ListClusters action"):
        cloud.client("ecs", keys=keys_of(inline)).list_clusters()
    assert len(cloud.client("ecs", keys=keys_of(both)).list_clusters()["clusterArns"]) == 1
    with pytest.raises(ClientError, match=r"AccessDeniedException.*ecs:CreateCluster"):
        cloud.client("ecs", keys=keys_of(both)).create_cluster(clusterName="mine")
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        sts.assume_role(RoleArn=role, RoleSessionName="eve", Policy="{}")


def test_a_permissions_boundary_limits_a_role_until_it_is_taken_away(cloud):
    iam = cloud.client("iam")
    boundary = iam.create_policy(PolicyName="look", PolicyDocument=allowing("ecs:List*"))["Policy"]["Arn"]
    role = role_of_everything(cloud, "bounded", PermissionsBoundary=boundary)
    assert iam.get_role(RoleName="bounded")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    assert iam.get_policy(PolicyArn=boundary)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    with pytest.raises(ClientError, match="DeleteConflict"):
        iam.delete_policy(PolicyArn=boundary)

    ecs = cloud.client("ecs", keys=keys_of(cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="eve")))
    assert ecs.list_clusters()["clusterArns"] == []
    with pytest.raises(ClientError, match="because no permissions boundary allows the ecs:CreateCluster action"):
        ecs.create_cluster(clusterName="mine")
    iam.delete_role_permissions_boundary(RoleName="bounded")
    assert ecs.create_cluster(clusterName="mine")
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.delete_role_permissions_boundary(RoleName="bounded")
    iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=boundary)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        ecs.create_cluster(clusterName="other")


def test_session_tags_are_condition_keys_and_transitive_ones_go_on(cloud):
    first, second = role_of_everything(cloud, "first"), role_of_everything(cloud, "second")
    with_team = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}
    cloud.client("iam").put_role_policy(
        RoleName="second", PolicyName="all", PolicyDocument=allowing("ecs:*", Condition=with_team)
    )
    tagged = {"Tags": [{"Key": "Team", "Value": "blue"}], "TransitiveTagKeys": ["Team"]}
    sts = cloud.client("sts")
    chained = cloud.client("sts", keys=keys_of(sts.assume_role(RoleArn=first, RoleSessionName="aa", **tagged)))

    ecs = cloud.client("ecs", keys=keys_of(chained.assume_role(RoleArn=second, RoleSessionName="bb")))
    assert ecs.list_clusters()["clusterArns"] == []
    without = cloud.client("ecs", keys=keys_of(sts.assume_role(RoleArn=second, RoleSessionName="cc")))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        without.list_clusters()
    with pytest.raises(ClientError, match=r"InvalidParameterValue.*conflicts with a transitive tag key"):
        chained.assume_role(RoleArn=second, RoleSessionName="bb", Tags=[{"Key": "team", "Value": "red"}])
    with pytest.raises(ClientError, match=r"InvalidParameterValue.*must be included in the requested tags"):
        sts.assume_role(RoleArn=first, RoleSessionName="aa", TransitiveTagKeys=["Team"])
    with pytest.raises(ClientError, match=r"InvalidParameterValue.*Duplicate tag keys"):
        sts.assume_role(
            RoleArn=first, RoleSessionName="aa", Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
        )


def test_the_operator_has_temporary_keys_that_may_do_the_same(cloud):
    sts = cloud.client("sts")
    keys = keys_of(sts.get_session_token(DurationSeconds=900))
    again = cloud.client("sts", keys=keys)
    assert again.get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:root"
    assert cloud.client("ecs", keys=keys).create_cluster(clusterName="mine")

    role = role_of_everything(cloud, "all")
    of_role = keys_of(sts.assume_role(RoleArn=role, RoleSessionName="eve"))
    with pytest.raises(ClientError, match=r"AccessDenied.*Cannot call GetSessionToken with session credentials"):
        cloud.client("sts", keys=of_role).get_session_token()


def test_a_federated_user_may_do_what_the_given_policy_allows_and_nothing_else(cloud):
    sts = cloud.client("sts")
    made = sts.get_federation_token(Name="guest", Policy=allowing("ecs:List*"))
    assert made["FederatedUser"]["Arn"] == "arn:aws:sts::000000000000:federated-user/guest"
    keys = keys_of(made)
    assert cloud.client("sts", keys=keys).get_caller_identity()["Arn"] == made["FederatedUser"]["Arn"]
    assert cloud.client("ecs", keys=keys).list_clusters()["clusterArns"] == []
    with pytest.raises(ClientError, match="AccessDeniedException"):
        cloud.client("ecs", keys=keys).create_cluster(clusterName="mine")
    nothing = keys_of(sts.get_federation_token(Name="guest"))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        cloud.client("ecs", keys=nothing).list_clusters()
    for act in ("get_session_token", "get_federation_token"):
        settings = {"Name": "other"} if act == "get_federation_token" else {}
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(cloud.client("sts", keys=keys), act)(**settings)
    role = role_of_everything(cloud, "all")
    with pytest.raises(ClientError, match="AccessDenied"):
        cloud.client("sts", keys=keys).assume_role(RoleArn=role, RoleSessionName="xx")
