"""Access control lists, which are what they are."""

import pytest
from botocore.exceptions import ClientError


def test_everything_is_its_owner_s(s3):
    s3.put_object(Bucket="vault", Key="a", Body=b"1")
    for told in (s3.get_bucket_acl(Bucket="vault"), s3.get_object_acl(Bucket="vault", Key="a")):
        [grant] = told["Grants"]
        assert grant == {"Grantee": {**told["Owner"], "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}


def test_what_is_so_anyway_may_be_said_and_nothing_else(s3):
    s3.put_object(Bucket="vault", Key="a", Body=b"1")
    s3.put_object_acl(Bucket="vault", Key="a", ACL="bucket-owner-full-control")
    s3.put_bucket_acl(Bucket="vault", ACL="private")
    for refused in (
        lambda: s3.put_object_acl(Bucket="vault", Key="a", ACL="public-read"),
        lambda: s3.put_bucket_acl(Bucket="vault", ACL="public-read"),
    ):
        with pytest.raises(ClientError, match="The bucket does not allow ACLs") as error:
            refused()
        assert error.value.response["Error"]["Code"] == "AccessControlListNotSupported"
