"""DeleteObject and DeleteObjects: for good, or by a delete marker where versions are kept.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html
"""

from typing import Any

from culm.cluster.services.s3.conditions import failed, matches
from culm.cluster.services.s3.references import bucket_named, new_version_id, shown_version_id
from culm.cluster.store.s3 import objects
from culm.cluster.store.s3.buckets import Bucket
from culm.cluster.store.s3.objects import Facts, ObjectVersion
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record
from culm.errors import AwsError


@record
class DeleteObjectInput:
    bucket: str
    key: str
    version_id: str | None = None
    if_match: str | None = None
    expected_bucket_owner: str | None = None
    request_payer: Stored[str | None] = None


@operation("s3", "DeleteObject", long=True)
def delete_object(call: Call, req: DeleteObjectInput) -> dict[str, Any]:
    """Delete an object; deleting what is not there succeeds."""
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    return delete(call, bucket, req.key, req.version_id, req.if_match)


@record
class ObjectIdentifier:
    key: str
    version_id: str | None = None
    e_tag: str | None = None


@record
class Delete:
    objects: tuple[ObjectIdentifier, ...]
    quiet: bool = False


@record
class DeleteObjectsInput:
    bucket: str
    delete: Delete
    expected_bucket_owner: str | None = None
    checksum_algorithm: Stored[str | None] = None
    request_payer: Stored[str | None] = None


@operation("s3", "DeleteObjects", long=True)
def delete_objects(call: Call, req: DeleteObjectsInput) -> dict[str, Any]:
    """Delete up to 1,000 objects or versions; those that cannot be deleted are in `errors`.

    Raises MalformedXML for none and for more.
    """
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    if not 0 < len(req.delete.objects) <= 1000:
        raise AwsError("MalformedXML", "A request deletes 1 to 1000 objects.")
    deleted, errors = [], []
    for named in req.delete.objects:
        about = {"key": named.key, "version_id": named.version_id}
        try:
            done = delete(call, bucket, named.key, named.version_id, named.e_tag)
        except AwsError as error:
            errors.append(about | {"code": error.code, "message": error.message})
        else:
            marker = done["version_id"] if done["delete_marker"] else None
            deleted.append(about | {"delete_marker": done["delete_marker"], "delete_marker_version_id": marker})
    return {"deleted": () if req.delete.quiet else deleted, "errors": errors}


def delete(call: Call, bucket: Bucket, key: str, version_id: str | None, e_tag: str | None) -> dict[str, Any]:
    """Delete one version for good, or else the key: by a marker if the bucket keeps versions."""
    version = objects.find(call.db, bucket.name, key, version_id)
    if e_tag is not None and (version is None or version.delete_marker):
        raise AwsError("NoSuchKey", "The specified key does not exist.", 404, key=key)
    if e_tag is not None and version is not None and not matches(e_tag, version.facts.e_tag):
        raise failed("If-Match")
    if version_id is not None or not bucket.versioning:
        if version is not None:
            objects.remove(call.db, version)
        return {"delete_marker": (version and version.delete_marker) or None, "version_id": version_id}
    marker = ObjectVersion(
        bucket=bucket.name,
        key=key,
        version_id=new_version_id(call, bucket),
        delete_marker=True,
        facts=Facts(last_modified=call.now),
    )
    objects.put(call.db, marker)
    return {"delete_marker": True, "version_id": shown_version_id(bucket, marker.version_id)}
