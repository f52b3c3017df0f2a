"""From names in requests to what they name, or S3's own errors."""

import re
from typing import Any

from culm.cluster.store.s3 import buckets, objects
from culm.cluster.store.s3.buckets import Bucket
from culm.cluster.store.s3.objects import ObjectVersion
from culm.cluster.store.sealing import Corrupted
from culm.cluster.wire.operations import Call
from culm.errors import AwsError

_BUCKET_NAME = re.compile(r"(?!.*\.\.)(?!xn--)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def check_bucket_name(name: str) -> None:
    """Raise AwsError for a name that S3 does not take.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    if not _BUCKET_NAME.fullmatch(name):
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", bucket_name=name)


def bucket_named(call: Call, name: str, owner: str | None) -> Bucket:
    """Return a bucket; `owner` is the account that the caller expects it to belong to."""
    bucket = buckets.find(call.db, name)
    if bucket is None:
        raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404, bucket_name=name)
    if owner is not None and owner != call.account:
        raise AwsError("AccessDenied", "Access Denied", 403)
    return bucket


def version_named(call: Call, bucket: str, key: str, version_id: str | None) -> ObjectVersion:
    """Return an object that can be read. https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html"""
    version = objects.find(call.db, bucket, key, version_id)
    if version is None and version_id is not None:
        raise AwsError("NoSuchVersion", "The specified version does not exist.", 404, key=key, version_id=version_id)
    if version is not None and version.delete_marker and version_id is not None:
        raise AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)
    if version is None or version.delete_marker:
        raise AwsError("NoSuchKey", "The specified key does not exist.", 404, key=key)
    return version


def corrupted(version: ObjectVersion, why: Corrupted) -> AwsError:
    """Return the error that says which object cannot be read from the disk, why, and what to do."""
    where = f"s3://{version.bucket}/{version.key}"
    which = "" if version.version_id == objects.NULL else f" (version {version.version_id})"
    message = f"The object {where}{which} is corrupted: {why}. Put it there again, or go back to an earlier version."
    return AwsError("InternalError", message, 500, key=version.key)


def new_version_id(call: Call, bucket: Bucket) -> str:
    """Return the id of a version that is made now: `null` where the bucket keeps no versions."""
    return call.new_id() if bucket.versioning == "Enabled" else objects.NULL


def shown_version_id(bucket: Bucket, version_id: str) -> str | None:
    """Return the version's id; None for a bucket that never had versioning, as it does not speak of versions."""
    return version_id if bucket.versioning else None


def owner(call: Call) -> dict[str, Any]:
    """Return the canonical user id of the cluster's one account."""
    return {"id": call.account.rjust(64, "0")}
