"""CopyObject, and what copies a part of an object into an upload has in common with it."""

from dataclasses import replace
from typing import Any, Literal
from urllib.parse import parse_qs, unquote

from culm.cluster.services.s3 import checksums, conditions
from culm.cluster.services.s3.objects import ENCRYPTION, check_key, headers_of
from culm.cluster.services.s3.references import bucket_named, new_version_id, shown_version_id, version_named
from culm.cluster.services.s3.tagging import tags_of_header
from culm.cluster.store.s3 import objects
from culm.cluster.store.s3.objects import Headers, ObjectVersion
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, members, record
from culm.errors import AwsError


@members
class Source:
    """Members that say what is copied, and on what conditions."""

    copy_source: str
    copy_source_if_match: str | None = None
    copy_source_if_none_match: str | None = None
    copy_source_if_modified_since: float | None = None
    copy_source_if_unmodified_since: float | None = None
    expected_source_bucket_owner: str | None = None


@record
class CopyObjectInput(Headers, Source):
    bucket: str
    key: str
    metadata_directive: Literal["COPY", "REPLACE"] = "COPY"
    if_match: str | None = None
    if_none_match: str | None = None
    storage_class: str | None = None
    expected_bucket_owner: str | None = None
    checksum_algorithm: Stored[str | None] = None
    tagging_directive: Literal["COPY", "REPLACE"] = "COPY"
    tagging: str = ""
    acl: Stored[Literal["private", "bucket-owner-full-control"] | None] = None
    request_payer: Stored[str | None] = None
    server_side_encryption: Literal["AES256"] | None = None


@operation("s3", "CopyObject", long=True)
def copy_object(call: Call, req: CopyObjectInput) -> dict[str, Any]:
    """Copy an object, or a version of it.

    Raises NoSuchKey for the source, PreconditionFailed, and InvalidRequest for a copy onto itself that changes nothing.
    """
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    check_key(req.key)
    source = read_source(call, req)
    current = objects.find(call.db, req.bucket, req.key)
    conditions.check_write(current, req.key, if_match=req.if_match, if_none_match=req.if_none_match)
    replaces = req.metadata_directive == "REPLACE"
    if (source.bucket, source.key) == (req.bucket, req.key) and source.is_latest and not replaces:
        raise AwsError(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes.",
        )

    made = ObjectVersion(
        bucket=req.bucket,
        key=req.key,
        version_id=new_version_id(call, bucket),
        body_id=source.body_id,  # bodies are never changed: both name the same one
        facts=replace(
            source.facts,
            last_modified=call.now,
            headers=headers_of(req) if replaces else source.facts.headers,
            storage_class=req.storage_class or "STANDARD",
            tags=tags_of_header(req.tagging) if req.tagging_directive == "REPLACE" else source.facts.tags,
            upload_id=None,
        ),
    )
    objects.put(call.db, made)
    return {
        "copy_object_result": {
            "e_tag": made.facts.e_tag,
            "last_modified": call.now,
            **checksums.members(made.facts.checksums, made.facts.checksum_type),
        },
        "server_side_encryption": ENCRYPTION,
        "version_id": shown_version_id(bucket, made.version_id),
        "copy_source_version_id": source.version_id if source.version_id != objects.NULL else None,
    }


def read_source(call: Call, req: Source) -> ObjectVersion:
    """Return the version that `x-amz-copy-source` names: `bucket/key?versionId=...`, percent-encoded."""
    path, _, query = req.copy_source.partition("?versionId=")
    name, _, key = unquote(path).removeprefix("/").partition("/")
    if not name or not key:
        raise AwsError("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
    version_id = parse_qs(f"versionId={query}")["versionId"][0] if query else None
    bucket_named(call, name, req.expected_source_bucket_owner)
    source = version_named(call, name, key, version_id)
    try:
        conditions.check_read(
            source.facts,
            if_match=req.copy_source_if_match,
            if_none_match=req.copy_source_if_none_match,
            if_modified_since=req.copy_source_if_modified_since,
            if_unmodified_since=req.copy_source_if_unmodified_since,
        )
    except AwsError as error:  # a copy has no 304
        raise conditions.failed("x-amz-copy-source") from error
    return source
