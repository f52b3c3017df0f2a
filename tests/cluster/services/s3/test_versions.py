import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def s3(s3):
    """With versions kept."""
    s3.put_bucket_versioning(Bucket="vault", VersioningConfiguration={"Status": "Enabled"})
    return s3


def put(s3, body, key="a"):
    return s3.put_object(Bucket="vault", Key=key, Body=body)["VersionId"]


def read(s3, **more):
    return s3.get_object(Bucket="vault", Key="a", **more)["Body"].read()


def versions(s3, **more):
    return s3.list_object_versions(Bucket="vault", **more)


def test_versioning_is_off_until_it_is_put_on(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="plain")

    assert "Status" not in client.get_bucket_versioning(Bucket="plain")
    client.put_bucket_versioning(Bucket="plain", VersioningConfiguration={"Status": "Suspended"})
    assert client.get_bucket_versioning(Bucket="plain")["Status"] == "Suspended"


def test_every_put_is_kept(s3):
    first, second = put(s3, b"1"), put(s3, b"2")

    assert read(s3) == b"2"
    assert read(s3, VersionId=first) == b"1"
    seen = versions(s3)["Versions"]
    assert [(each["VersionId"], each["IsLatest"]) for each in seen] == [(second, True), (first, False)]
    with pytest.raises(ClientError, match="NoSuchVersion"):
        read(s3, VersionId="nothing")


def test_a_delete_hides_and_its_marker_can_be_deleted(s3):
    put(s3, b"1")

    marker = s3.delete_object(Bucket="vault", Key="a")
    assert marker["DeleteMarker"] is True
    with pytest.raises(s3.exceptions.NoSuchKey):
        read(s3)
    with pytest.raises(ClientError, match="MethodNotAllowed"):
        read(s3, VersionId=marker["VersionId"])
    assert s3.list_objects_v2(Bucket="vault")["KeyCount"] == 0
    assert [each["VersionId"] for each in versions(s3)["DeleteMarkers"]] == [marker["VersionId"]]

    gone = s3.delete_object(Bucket="vault", Key="a", VersionId=marker["VersionId"])
    assert gone["DeleteMarker"] is True
    assert read(s3) == b"1"


def test_deleting_the_latest_version_brings_back_the_one_before(s3):
    put(s3, b"1")
    second = put(s3, b"2")

    s3.delete_object(Bucket="vault", Key="a", VersionId=second)

    assert read(s3) == b"1"
    assert [each["IsLatest"] for each in versions(s3)["Versions"]] == [True]


def test_while_suspended_the_null_version_is_replaced_and_the_others_stay(s3):
    first = put(s3, b"1")
    s3.put_bucket_versioning(Bucket="vault", VersioningConfiguration={"Status": "Suspended"})

    assert put(s3, b"2") == put(s3, b"3") == "null"
    assert [each["VersionId"] for each in versions(s3)["Versions"]] == ["null", first]
    assert s3.delete_object(Bucket="vault", Key="a")["VersionId"] == "null"
    assert [each["VersionId"] for each in versions(s3)["Versions"]] == [first]


def test_a_bucket_with_old_versions_is_not_empty(s3):
    put(s3, b"1")
    s3.delete_object(Bucket="vault", Key="a")

    with pytest.raises(ClientError, match="BucketNotEmpty"):
        s3.delete_bucket(Bucket="vault")


def test_several_objects_are_deleted_at_once(s3):
    kept = put(s3, b"1")
    put(s3, b"2", key="b")
    wanted = [{"Key": "a"}, {"Key": "b", "ETag": "wrong"}, {"Key": "nothing", "VersionId": "x"}]

    done = s3.delete_objects(Bucket="vault", Delete={"Objects": wanted})

    assert [(each["Key"], each.get("DeleteMarker")) for each in done["Deleted"]] == [("a", True), ("nothing", None)]
    assert [(each["Key"], each["Code"]) for each in done["Errors"]] == [("b", "PreconditionFailed")]
    quiet = s3.delete_objects(Bucket="vault", Delete={"Objects": [{"Key": "a", "VersionId": kept}], "Quiet": True})
    assert "Deleted" not in quiet
    with pytest.raises(ClientError, match="MalformedXML"):
        s3.delete_objects(Bucket="vault", Delete={"Objects": [{"Key": str(number)} for number in range(1001)]})


def test_versions_are_listed_in_pages(s3):
    ids = [put(s3, str(number).encode(), key=key) for key in ("a", "b/1", "b/2") for number in range(3)]

    pages = s3.get_paginator("list_object_versions").paginate(Bucket="vault", PaginationConfig={"PageSize": 2})
    seen = [each["VersionId"] for page in pages for each in page.get("Versions", [])]
    folded = versions(s3, Delimiter="/", MaxKeys=3)
    rest = versions(s3, Delimiter="/", KeyMarker=folded["NextKeyMarker"], VersionIdMarker=folded["NextVersionIdMarker"])

    assert sorted(seen) == sorted(ids)
    assert len(seen) == 9
    assert [each["Key"] for each in folded["Versions"]] == ["a"] * 3
    assert [each["Prefix"] for each in rest["CommonPrefixes"]] == ["b/"]
    assert [each["Key"] for each in versions(s3, KeyMarker="a")["Versions"]] == ["b/1"] * 3 + ["b/2"] * 3
    with pytest.raises(ClientError, match="InvalidArgument"):
        versions(s3, KeyMarker="a", VersionIdMarker="nothing")
