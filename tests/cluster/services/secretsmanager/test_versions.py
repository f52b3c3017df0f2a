import json

import pytest
from botocore.exceptions import ClientError

from culm.cluster.store.iam import roles
from culm.cluster.wire.http import Request


@pytest.fixture
def sm(cloud):
    client = cloud.client("secretsmanager")
    client.create_secret(Name="db", SecretString="1", ClientRequestToken="1" * 32)
    return client


def put(sm, number, *stages):
    settings = {"VersionStages": [*stages]} if stages else {}
    sm.put_secret_value(SecretId="db", SecretString=str(number), ClientRequestToken=str(number) * 32, **settings)


def labels(sm, **settings):
    versions = sm.list_secret_version_ids(SecretId="db", **settings)["Versions"]
    return {version["VersionId"][0]: version.get("VersionStages") for version in versions}


def test_a_version_that_waits_takes_over_when_it_is_told(sm):
    put(sm, 2, "AWSPENDING")
    assert labels(sm) == {"1": ["AWSCURRENT"], "2": ["AWSPENDING"]}
    this = {"SecretId": "db", "VersionStage": "AWSCURRENT", "MoveToVersionId": "2" * 32}
    with pytest.raises(ClientError, match=r"InvalidParameterException.*must explicitly reference that version"):
        sm.update_secret_version_stage(**this)
    with pytest.raises(ClientError, match=r"InvalidParameterException.*currently attached to version 1"):
        sm.update_secret_version_stage(**this, RemoveFromVersionId="2" * 32)

    sm.update_secret_version_stage(**this, RemoveFromVersionId="1" * 32)
    assert labels(sm) == {"1": ["AWSPREVIOUS"], "2": ["AWSPENDING", "AWSCURRENT"]}
    assert sm.get_secret_value(SecretId="db")["SecretString"] == "2"


def test_a_version_without_labels_is_deprecated(sm):
    put(sm, 2)
    put(sm, 3)
    assert labels(sm) == {"2": ["AWSPREVIOUS"], "3": ["AWSCURRENT"]}
    assert labels(sm, IncludeDeprecated=True)["1"] is None


def test_a_label_of_ones_own_moves_and_goes(sm):
    put(sm, 2, "blue")
    put(sm, 3, "blue", "AWSCURRENT")
    assert labels(sm, IncludeDeprecated=True) == {"1": ["AWSPREVIOUS"], "2": None, "3": ["blue", "AWSCURRENT"]}
    remove = {"SecretId": "db", "RemoveFromVersionId": "3" * 32}
    sm.update_secret_version_stage(**remove, VersionStage="blue")
    assert labels(sm)["3"] == ["AWSCURRENT"]
    for stage, problem in ("AWSCURRENT", "can only move staging label AWSCURRENT"), ("red", "isn't currently attached"):
        with pytest.raises(ClientError, match=problem):
            sm.update_secret_version_stage(**remove, VersionStage=stage)
    with pytest.raises(ClientError, match=r"ResourceNotFoundException.*VersionId: 9"):
        sm.update_secret_version_stage(SecretId="db", VersionStage="red", MoveToVersionId="9" * 32)
    with pytest.raises(ClientError, match=r"InvalidParameterException"):
        sm.update_secret_version_stage(SecretId="db", VersionStage="red")


def test_the_first_version_is_current_whatever_else_it_is(sm):
    sm.create_secret(Name="empty")
    made = sm.put_secret_value(SecretId="empty", SecretString="1", VersionStages=["AWSPENDING"])
    assert made["VersionStages"] == ["AWSPENDING", "AWSCURRENT"]


def test_a_token_is_for_one_value(sm):
    with pytest.raises(ClientError, match=r"ResourceExistsException.*can't use ClientRequestToken 1"):
        sm.put_secret_value(SecretId="db", SecretString="another", ClientRequestToken="1" * 32)
    again = sm.create_secret(Name="db", SecretString="1", ClientRequestToken="1" * 32)
    assert again["VersionId"] == "1" * 32


