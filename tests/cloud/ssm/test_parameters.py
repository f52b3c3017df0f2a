import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def ssm(cloud):
    return cloud.client("ssm")


def code(error) -> str:
    return error.value.response["Error"]["Code"]


def test_a_secure_string_is_shown_only_on_demand(ssm, cloud):
    assert ssm.put_parameter(Name="/stg/web/key", Value="hunter2", Type="SecureString")["Version"] == 1

    hidden = ssm.get_parameter(Name="/stg/web/key")["Parameter"]
    shown = ssm.get_parameter(Name="/stg/web/key", WithDecryption=True)["Parameter"]
    assert "hunter2" not in hidden["Value"]
    assert (shown["Value"], shown["Type"], shown["Version"]) == ("hunter2", "SecureString", 1)
    assert shown["ARN"] == "arn:aws:ssm:us-east-1:000000000000:parameter/stg/web/key"
    assert shown["LastModifiedDate"].timestamp() == cloud.now
    assert "hunter2" not in "\n".join(cloud.db.iterdump())


def test_a_value_is_replaced_only_when_told_and_its_versions_stay(ssm):
    ssm.put_parameter(Name="a", Value="1", Type="String", Description="one")
    with pytest.raises(ClientError) as error:
        ssm.put_parameter(Name="a", Value="2", Type="String")
    assert code(error) == "ParameterAlreadyExists"
    assert ssm.put_parameter(Name="a", Value="2", Overwrite=True)["Version"] == 2
    assert ssm.get_parameter(Name="a")["Parameter"]["Value"] == "2"
    assert ssm.get_parameter(Name="a:1")["Parameter"]["Value"] == "1"
    assert ssm.describe_parameters()["Parameters"][0]["Description"] == "one"
    with pytest.raises(ClientError) as error:
        ssm.put_parameter(Name="b", Value="1")
    assert code(error) == "ValidationException"


def test_several_are_had_by_name_and_by_path(ssm):
    for name in ("/stg/a", "/stg/deep/b", "/prd/a"):
        ssm.put_parameter(Name=name, Value=name, Type="String")
    answer = ssm.get_parameters(Names=["/stg/a", "/nowhere", "arn:aws:ssm:us-east-1:000000000000:parameter/prd/a"])
    assert [p["Name"] for p in answer["Parameters"]] == ["/stg/a", "/prd/a"]
    assert answer["InvalidParameters"] == ["/nowhere"]
    assert [p["Name"] for p in ssm.get_parameters_by_path(Path="/stg")["Parameters"]] == ["/stg/a"]
    found = ssm.get_parameters_by_path(Path="/stg/", Recursive=True)["Parameters"]
    assert [p["Name"] for p in found] == ["/stg/a", "/stg/deep/b"]


def test_one_that_is_gone_is_gone(ssm):
    ssm.put_parameter(Name="a", Value="1", Type="String")
    ssm.delete_parameter(Name="a")
    for call in (ssm.get_parameter, ssm.delete_parameter):
        with pytest.raises(ClientError) as error:
            call(Name="a")
        assert code(error) == "ParameterNotFound"


def test_a_corrupted_one_is_named(ssm, cloud):
    ssm.put_parameter(Name="a", Value="1", Type="SecureString")
    cloud.db.execute("UPDATE ssm_parameter_version SET data = x'00'")
    with pytest.raises(ClientError, match="corrupted: parameter a, version 1"):
        ssm.get_parameter(Name="a", WithDecryption=True)
