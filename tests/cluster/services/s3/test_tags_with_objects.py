"""Tags that come with the request that makes an object."""

import pytest
from botocore.exceptions import ClientError


def tags_of(s3, key):
    return {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket="vault", Key=key)["TagSet"]}


def test_an_object_is_put_with_its_tags(s3):
    s3.put_object(Bucket="vault", Key="a", Body=b"a", Tagging="kind=config&owner=a%20b&empty=")
    assert tags_of(s3, "a") == {"kind": "config", "owner": "a b", "empty": ""}
    assert s3.get_object(Bucket="vault", Key="a")["TagCount"] == 3


def test_a_copy_has_the_tags_of_its_source_or_those_given(s3):
    s3.put_object(Bucket="vault", Key="a", Body=b"a", Tagging="kind=config")
    s3.copy_object(Bucket="vault", Key="b", CopySource="vault/a")
    s3.copy_object(Bucket="vault", Key="c", CopySource="vault/a", TaggingDirective="REPLACE", Tagging="kind=other")
    assert tags_of(s3, "b") == {"kind": "config"}
    assert tags_of(s3, "c") == {"kind": "other"}


def test_an_object_in_parts_has_the_tags_of_its_upload(s3):
    upload = s3.create_multipart_upload(Bucket="vault", Key="a", Tagging="kind=large")["UploadId"]
    part = s3.upload_part(Bucket="vault", Key="a", UploadId=upload, PartNumber=1, Body=b"a")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket="vault", Key="a", UploadId=upload, MultipartUpload=parts)
    assert tags_of(s3, "a") == {"kind": "large"}


@pytest.mark.parametrize(("header", "code"), [("aws:kind=a", "InvalidTag"), ("no pairs", "InvalidArgument")])
def test_other_tags_are_refused_and_nothing_is_put(s3, header, code):
    with pytest.raises(ClientError) as problem:
        s3.put_object(Bucket="vault", Key="a", Body=b"a", Tagging=header)
    assert problem.value.response["Error"]["Code"] == code
    assert "Contents" not in s3.list_objects_v2(Bucket="vault")
