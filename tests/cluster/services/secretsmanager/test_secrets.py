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


@pytest.mark.parametrize("name", ["Inv Name", "a*", "a?", "a]"])
def test_a_name_has_no_other_characters(sm, name):
    for call in (
        lambda: sm.create_secret(Name=name, SecretString="1"),
        lambda: sm.get_secret_value(SecretId=name),
        lambda: sm.delete_secret(SecretId=name),
    ):
        with pytest.raises(ClientError, match=r"ValidationException.*Invalid name"):
            call()


def test_an_arn_is_known_without_its_end(sm):
    arn = sm.create_secret(Name="stg/db-main", SecretString="1")["ARN"]
    assert sm.get_secret_value(SecretId=arn[:-7])["Name"] == "stg/db-main"


def test_tags_are_kept_added_and_removed(sm):
    sm.create_secret(Name="db")
    assert "Tags" not in sm.describe_secret(SecretId="db")
    sm.tag_resource(SecretId="db", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    sm.untag_resource(SecretId="db", TagKeys=["a"])
    assert sm.describe_secret(SecretId="db")["Tags"] == [{"Key": "b", "Value": "2"}]
    sm.untag_resource(SecretId="db", TagKeys=["b"])
    assert sm.describe_secret(SecretId="db")["Tags"] == []
    sm.delete_secret(SecretId="db")
    with pytest.raises(ClientError, match="marked for deletion"):
        sm.tag_resource(SecretId="db", Tags=[{"Key": "a", "Value": "1"}])


def test_secrets_are_found_by_filters_and_sorted(sm, cloud):
    for name, description in (("stg/a", "a secret"), ("prd/b", "an secret"), ("stg/c", "thesecret")):
        sm.create_secret(Name=name, Description=description, Tags=[{"Key": f"team-{name[-1]}", "Value": "red"}])
        cloud.clock.advance(1)

    def found(key, *values, **settings):
        listed = sm.list_secrets(Filters=[{"Key": key, "Values": [*values]}], **settings)["SecretList"]
        return [each["Name"] for each in listed]

    assert found("name", "stg/") == ["stg/a", "stg/c"]
    assert found("name", "!stg/") == ["prd/b"]
    assert found("description", "A SECRET") == ["stg/a", "prd/b"]
    assert found("description", "sec", "the") == ["stg/a", "prd/b", "stg/c"]
    assert found("tag-key", "team-c") == ["stg/c"]
    assert found("tag-value", "red", SortOrder="desc") == ["stg/c", "prd/b", "stg/a"]
    assert found("all", "prd") == ["prd/b"]
    assert found("all", "secret", SortBy="name") == ["prd/b", "stg/a"]
    with pytest.raises(ClientError, match=r"culm does not support Filters\[0\].Key = primary-region"):
        found("primary-region", "us-east-1")


def test_a_deletion_is_asked_for_in_one_way(sm, cloud):
    sm.create_secret(Name="db", SecretString="1")
    with pytest.raises(ClientError, match=r"ForceDeleteWithoutRecovery in conjunction"):
        sm.delete_secret(SecretId="db", ForceDeleteWithoutRecovery=True, RecoveryWindowInDays=7)
    with pytest.raises(ClientError, match=r"between 7 and 30 days"):
        sm.delete_secret(SecretId="db", RecoveryWindowInDays=6)
    with pytest.raises(sm.exceptions.ResourceNotFoundException):
        sm.delete_secret(SecretId="nothing")
    assert sm.delete_secret(SecretId="nothing", ForceDeleteWithoutRecovery=True)["Name"] == "nothing"
    sm.delete_secret(SecretId="db", RecoveryWindowInDays=7)
    with pytest.raises(ClientError, match=r"already scheduled for deletion"):
        sm.create_secret(Name="db", SecretString="2")
    cloud.clock.advance(7 * 86400)
    sm.create_secret(Name="db", SecretString="2")
    assert sm.get_secret_value(SecretId="db")["SecretString"] == "2"


def test_a_password_has_the_characters_that_are_asked_for(sm):
    plain = sm.get_random_password()["RandomPassword"]
    assert len(plain) == 32
    assert any(c.islower() for c in plain)
    assert any(c.isupper() for c in plain)
    assert any(c.isdigit() for c in plain)
    assert any(not c.isalnum() for c in plain)
    digits = {"ExcludeLowercase": True, "ExcludeUppercase": True, "ExcludePunctuation": True}
    assert set(sm.get_random_password(PasswordLength=200, ExcludeCharacters="12", **digits)["RandomPassword"]) <= set(
        "03456789"
    )
    assert " " in sm.get_random_password(IncludeSpace=True)["RandomPassword"]
    with pytest.raises(ClientError, match=r"too short based on the required types"):
        sm.get_random_password(PasswordLength=3)
    with pytest.raises(ClientError, match=r"no character left"):
        sm.get_random_password(ExcludeNumbers=True, **digits)


def test_replicas_are_refused_by_name(sm):
    with pytest.raises(ClientError, match="culm does not support AddReplicaRegions"):
        sm.create_secret(Name="other", AddReplicaRegions=[{"Region": "eu-west-1"}])
