"""Access control lists as buckets have them since 2023: owned by the bucket's owner alone, and not to be changed.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

from typing import Any

from culm.cluster.services.s3.references import bucket_named, owner, version_named
from culm.cluster.services.s3.tagging import ObjectInput
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record
from culm.errors import AwsError

HARMLESS = ("private", "bucket-owner-full-control")
"""Lists that say what is so anyway."""


@record
class BucketAclInput:
    bucket: str
    expected_bucket_owner: str | None = None


@operation("s3", "GetBucketAcl")
def get_bucket_acl(call: Call, req: BucketAclInput) -> dict[str, Any]:
    """Return the owner's full control: it is all that a bucket has where ACLs are switched off."""
    bucket_named(call, req.bucket, req.expected_bucket_owner)
    return _of_owner(call)


@operation("s3", "GetObjectAcl")
def get_object_acl(call: Call, req: ObjectInput) -> dict[str, Any]:
    """Return the owner's full control. Raises NoSuchKey."""
    bucket_named(call, req.bucket, req.expected_bucket_owner)
    version_named(call, req.bucket, req.key, req.version_id)
    return _of_owner(call)


@record
class PutBucketAclInput:
    bucket: str
    acl: str | None = None
    expected_bucket_owner: str | None = None
    content_md5: Stored[str | None] = None
    checksum_algorithm: Stored[str | None] = None


@operation("s3", "PutBucketAcl")
def put_bucket_acl(call: Call, req: PutBucketAclInput) -> None:
    """Take an ACL that changes nothing. Raises AccessControlListNotSupported for any other."""
    bucket_named(call, req.bucket, req.expected_bucket_owner)
    _check(req.acl)


@record
class PutObjectAclInput(ObjectInput):
    acl: str | None = None
    content_md5: Stored[str | None] = None
    checksum_algorithm: Stored[str | None] = None


@operation("s3", "PutObjectAcl")
def put_object_acl(call: Call, req: PutObjectAclInput) -> None:
    """Take an ACL that changes nothing. Raises NoSuchKey, and AccessControlListNotSupported for any other."""
    bucket_named(call, req.bucket, req.expected_bucket_owner)
    version_named(call, req.bucket, req.key, req.version_id)
    _check(req.acl)


def _check(acl: str | None) -> None:
    if acl not in HARMLESS:
        raise AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs")


def _of_owner(call: Call) -> dict[str, Any]:
    return {
        "owner": owner(call),
        "grants": [{"grantee": {**owner(call), "type": "CanonicalUser"}, "permission": "FULL_CONTROL"}],
    }