def test_a_request_without_a_token_is_told_to_bring_one(cloud, sm):
    headers = {"x-amz-target": "secretsmanager.PutSecretValue", "content-type": "application/x-amz-json-1.1"}
    asked = Request(method="POST", path="/", query="", headers=headers, body=b'{"SecretId": "db", "SecretString": "2"}')
    answer = cloud.answer(asked)
    assert answer.status == 400
    assert b"You must provide a ClientRequestToken value" in answer.body


def test_version_and_label_belong_together(sm):
    with pytest.raises(ClientError, match=r"InvalidRequestException.*not associated to the provided VersionId"):
        sm.get_secret_value(SecretId="db", VersionId="1" * 32, VersionStage="AWSPREVIOUS")
    with pytest.raises(sm.exceptions.ResourceNotFoundException, match="VersionId: 9") as missing:
        sm.get_secret_value(SecretId="db", VersionId="9" * 32)
    assert missing.value.response["Message"] == missing.value.response["Error"]["Message"]


def test_reading_is_remembered_by_the_day(sm, cloud):
    assert "LastAccessedDate" not in sm.describe_secret(SecretId="db")
    cloud.clock.advance(3600)
    sm.get_secret_value(SecretId="db")
    midnight = cloud.now - cloud.now % 86400
    assert sm.describe_secret(SecretId="db")["LastAccessedDate"].timestamp() == midnight
    [version] = sm.list_secret_version_ids(SecretId="db")["Versions"]
    assert version["LastAccessedDate"].timestamp() == midnight


def test_several_values_are_read_at_once(sm):
    sm.create_secret(Name="key", SecretBinary=b"\x00")
    got = sm.batch_get_secret_value(SecretIdList=["db", "key", "none"])
    assert [each["Name"] for each in got["SecretValues"]] == ["db", "key"]
    assert got["SecretValues"][1]["SecretBinary"] == b"\x00"
    assert [(each["SecretId"], each["ErrorCode"]) for each in got["Errors"]] == [("none", "ResourceNotFoundException")]
    by_name = sm.batch_get_secret_value(Filters=[{"Key": "name", "Values": ["d"]}])
    assert [each["SecretString"] for each in by_name["SecretValues"]] == ["1"]
    with pytest.raises(ClientError, match=r"InvalidRequestException.*but not both"):
        sm.batch_get_secret_value()


@pytest.fixture
def reader(cloud, sm):
    """A client of a role that may read in batches, and what `policy` says besides."""

    def made(**policy):
        iam, name = cloud.client("iam"), "reader"
        trust = '{"Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}}'
        if roles.find(cloud.db, name) is None:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
            batch = (
                '{"Version": "2012-10-17", "Statement":'
                ' {"Effect": "Allow", "Action": "secretsmanager:BatchGetSecretValue", "Resource": "*"}}'
            )
            iam.put_role_policy(RoleName=name, PolicyName="batch", PolicyDocument=batch)
        arn = iam.get_role(RoleName=name)["Role"]["Arn"]
        keys = cloud.keys.issue(role_arn=arn, role_id="AROA", name="s", expiration=cloud.now + 3600, seed="1")
        return cloud.client("secretsmanager", keys=keys), arn

    return made


def test_who_may_read_in_batches_may_not_read_what_it_may_not_read_alone(reader):
    client, _ = reader()
    with pytest.raises(ClientError, match=r"not authorized to perform: secretsmanager:GetSecretValue"):
        client.batch_get_secret_value(SecretIdList=["db"])
    with pytest.raises(ClientError, match=r"not authorized to perform: secretsmanager:GetSecretValue"):
        client.batch_get_secret_value(Filters=[{"Key": "all", "Values": ["d"]}])


