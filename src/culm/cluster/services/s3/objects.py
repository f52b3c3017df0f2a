"""PutObject, GetObject, HeadObject."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal

from culm.cluster.services.s3 import checksums, conditions, incoming, ranges
from culm.cluster.services.s3.checksums import Digests
from culm.cluster.services.s3.outgoing import body_of
from culm.cluster.services.s3.references import (
    bucket_named,
    new_version_id,
    shown_version_id,
    version_named,
)
from culm.cluster.services.s3.tagging import tags_of_header
from culm.cluster.store.s3 import bodies, objects
from culm.cluster.store.s3.objects import ChecksumMembers, Facts, Headers, ObjectVersion
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record
from culm.errors import AwsError

LONGEST_KEY = 1024
"""Bytes of UTF-8."""


@record
class PutObjectInput(Headers, ChecksumMembers):
    bucket: str
    key: str
    server_side_encryption: Literal["AES256"] | None = None
    body: bytes = b""
    content_md5: str | None = None
    content_length: int | None = None
    if_match: str | None = None
    if_none_match: str | None = None
    expected_bucket_owner: str | None = None
    checksum_algorithm: Stored[str | None] = None
    storage_class: Stored[str] = "STANDARD"
    acl: Stored[Literal["private", "bucket-owner-full-control"] | None] = None
    request_payer: Stored[str | None] = None
    tagging: str = ""


@operation("s3", "PutObject", long=True, receive=incoming.of_object)
def put_object(call: Call, req: PutObjectInput) -> dict[str, Any]:
    """Keep an object, as a new version where the bucket keeps versions.

    Raises PreconditionFailed, BadDigest for a checksum that does not agree, and KeyTooLongError.
    """
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    check_key(req.key)
    current = objects.find(call.db, req.bucket, req.key)
    conditions.check_write(current, req.key, if_match=req.if_match, if_none_match=req.if_none_match)
    digests = Digests.of(req, req.body) if call.incoming is None else call.incoming.digests
    given = digests.verify(req)

    version = ObjectVersion(
        bucket=req.bucket,
        key=req.key,
        version_id=new_version_id(call, bucket),
        body_id=call.new_id() if call.incoming is None else call.incoming.body_id,
        facts=Facts(
            last_modified=call.now,
            size=digests.size,
            e_tag=digests.e_tag,
            headers=headers_of(req),
            checksums=given,
            storage_class=req.storage_class,
            tags=tags_of_header(req.tagging),
        ),
    )
    objects.put(call.db, version)
    if call.incoming is None:
        bodies.write(call.db, str(version.body_id), req.body)
    return {
        "e_tag": version.facts.e_tag,
        "server_side_encryption": ENCRYPTION,
        "version_id": shown_version_id(bucket, version.version_id),
        **checksums.members(given, None),
    }


ENCRYPTION = "AES256"
"""Of every object: https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html"""


def check_key(key: str) -> None:
    """Raise KeyTooLongError for a key of more than LONGEST_KEY bytes."""
    if len(key.encode()) > LONGEST_KEY:
        raise AwsError("KeyTooLongError", "Your key is too long", max_size_allowed=LONGEST_KEY)


def headers_of(req: Any) -> Headers:
    """Return what an input says about an object. Metadata's names are lower case, as headers' are."""
    named = {each.name: getattr(req, each.name) for each in fields(Headers)}
    return Headers(**named | {"metadata": {name.lower(): value for name, value in req.metadata.items()}})


@record
class ReadInput:
    bucket: str
    key: str
    version_id: str | None = None
    range: str | None = None
    part_number: int | None = None
    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: float | None = None
    if_unmodified_since: float | None = None
    checksum_mode: Literal["ENABLED"] | None = None
    expected_bucket_owner: str | None = None
    response_cache_control: str | None = None
    response_content_disposition: str | None = None
    response_content_encoding: str | None = None
    response_content_language: str | None = None
    response_content_type: str | None = None
    request_payer: Stored[str | None] = None


@operation("s3", "GetObject", long=True)
def get_object(call: Call, req: ReadInput) -> Mapping[str, Any]:
    """Return an object or a range of it.

    Raises NoSuchKey, InvalidRange, PreconditionFailed, and InternalError for one that is corrupted on disk.
    """
    version, (first, last), members = look(call, req)
    return members | {"body": body_of(call, version, first, last)}


@operation("s3", "HeadObject")
def head_object(call: Call, req: ReadInput) -> Mapping[str, Any]:
    """Return what is known of an object, without its body. Raises as `get_object` does."""
    _, _, members = look(call, req)
    return members


def look(call: Call, req: ReadInput) -> tuple[ObjectVersion, tuple[int, int], dict[str, Any]]:
    """Return the version that is read, its first and last byte, and all that is told about it."""
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    version = version_named(call, req.bucket, req.key, req.version_id)
    facts = version.facts
    conditions.check_read(
        facts,
        if_match=req.if_match,
        if_none_match=req.if_none_match,
        if_modified_since=req.if_modified_since,
        if_unmodified_since=req.if_unmodified_since,
    )
    span = wanted(call, req, version)
    first, last = span or (0, facts.size - 1)
    members = {
        "accept_ranges": "bytes",
        "server_side_encryption": ENCRYPTION,
        "content_length": last - first + 1,
        "e_tag": facts.e_tag,
        "last_modified": facts.last_modified,
        "version_id": shown_version_id(bucket, version.version_id),
        "storage_class": None if facts.storage_class == "STANDARD" else facts.storage_class,
        "tag_count": len(facts.tags) or None,
        "parts_count": facts.parts_count if req.part_number is not None else None,
        "metadata": facts.headers.metadata,
        "cache_control": req.response_cache_control or facts.headers.cache_control,
        "content_disposition": req.response_content_disposition or facts.headers.content_disposition,
        "content_encoding": req.response_content_encoding or facts.headers.content_encoding,
        "content_language": req.response_content_language or facts.headers.content_language,
        "content_type": req.response_content_type or facts.headers.content_type or "binary/octet-stream",
        "expires": facts.headers.expires,
    }
    if span:
        members["content_range"] = f"bytes {first}-{last}/{facts.size}"
    elif req.checksum_mode:  # of the whole, so not with a part of it
        members |= checksums.members(facts.checksums, facts.checksum_type)
    return version, (first, last), members


def wanted(call: Call, req: ReadInput, version: ObjectVersion) -> tuple[int, int] | None:
    """Return the bytes that a request names by range or part; None is all of them."""
    if req.part_number is None:
        return ranges.parse(req.range, version.facts.size)
    if req.range is not None:
        raise AwsError("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
    if version.facts.parts_count is None and req.part_number == 1:
        return (0, version.facts.size - 1) if version.facts.size else None
    span = bodies.part_range(call.db, str(version.body_id), req.part_number)
    if span is None:
        raise AwsError("InvalidPartNumber", "The requested partnumber is not satisfiable", 416)
    return span
