import json

import pytest
from botocore.exceptions import ClientError

from culm.core.model.agent import RoleCredentials


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


def test_a_name_is_a_path_of_its_own(ssm):
    for name, problem in (
        ("awsome", "AccessDeniedException"),
        ("/aws/x", "AccessDeniedException"),
        ("ssm-x", "sub-paths divided by slash symbol"),
        ("a b", "sub-paths divided by slash symbol"),
        ("a//b", "sub-paths divided by slash symbol"),
        ("a/b", "must be a fully qualified name"),
        ("/a" * 16, "HierarchyLevelLimitExceededException"),
    ):
        with pytest.raises(ClientError, match=problem):
            ssm.put_parameter(Name=name, Value="1", Type="String")
    with pytest.raises(ClientError, match=r"ValidationException.*sub-paths divided by slash symbol"):
        ssm.get_parameter(Name="/a//b")
    with pytest.raises(ClientError, match=r"ValidationException.*must begin with a forward slash"):
        ssm.get_parameters_by_path(Path="a")


@pytest.mark.parametrize("name", ["/a", "a"])
def test_a_slash_in_front_makes_no_other_parameter(ssm, name):
    ssm.put_parameter(Name=name, Value="1", Type="String")
    for spelling in "/a", "a":
        assert ssm.get_parameter(Name=spelling)["Parameter"]["Name"] == spelling
        with pytest.raises(ssm.exceptions.ParameterAlreadyExists):
            ssm.put_parameter(Name=spelling, Value="2", Type="String")
    ssm.delete_parameter(Name="a")


def test_a_value_fits_its_pattern_and_its_tier(ssm):
    ssm.put_parameter(Name="port", Value="8080", Type="String", AllowedPattern=r"^\d+$")
    with pytest.raises(ssm.exceptions.ParameterPatternMismatchException):
        ssm.put_parameter(Name="port", Value="http", Overwrite=True)
    with pytest.raises(ssm.exceptions.InvalidAllowedPatternException):
        ssm.put_parameter(Name="x", Value="http", Type="String", AllowedPattern="(")
    with pytest.raises(ClientError, match=r"ValidationException.*Standard tier.*4096 characters"):
        ssm.put_parameter(Name="long", Value="x" * 4097, Type="String")
    put = ssm.put_parameter(Name="long", Value="x" * 4097, Type="String", Tier="Intelligent-Tiering")
    assert put["Tier"] == "Advanced"
    assert ssm.put_parameter(Name="long", Value="x", Overwrite=True)["Tier"] == "Advanced"
    with pytest.raises(ClientError, match=r"Advanced tier.*8192"):
        ssm.put_parameter(Name="long", Value="x" * 8193, Overwrite=True)


def test_tags_are_kept_added_and_removed(ssm):
    tag = {"Key": "a", "Value": "1"}
    ssm.put_parameter(Name="/stg/x", Value="1", Type="String", Tags=[tag])
    this = {"ResourceType": "Parameter", "ResourceId": "/stg/x"}
    ssm.add_tags_to_resource(**this, Tags=[{"Key": "b", "Value": "2"}])
    ssm.put_parameter(Name="/stg/x", Value="2", Overwrite=True)
    assert ssm.list_tags_for_resource(**this)["TagList"] == [tag, {"Key": "b", "Value": "2"}]
    ssm.remove_tags_from_resource(**this, TagKeys=["a"])
    assert [each["Key"] for each in ssm.list_tags_for_resource(**this)["TagList"]] == ["b"]
    with pytest.raises(ClientError, match=r"ValidationException.*tags and overwrite can't be used together"):
        ssm.put_parameter(Name="/stg/x", Value="3", Overwrite=True, Tags=[tag])
    with pytest.raises(ssm.exceptions.InvalidResourceId):
        ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="nothing")


def test_parameters_are_described_by_filters(ssm):
    ssm.put_parameter(Name="/stg/a", Value="1", Type="String", Tags=[{"Key": "team", "Value": "red"}])
    ssm.put_parameter(Name="/stg/deep/b", Value="1", Type="SecureString")
    ssm.put_parameter(Name="c", Value="1", Type="StringList", Tier="Advanced")

    def found(key, *values, **option):
        filters = [{"Key": key, **({"Values": [*values]} if values else {}), **option}]
        return [each["Name"] for each in ssm.describe_parameters(ParameterFilters=filters)["Parameters"]]

    assert found("Name", "stg/a") == ["/stg/a"]
    assert found("Name", "/stg", Option="BeginsWith") == ["/stg/a", "/stg/deep/b"]
    assert found("Name", "deep", Option="Contains") == ["/stg/deep/b"]
    assert found("Path", "/stg") == ["/stg/a"]
    assert found("Path", "/stg", Option="Recursive") == ["/stg/a", "/stg/deep/b"]
    assert found("Type", "StringList", "String") == ["/stg/a", "c"]
    assert found("KeyId", "alias/aws/ssm") == ["/stg/deep/b"]
    assert found("Tier", "Advanced") == ["c"]
    assert found("DataType", "text") == ["/stg/a", "/stg/deep/b", "c"]
    assert found("tag:team", "red") == ["/stg/a"]
    assert found("tag:team") == ["/stg/a"]
    assert found("Label", "none") == []
    older = ssm.describe_parameters(Filters=[{"Key": "Name", "Values": ["/stg"]}])["Parameters"]
    assert [each["Name"] for each in older] == ["/stg/a", "/stg/deep/b"]
    for filters, problem in (
        ({"Key": "Colour", "Values": ["red"]}, "InvalidFilterKey"),
        ({"Key": "Name", "Values": ["a"], "Option": "Recursive"}, "InvalidFilterOption"),
    ):
        with pytest.raises(ClientError, match=problem):
            ssm.describe_parameters(ParameterFilters=[filters])


