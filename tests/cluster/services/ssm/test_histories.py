import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def ssm(cloud):
    return cloud.client("ssm")


def put(ssm, name, *values, **settings):
    for value in values:
        ssm.put_parameter(
            Name=name, Value=value, Type="String", Overwrite=True, Description=f"it is {value}", **settings
        )


def test_a_history_has_every_version_as_it_was(ssm):
    put(ssm, "/stg/a", "1", "2")

    one, two = ssm.get_parameter_history(Name="/stg/a")["Parameters"]
    assert [(v["Version"], v["Value"], v["Description"]) for v in (one, two)] == [
        (1, "1", "it is 1"),
        (2, "2", "it is 2"),
    ]
    assert two["LastModifiedUser"] == "arn:aws:iam::000000000000:root"
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter_history(Name="/stg/b")


def test_secure_strings_are_hidden_in_histories_too(ssm):
    ssm.put_parameter(Name="key", Value="hunter2", Type="SecureString")

    assert ssm.get_parameter_history(Name="key")["Parameters"][0]["Value"] != "hunter2"
    assert ssm.get_parameter_history(Name="key", WithDecryption=True)["Parameters"][0]["Value"] == "hunter2"


def test_a_label_points_to_one_version_and_moves(ssm):
    put(ssm, "/stg/a", "1", "2", "3")
    ssm.label_parameter_version(Name="/stg/a", ParameterVersion=1, Labels=["live", "old"])
    moved = ssm.label_parameter_version(Name="/stg/a", Labels=["live", "9", "aws.x"])

    assert (moved["ParameterVersion"], moved["InvalidLabels"]) == (3, ["9", "aws.x"])
    assert [v["Labels"] for v in ssm.get_parameter_history(Name="/stg/a")["Parameters"]] == [["old"], [], ["live"]]
    found = ssm.get_parameter(Name="/stg/a:old")["Parameter"]
    assert (found["Value"], found["Selector"], found["Name"]) == ("1", ":old", "/stg/a")
    gone = ssm.unlabel_parameter_version(Name="/stg/a", ParameterVersion=1, Labels=["old", "live"])
    assert (gone["RemovedLabels"], gone["InvalidLabels"]) == (["old"], ["live"])
    for missing in "/stg/a:old", "/stg/a:9":
        with pytest.raises(ssm.exceptions.ParameterVersionNotFound):
            ssm.get_parameter(Name=missing)
    assert ssm.get_parameters(Names=["/stg/a:9"])["InvalidParameters"] == ["/stg/a:9"]


def test_a_version_has_ten_labels_at_most(ssm):
    put(ssm, "a", "1")
    ssm.label_parameter_version(Name="a", Labels=[f"l{number}" for number in range(10)])
    with pytest.raises(ssm.exceptions.ParameterVersionLabelLimitExceeded):
        ssm.label_parameter_version(Name="a", Labels=["another"])
    with pytest.raises(ssm.exceptions.ParameterVersionNotFound, match="could not find version 7 of a"):
        ssm.label_parameter_version(Name="a", ParameterVersion=7, Labels=["x"])


def test_the_oldest_of_a_hundred_versions_goes_unless_it_has_a_label(ssm):
    put(ssm, "a", *map(str, range(101)))
    versions = [
        version["Version"]
        for page in ssm.get_paginator("get_parameter_history").paginate(Name="a")
        for version in page["Parameters"]
    ]
    assert (versions[0], len(versions)) == (2, 100)
    ssm.label_parameter_version(Name="a", ParameterVersion=2, Labels=["keep"])
    with pytest.raises(ssm.exceptions.ParameterMaxVersionLimitExceeded):
        put(ssm, "a", "more")


def test_a_label_chooses_below_a_path(ssm):
    put(ssm, "/stg/a", "1", "2")
    put(ssm, "/stg/b", "1")
    ssm.label_parameter_version(Name="/stg/a", ParameterVersion=1, Labels=["live"])

    labelled = [{"Key": "Label", "Values": ["live"]}]
    [found] = ssm.get_parameters_by_path(Path="/stg", ParameterFilters=labelled)["Parameters"]
    assert (found["Name"], found["Value"]) == ("/stg/a", "1")
    with pytest.raises(ClientError, match=r"InvalidFilterKey.*Valid filter keys include: \[Type, KeyId, Label\]"):
        ssm.get_parameters_by_path(Path="/stg", ParameterFilters=[{"Key": "Name", "Values": ["a"]}])
