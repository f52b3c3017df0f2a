"""GetObjectAttributes: what HeadObject tells, as a document, and only what is asked for."""

from typing import Any, Literal

from culm.cluster.services.s3 import checksums
from culm.cluster.services.s3.references import bucket_named, shown_version_id, version_named
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record


@record
class GetObjectAttributesInput:
    bucket: str
    key: str
    object_attributes: tuple[Literal["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"], ...]
    version_id: str | None = None
    expected_bucket_owner: str | None = None
    request_payer: Stored[str | None] = None


@operation("s3", "GetObjectAttributes")
def get_object_attributes(call: Call, req: GetObjectAttributesInput) -> dict[str, Any]:
    """Return the attributes that are asked for.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html
    """
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    version = version_named(call, req.bucket, req.key, req.version_id)
    facts = version.facts
    known = {name: value for name, value in checksums.members(facts.checksums, facts.checksum_type).items() if value}
    attributes: dict[str, dict[str, Any]] = {
        "ETag": {"e_tag": facts.e_tag.strip('"')},
        "Checksum": {"checksum": known} if known else {},
        "ObjectParts": {"object_parts": {"total_parts_count": facts.parts_count}} if facts.parts_count else {},
        "StorageClass": {"storage_class": facts.storage_class},
        "ObjectSize": {"object_size": facts.size},
    }
    selected: dict[str, Any] = {
        "last_modified": facts.last_modified,
        "version_id": shown_version_id(bucket, version.version_id),
    }
    for name in req.object_attributes:
        selected |= attributes[name]
    return selected
