"""Buckets and their versioning."""

from dataclasses import replace
from typing import Any, Literal

from culm.cluster.services.s3.references import bucket_named, check_bucket_name, owner
from culm.cluster.store.s3 import buckets, uploads
from culm.cluster.store.s3.buckets import Bucket
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record
from culm.errors import AwsError


@record
class CreateBucketConfiguration:
    location_constraint: str | None = None


@record
class CreateBucketInput:
    bucket: str
    create_bucket_configuration: CreateBucketConfiguration = CreateBucketConfiguration()
    object_ownership: Stored[Literal["BucketOwnerEnforced"] | None] = None
    acl: Stored[Literal["private"] | None] = None


@operation("s3", "CreateBucket")
def create_bucket(call: Call, req: CreateBucketInput) -> dict[str, Any]:
    """Make a bucket; to make one's own again is an error, except, for history's sake, in us-east-1."""
    check_bucket_name(req.bucket)
    constraint = req.create_bucket_configuration.location_constraint
    if (constraint or "us-east-1") != call.region:
        raise AwsError(
            "IllegalLocationConstraintException",
            f"The {constraint or 'unspecified'} location constraint is incompatible for the region specific endpoint "
            "this request was sent to.",
        )
    region = call.region
    if buckets.find(call.db, req.bucket) is None:
        buckets.save(call.db, Bucket(name=req.bucket, region=region, created_at=call.now))
    elif region != "us-east-1":
        message = "Your previous request to create the named bucket succeeded and you already own it."
        raise AwsError("BucketAlreadyOwnedByYou", message, 409, bucket_name=req.bucket)
    return {"location": f"/{req.bucket}"}


@record
class BucketInput:
    bucket: str
    expected_bucket_owner: str | None = None


@operation("s3", "HeadBucket")
def head_bucket(call: Call, req: BucketInput) -> dict[str, Any]:
    """Return a bucket's region. Raises NoSuchBucket."""
    return {"bucket_region": bucket_named(call, req.bucket, req.expected_bucket_owner).region}


@operation("s3", "GetBucketLocation")
def get_bucket_location(call: Call, req: BucketInput) -> dict[str, Any]:
    """Return a bucket's region; those of us-east-1 have none."""
    region = bucket_named(call, req.bucket, req.expected_bucket_owner).region
    return {"location_constraint": None if region == "us-east-1" else region}


@operation("s3", "DeleteBucket")
def delete_bucket(call: Call, req: BucketInput) -> None:
    """Delete a bucket with the uploads that were not completed.

    Objects, versions and delete markers must have gone before.
    """
    bucket_named(call, req.bucket, req.expected_bucket_owner)
    if not buckets.is_empty(call.db, req.bucket):
        raise AwsError("BucketNotEmpty", "The bucket you tried to delete is not empty", 409, bucket_name=req.bucket)
    while left := uploads.list_of_bucket(call.db, req.bucket, "", ("", ""), limit=1000):
        for upload in left:
            uploads.delete(call.db, upload.upload_id)
    buckets.delete(call.db, req.bucket)


@record
class ListBucketsInput:
    prefix: str = ""
    bucket_region: str | None = None


@operation("s3", "ListBuckets")
def list_buckets(call: Call, req: ListBucketsInput) -> dict[str, Any]:
    shown = [
        {"name": bucket.name, "creation_date": bucket.created_at, "bucket_region": bucket.region}
        for bucket in buckets.list_all(call.db)
        if bucket.name.startswith(req.prefix) and req.bucket_region in (None, bucket.region)
    ]
    return {"buckets": shown, "owner": owner(call), "prefix": req.prefix or None}


@operation("s3", "GetBucketVersioning")
def get_bucket_versioning(call: Call, req: BucketInput) -> dict[str, Any]:
    """Return whether versions are kept; None when that was never said."""
    return {"status": bucket_named(call, req.bucket, req.expected_bucket_owner).versioning}


@record
class VersioningConfiguration:
    status: Literal["Enabled", "Suspended"]


@record
class PutBucketVersioningInput:
    bucket: str
    versioning_configuration: VersioningConfiguration
    expected_bucket_owner: str | None = None
    content_md5: Stored[str | None] = None
    checksum_algorithm: Stored[str | None] = None


@operation("s3", "PutBucketVersioning")
def put_bucket_versioning(call: Call, req: PutBucketVersioningInput) -> None:
    """Say whether versions are kept; those that are there stay."""
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    buckets.save(call.db, replace(bucket, versioning=req.versioning_configuration.status))