def test_a_secrets_own_policy_lets_in(reader, sm):
    client, arn = reader()
    with pytest.raises(ClientError, match=r"not authorized"):
        client.get_secret_value(SecretId="db")
    statement = f'{{"Effect": "Allow", "Principal": {{"AWS": "{arn}"}}, "Action": "secretsmanager:*", "Resource": "*"}}'
    policy = f'{{"Version": "2012-10-17", "Statement": [{statement}]}}'
    sm.put_resource_policy(SecretId="db", ResourcePolicy=policy, BlockPublicPolicy=True)

    assert client.get_secret_value(SecretId="db")["SecretString"] == "1"
    assert sm.get_resource_policy(SecretId="db")["ResourcePolicy"] == policy
    sm.delete_resource_policy(SecretId="db")
    assert "ResourcePolicy" not in sm.get_resource_policy(SecretId="db")
    with pytest.raises(ClientError, match=r"not authorized"):
        client.get_secret_value(SecretId="db")


def test_a_policy_for_everybody_or_of_nonsense_is_refused(sm):
    public = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:*", "Resource": "*"}}'
    with pytest.raises(sm.exceptions.PublicPolicyException):
        sm.put_resource_policy(SecretId="db", ResourcePolicy=public, BlockPublicPolicy=True)
    sm.put_resource_policy(SecretId="db", ResourcePolicy=public)
    with pytest.raises(sm.exceptions.MalformedPolicyDocumentException):
        sm.put_resource_policy(SecretId="db", ResourcePolicy="{}")


def test_a_newer_value_ends_the_rotation_of_the_version_that_it_replaces(sm):
    put(sm, 2, "AWSPENDING")
    sm.update_secret_version_stage(
        SecretId="db", VersionStage="AWSCURRENT", MoveToVersionId="2" * 32, RemoveFromVersionId="1" * 32
    )
    put(sm, 3)
    assert labels(sm) == {"2": ["AWSPREVIOUS"], "3": ["AWSCURRENT"]}


def test_nothing_rotates_secrets_here(sm):
    with pytest.raises(ClientError, match=r"InvalidRequestException.*No Lambda rotation function ARN"):
        sm.rotate_secret(SecretId="db")
    function = "arn:aws:lambda:us-east-1:000000000000:function:turn"
    with pytest.raises(ClientError, match=r"AccessDeniedException.*cannot invoke the specified Lambda function"):
        sm.rotate_secret(SecretId="db", RotationLambdaARN=function)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        sm.rotate_secret(SecretId="other")


def test_a_policy_is_validated_before_it_is_put(sm):
    def policy(principal):
        statement = {"Effect": "Allow", "Principal": principal, "Action": "secretsmanager:*", "Resource": "*"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    assert sm.validate_resource_policy(ResourcePolicy=policy({"AWS": "000000000000"}))["PolicyValidationPassed"]
    public = sm.validate_resource_policy(SecretId="db", ResourcePolicy=policy("*"))
    assert not public["PolicyValidationPassed"]
    assert public["ValidationErrors"][0]["CheckName"] == "NO_PUBLIC_ACCESS"
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        sm.validate_resource_policy(ResourcePolicy="{}")


@pytest.mark.parametrize("operation", ["CreateSecret", "UpdateSecret", "PutSecretValue", "RotateSecret"])
def test_a_value_without_a_token_is_refused_before_all_else(cloud, operation):
    """SDKs make tokens; other clients have to, and members that the operation does not know are passed over."""
    asked = {"SecretString": "value", "Description": "text", "Name" if operation == "CreateSecret" else "SecretId": "s"}
    headers = {"x-amz-target": f"secretsmanager.{operation}", "content-type": "application/x-amz-json-1.1"}

    answer = cloud.answer(Request(method="POST", path="/", query="", headers=headers, body=json.dumps(asked).encode()))

    assert (answer.status, json.loads(answer.body)) == (
        400,
        {
            "__type": "InvalidParameterException" if operation == "RotateSecret" else "InvalidRequestException",
            "Message": "You must provide a ClientRequestToken value. We recommend a UUID-type value.",
        },
    )


def test_rotation_rules_do_not_hide_that_nothing_can_rotate(cloud):
    secrets = cloud.client("secretsmanager")
    secrets.create_secret(Name="s", SecretString="value")
    with pytest.raises(secrets.exceptions.InvalidRequestException, match="No Lambda rotation function ARN"):
        secrets.rotate_secret(SecretId="s", RotationRules={"AutomaticallyAfterDays": 1})
