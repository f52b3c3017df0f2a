"""Tags of objects."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

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
    """Replace an object's tags. Raises InvalidTag, and BadRequest for more than ten."""
    return retag(call, req, checked(req.tagging, "Object", 10))


def checked(tagging: Tagging, what: str, most: int) -> dict[str, str]:
    """Return tags by their keys.

    Raises InvalidTag for a key that repeats or is AWS's own, and BadRequest for too many.
    """
    tags = {tag.key: tag.value for tag in tagging.tag_set}
    if len(tags) < len(tagging.tag_set):
        raise AwsError("InvalidTag", "Cannot provide multiple Tags with the same key")
    if any(key.startswith("aws:") for key in tags):
        raise AwsError("InvalidTag", "System tags cannot be added/updated by requester")
    if len(tags) > most:
        raise AwsError("BadRequest", f"{what} tags cannot be greater than {most}")
    return tags


@operation("s3", "DeleteObjectTagging")
def delete_object_tagging(call: Call, req: ObjectInput) -> dict[str, Any]:
    return retag(call, req, {})


def tags_of_header(header: str) -> dict[str, str]:
    """Return the tags that `x-amz-tagging` has, as the query of a URL. Raises InvalidArgument and InvalidTag."""
    try:
        pairs = parse_qsl(header, keep_blank_values=True, strict_parsing=bool(header))
    except ValueError:
        message = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters"
        raise AwsError("InvalidArgument", message) from None
    return checked(Tagging(tag_set=tuple(Tag(key=key, value=value) for key, value in pairs)), "Object", 10)


def retag(call: Call, req: ObjectInput | PutObjectTaggingInput, tags: dict[str, str]) -> dict[str, Any]:
    """Give a version these tags in place of its own. Raises NoSuchKey."""
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    version = version_named(call, req.bucket, req.key, req.version_id)
    objects.save_facts(call.db, replace(version, facts=replace(version.facts, tags=tags)))
    return {"version_id": shown_version_id(bucket, version.version_id)}