def test_pages_are_amazons_ten(ssm):
    for number in range(11):
        ssm.put_parameter(Name=f"/stg/{number}", Value="1", Type="String")
    assert len(ssm.describe_parameters()["Parameters"]) == 10
    assert len(ssm.get_parameters_by_path(Path="/stg")["Parameters"]) == 10
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/stg")
    assert sum(len(page["Parameters"]) for page in pages) == 11


def test_several_are_deleted_at_once(ssm):
    ssm.put_parameter(Name="a", Value="1", Type="String")
    gone = ssm.delete_parameters(Names=["a", "b"])
    assert (gone["DeletedParameters"], gone["InvalidParameters"]) == (["a"], ["b"])


def test_a_secret_is_read_as_a_parameter(ssm, cloud):
    secret = cloud.client("secretsmanager").create_secret(Name="stg/db", SecretString="hunter2")
    named = "/aws/reference/secretsmanager/stg/db"

    got = ssm.get_parameter(Name=named, WithDecryption=True)["Parameter"]
    assert (got["Name"], got["Value"], got["Type"]) == (named, "hunter2", "SecureString")
    assert json.loads(got["SourceResult"])["ARN"] == secret["ARN"]
    assert ssm.get_parameter(Name=f"{named}:AWSCURRENT", WithDecryption=True)["Parameter"]["Value"] == "hunter2"
    several = ssm.get_parameters(Names=[named, f"{named}-none"], WithDecryption=True)
    assert [p["Value"] for p in several["Parameters"]] == ["hunter2"]
    assert several["InvalidParameters"] == [f"{named}-none"]
    with pytest.raises(ClientError, match=r"ValidationException.*WithDecryption flag must be True"):
        ssm.get_parameter(Name=named)
    with pytest.raises(ClientError, match=r"ParameterNotFound.*Secret .*stg/db-none not found"):
        ssm.get_parameter(Name=f"{named}-none", WithDecryption=True)


def test_a_secret_is_read_as_a_parameter_by_those_alone_who_may_read_the_secret(cloud):
    cloud.client("secretsmanager").create_secret(Name="db", SecretString="hunter2")
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]["Arn"]
    got = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="eve")["Credentials"]
    keys = RoleCredentials(
        credentials_id="",
        role_arn=arn,
        access_key_id=got["AccessKeyId"],
        secret_access_key=got["SecretAccessKey"],
        session_token=got["SessionToken"],
        expiration=0.0,
    )
    asked = {"Name": "/aws/reference/secretsmanager/db", "WithDecryption": True}

    def may(*actions):
        statement = {"Effect": "Allow", "Action": [*actions], "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=document)

    may("ssm:*")
    with pytest.raises(ClientError, match=r"AccessDeniedException.*secretsmanager:GetSecretValue"):
        cloud.client("ssm", keys=keys).get_parameter(**asked)
    may("ssm:*", "secretsmanager:GetSecretValue")
    assert cloud.client("ssm", keys=keys).get_parameter(**asked)["Parameter"]["Value"] == "hunter2"


@pytest.mark.parametrize(
    "name",
    [
        "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id",
        "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id",
        "/aws/service/ecs/optimized-ami/amazon-linux-2/gpu/recommended/image_id",
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
    ],
)
def test_images_of_ecs_instances_are_public_parameters(ssm, name):
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"].startswith("ami-")
    whole = ssm.get_parameter(Name="/aws/service/ecs/optimized-ami/amazon-linux-2/recommended")["Parameter"]
    assert json.loads(whole["Value"])["image_id"].startswith("ami-")
    for unknown in ("/aws/service/ecs/optimized-ami/amazon-linux-2/recommended/colour", "/aws/service/else"):
        with pytest.raises(ClientError, match="ParameterNotFound"):
            ssm.get_parameter(Name=unknown)


def test_there_are_no_maintenance_windows(ssm):
    with pytest.raises(ClientError, match=r"DoesNotExistException.*Maintenance window mw-0123456789abcdef0 does not"):
        ssm.get_maintenance_window(WindowId="mw-0123456789abcdef0")
