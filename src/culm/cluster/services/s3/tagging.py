"""Tags of objects."""

from dataclasses import replace
from typing import Any

from culm.cluster.services.s3.references import bucket_named, shown_version_id, version_named
from culm.cluster.store.s3 import objects
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record
from culm.errors import AwsError


@record
class ObjectInput:
    bucket: str
    key: str
    version_id: str | None = None
    expected_bucket_owner: str | None = None
    request_payer: Stored[str | None] = None


@operation("s3", "GetObjectTagging")
def get_object_tagging(call: Call, req: ObjectInput) -> dict[str, Any]:
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    version = version_named(call, req.bucket, req.key, req.version_id)
    return {
        "version_id": shown_version_id(bucket, version.version_id),
        "tag_set": [{"key": key, "value": value} for key, value in version.facts.tags.items()],
    }


@record
class Tag:
    key: str
    value: str


@record
class Tagging:
    tag_set: tuple[Tag, ...]


@record
class PutObjectTaggingInput:
    bucket: str
    key: str
    tagging: Tagging
    version_id: str | None = None
    expected_bucket_owner: str | None = None
    content_md5: Stored[str | None] = None
    checksum_algorithm: Stored[str | None] = None
    request_payer: Stored[str | None] = None


@operation("s3", "PutObjectTagging")
def put_object_tagging(call: Call, req: PutObjectTaggingInput) -> dict[str, Any]:
    """Replace an object's tags.

    Raises InvalidTag for a key that repeats or is AWS's own, and BadRequest for more than ten.
    """
    tags = {tag.key: tag.value for tag in req.tagging.tag_set}
    if len(tags) < len(req.tagging.tag_set):
        raise AwsError("InvalidTag", "Cannot provide multiple Tags with the same key")
    if any(key.startswith("aws:") for key in tags):
        raise AwsError("InvalidTag", "System tags cannot be added/updated by requester")
    if len(tags) > 10:
        raise AwsError("BadRequest", "Object tags cannot be greater than 10")
    return retag(call, req, tags)


@operation("s3", "DeleteObjectTagging")
def delete_object_tagging(call: Call, req: ObjectInput) -> dict[str, Any]:
    return retag(call, req, {})


def retag(call: Call, req: ObjectInput | PutObjectTaggingInput, tags: dict[str, str]) -> dict[str, Any]:
    """Give a version these tags in place of its own. Raises NoSuchKey."""
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    version = version_named(call, req.bucket, req.key, req.version_id)
    objects.save_facts(call.db, replace(version, facts=replace(version.facts, tags=tags)))
    return {"version_id": shown_version_id(bucket, version.version_id)}
