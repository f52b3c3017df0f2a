import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def s3(s3):
    s3.put_object(Bucket="vault", Key="a b+c", Body=b"hello", ContentType="text/plain", Metadata={"who": "me"})
    return s3


def copy(s3, key="copy", source="vault/a b+c", **more):
    if isinstance(source, str) and "?" not in source:
        bucket, _, name = source.partition("/")
        source = {"Bucket": bucket, "Key": name}
    return s3.copy_object(Bucket="vault", Key=key, CopySource=source, **more)


def test_a_copy_has_the_bytes_and_what_was_said_about_them(s3):
    copy(s3)
    s3.delete_object(Bucket="vault", Key="a b+c")

    got = s3.get_object(Bucket="vault", Key="copy")
    assert got["Body"].read() == b"hello"
    assert (got["ContentType"], got["Metadata"]) == ("text/plain", {"who": "me"})


def test_a_copy_may_say_something_else(s3):
    copy(s3, MetadataDirective="REPLACE", Metadata={"who": "you"}, StorageClass="GLACIER_IR")

    seen = s3.head_object(Bucket="vault", Key="copy")
    assert (seen["Metadata"], seen["StorageClass"]) == ({"who": "you"}, "GLACIER_IR")


def test_a_copy_onto_itself_must_change_something(s3):
    with pytest.raises(ClientError, match=r"InvalidRequest.*copy an object to itself"):
        copy(s3, key="a b+c")
    copy(s3, key="a b+c", MetadataDirective="REPLACE", Metadata={})
    assert s3.get_object(Bucket="vault", Key="a b+c")["Body"].read() == b"hello"


def test_a_version_is_copied(s3):
    s3.put_bucket_versioning(Bucket="vault", VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket="vault", Key="v", Body=b"old")["VersionId"]
    s3.put_object(Bucket="vault", Key="v", Body=b"new")

    done = copy(s3, source=f"vault/v?versionId={old}")

    assert done["CopySourceVersionId"] == old
    assert s3.get_object(Bucket="vault", Key="copy")["Body"].read() == b"old"


def test_a_source_must_be_there_and_named_whole(s3):
    with pytest.raises(ClientError, match="NoSuchKey"):
        copy(s3, source="vault/nothing")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        copy(s3, source="other/a")
    with pytest.raises(ClientError, match=r"InvalidArgument.*Copy Source"):
        s3.copy_object(Bucket="vault", Key="copy", CopySource="vault")


def test_a_copy_may_depend_on_its_source(s3):
    copy(s3, CopySourceIfNoneMatch='"other"')
    with pytest.raises(ClientError, match="PreconditionFailed"):
        copy(s3, CopySourceIfMatch='"other"')
    with pytest.raises(ClientError, match="PreconditionFailed"):
        copy(s3, CopySourceIfNoneMatch='"5d41402abc4b2a76b9719d911017c592"')
