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
