import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def sm(cloud):
    return cloud.client("secretsmanager")


def code(error) -> str:
    return error.value.response["Error"]["Code"]


def test_a_secret_is_kept_sealed_and_given_back(sm, cloud):
    made = sm.create_secret(Name="db", SecretString='{"password": "hunter2"}', Tags=[{"Key": "a", "Value": "b"}])
    assert made["ARN"].startswith("arn:aws:secretsmanager:us-east-1:000000000000:secret:db-")
    for id in ("db", made["ARN"]):
        value = sm.get_secret_value(SecretId=id)
        assert (value["SecretString"], value["VersionStages"]) == ('{"password": "hunter2"}', ["AWSCURRENT"])
    assert "hunter2" not in "\n".join(cloud.db.iterdump())
    sm.create_secret(Name="key", SecretBinary=b"\x00\xff")
    assert sm.get_secret_value(SecretId="key")["SecretBinary"] == b"\x00\xff"
    assert [s["Name"] for s in sm.list_secrets()["SecretList"]] == ["db", "key"]
    with pytest.raises(ClientError) as error:
        sm.create_secret(Name="db", SecretString="x")
    assert code(error) == "ResourceExistsException"


def test_a_new_value_leaves_the_one_before_it_within_reach(sm):
    first = sm.create_secret(Name="db", SecretString="1", Description="d")["VersionId"]
    second = sm.put_secret_value(SecretId="db", SecretString="2")["VersionId"]
    third = sm.update_secret(SecretId="db", SecretString="3", Description="e")["VersionId"]
    assert sm.get_secret_value(SecretId="db")["SecretString"] == "3"
    assert sm.get_secret_value(SecretId="db", VersionStage="AWSPREVIOUS")["SecretString"] == "2"
    assert sm.get_secret_value(SecretId="db", VersionId=first)["SecretString"] == "1"
    described = sm.describe_secret(SecretId="db")
    assert described["VersionIdsToStages"] == {second: ["AWSPREVIOUS"], third: ["AWSCURRENT"]}
    assert described["Description"] == "e"
    with pytest.raises(ClientError) as error:
        sm.get_secret_value(SecretId="db", VersionStage="AWSPENDING")
    assert code(error) == "ResourceNotFoundException"


def test_the_same_request_twice_is_one_version(sm):
    token = "0" * 32
    sm.create_secret(Name="db", SecretString="1")
    for _ in range(2):
        assert sm.put_secret_value(SecretId="db", SecretString="2", ClientRequestToken=token)["VersionId"] == token
    assert len(sm.describe_secret(SecretId="db")["VersionIdsToStages"]) == 2


def test_a_value_is_one_thing(sm):
    sm.create_secret(Name="db")
    with pytest.raises(ClientError) as error:
        sm.put_secret_value(SecretId="db")
    assert code(error) == "InvalidRequestException"
    with pytest.raises(ClientError) as error:
        sm.put_secret_value(SecretId="db", SecretString="1", SecretBinary=b"1")
    assert code(error) == "InvalidParameterException"


def test_a_deleted_secret_can_be_restored_for_a_while(sm, cloud):
    sm.create_secret(Name="db", SecretString="1")
    sm.delete_secret(SecretId="db", RecoveryWindowInDays=7)
    with pytest.raises(ClientError, match="marked for deletion"):
        sm.get_secret_value(SecretId="db")
    assert sm.list_secrets()["SecretList"] == []
    assert len(sm.list_secrets(IncludePlannedDeletion=True)["SecretList"]) == 1
    sm.restore_secret(SecretId="db")
    assert sm.get_secret_value(SecretId="db")["SecretString"] == "1"
    sm.delete_secret(SecretId="db", ForceDeleteWithoutRecovery=True)
    with pytest.raises(ClientError) as error:
        sm.describe_secret(SecretId="db")
    assert code(error) == "ResourceNotFoundException"


def test_a_corrupted_one_is_named(sm, cloud):
    sm.create_secret(Name="db", SecretString="1")
    cloud.db.execute("UPDATE secret_version SET data = x'00'")
    with pytest.raises(ClientError, match=r"corrupted: secret arn:.*secret:db-"):
        sm.get_secret_value(SecretId="db")
