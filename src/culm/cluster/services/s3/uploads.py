"""Uploads in parts. https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html"""

from collections.abc import Sequence
from typing import Any, Literal

from culm.cluster.services.s3 import checksums, conditions, incoming, ranges
from culm.cluster.services.s3.checksums import Digests
from culm.cluster.services.s3.copies import Source, read_source
from culm.cluster.services.s3.objects import ENCRYPTION, check_key, headers_of
from culm.cluster.services.s3.references import bucket_named, corrupted, new_version_id, owner, shown_version_id
from culm.cluster.services.s3.tagging import tags_of_header
from culm.cluster.store.s3 import bodies, objects, uploads
from culm.cluster.store.s3.buckets import Bucket
from culm.cluster.store.s3.objects import ChecksumMembers, Checksums, Facts, Headers, ObjectVersion
from culm.cluster.store.s3.uploads import Part, PartFacts, Upload, UploadFacts
from culm.cluster.store.sealing import Corrupted
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record
from culm.errors import AwsError

SMALLEST_PART = 5 << 20
"""Bytes of every part but the last."""

MOST_PARTS = 10_000


@record
class CreateMultipartUploadInput(Headers):
    bucket: str
    key: str
    checksum_algorithm: Literal["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] | None = None
    checksum_type: Literal["COMPOSITE", "FULL_OBJECT"] | None = None
    expected_bucket_owner: str | None = None
    storage_class: Stored[str] = "STANDARD"
    acl: Stored[Literal["private", "bucket-owner-full-control"] | None] = None
    request_payer: Stored[str | None] = None
    server_side_encryption: Literal["AES256"] | None = None
    tagging: str = ""


@operation("s3", "CreateMultipartUpload")
def create_multipart_upload(call: Call, req: CreateMultipartUploadInput) -> dict[str, Any]:
    """Begin an upload in parts; what the object is to be is said here, once."""
    bucket_named(call, req.bucket, req.expected_bucket_owner)
    check_key(req.key)
    kind = req.checksum_type or ("FULL_OBJECT" if req.checksum_algorithm == "CRC64NVME" else "COMPOSITE")
    facts = UploadFacts(
        initiated=call.now,
        headers=headers_of(req),
        storage_class=req.storage_class,
        checksum_algorithm=req.checksum_algorithm,
        checksum_type=kind if req.checksum_algorithm else None,
        tags=tags_of_header(req.tagging),
    )
    upload = Upload(upload_id=call.new_id(), bucket=req.bucket, key=req.key, facts=facts)
    uploads.insert(call.db, upload)
    return {
        "bucket": req.bucket,
        "key": req.key,
        "upload_id": upload.upload_id,
        "server_side_encryption": ENCRYPTION,
        "checksum_algorithm": facts.checksum_algorithm,
        "checksum_type": facts.checksum_type,
    }


@record
class UploadInput:
    """Members that name an upload."""

    bucket: str
    key: str
    upload_id: str
    expected_bucket_owner: str | None = None
    request_payer: Stored[str | None] = None


@record
class PartInput(UploadInput):
    part_number: int


@record
class UploadPartInput(PartInput, ChecksumMembers):
    body: bytes = b""
    content_md5: str | None = None
    content_length: int | None = None
    checksum_algorithm: Stored[str | None] = None


@operation("s3", "UploadPart", long=True, receive=incoming.of_part)
def upload_part(call: Call, req: UploadPartInput) -> dict[str, Any]:
    """Keep a part, in place of the one of this number. Raises NoSuchUpload, and BadDigest."""
    if call.incoming is None:
        digests, body_id = Digests.of(req, req.body), call.new_id()
    else:
        digests, body_id = call.incoming.digests, call.incoming.body_id
    part = name_part(call, req, body_id, digests, digests.verify(req))
    if call.incoming is None:
        bodies.write(call.db, body_id, req.body, req.part_number)
    shown = checksums.members(part.checksums, None)
    shown.pop("checksum_type", None)
    return {"e_tag": part.e_tag, "server_side_encryption": ENCRYPTION, **shown}


@record
class UploadPartCopyInput(PartInput, Source):
    copy_source_range: str | None = None


@operation("s3", "UploadPartCopy", long=True)
def upload_part_copy(call: Call, req: UploadPartCopyInput) -> dict[str, Any]:
    """Keep a range of another object as a part. Raises NoSuchKey, NoSuchUpload, and InvalidRange."""
    source = read_source(call, req)
    first, last = ranges.parse_exact(req.copy_source_range, source.facts.size)
    digests, body_id = Digests(Checksums()), call.new_id()
    try:
        for stretch in bodies.stretches(call.db, str(source.body_id), first, last):
            piece = bodies.read_row(call.db, *stretch)
            bodies.write_row(call.db, body_id, piece, req.part_number, digests.size)
            digests.update(piece)
    except Corrupted as why:
        raise corrupted(source, why) from why
    part = name_part(call, req, body_id, digests, Checksums())
    return {"copy_part_result": {"e_tag": part.e_tag, "last_modified": call.now}}


def name_part(call: Call, req: PartInput, body_id: str, digests: Digests, given: Checksums) -> PartFacts:
    """Make a body a part of an upload."""
    upload = upload_named(call, req)
    if not 1 <= req.part_number <= MOST_PARTS:
        message = f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive"
        raise AwsError("InvalidArgument", message)
    facts = PartFacts(last_modified=call.now, size=digests.size, e_tag=digests.e_tag, checksums=given)
    part = Part(upload_id=upload.upload_id, part_number=req.part_number, body_id=body_id, facts=facts)
    uploads.save_part(call.db, part)
    return facts


def upload_named(call: Call, req: UploadInput) -> Upload:
    """Return the upload. Raises NoSuchUpload, and as `bucket_named`."""
    bucket_named(call, req.bucket, req.expected_bucket_owner)
    upload = uploads.find(call.db, req.bucket, req.key, req.upload_id)
    if upload is None:
        raise AwsError(
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted "
            "or completed.",
            404,
            upload_id=req.upload_id,
        )
    return upload


@record
class CompletedPart(Checksums):
    part_number: int
    e_tag: str


@record
class CompletedMultipartUpload:
    parts: tuple[CompletedPart, ...] = ()


@record
class CompleteMultipartUploadInput(UploadInput, ChecksumMembers):
    multipart_upload: CompletedMultipartUpload = CompletedMultipartUpload()
    checksum_type: Literal["COMPOSITE", "FULL_OBJECT"] | None = None
    mpu_object_size: int | None = None
    if_match: str | None = None
    if_none_match: str | None = None


@operation("s3", "CompleteMultipartUpload", long=True)
def complete_multipart_upload(call: Call, req: CompleteMultipartUploadInput) -> dict[str, Any]:
    """Make the object of the parts that are named; parts that are not are dropped.

    A client that did not get the answer may ask again: it gets the same.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    """
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    if made := objects.find_completed(call.db, req.bucket, req.key, req.upload_id):
        return completed(call, bucket, made)
    upload = upload_named(call, req)
    current = objects.find(call.db, req.bucket, req.key)
    conditions.check_write(current, req.key, if_match=req.if_match, if_none_match=req.if_none_match)
    parts = chosen(uploads.parts(call.db, upload.upload_id), req.multipart_upload.parts)
    size = sum(part.facts.size for part in parts)
    if req.mpu_object_size not in (None, size):
        raise AwsError("InvalidRequest", f"The parts have {size} bytes; x-amz-mp-object-size says otherwise.")

    body_id = call.new_id()
    for part in parts:
        bodies.join(call.db, part.body_id, body_id)
    whole = checksum(call, req, upload, parts, body_id)
    version = ObjectVersion(
        bucket=req.bucket,
        key=req.key,
        version_id=new_version_id(call, bucket),
        body_id=body_id,
        facts=Facts(
            last_modified=call.now,
            size=size,
            e_tag=checksums.e_tag_of_parts([part.facts.e_tag for part in parts]),
            headers=upload.facts.headers,
            checksums=whole,
            checksum_type=upload.facts.checksum_type,
            storage_class=upload.facts.storage_class,
            parts_count=len(parts),
            tags=upload.facts.tags,
            upload_id=upload.upload_id,
        ),
    )
    objects.put(call.db, version)
    uploads.delete(call.db, upload.upload_id)
    return completed(call, bucket, version)


def completed(call: Call, bucket: Bucket, made: ObjectVersion) -> dict[str, Any]:
    """Answer that the upload of this version is completed."""
    return {
        "location": f"{call.endpoint}/{made.bucket}/{made.key}",
        "bucket": made.bucket,
        "key": made.key,
        "e_tag": made.facts.e_tag,
        "server_side_encryption": ENCRYPTION,
        "version_id": shown_version_id(bucket, made.version_id),
        **checksums.members(made.facts.checksums, made.facts.checksum_type),
    }


def chosen(parts: Sequence[Part], named: Sequence[CompletedPart]) -> list[Part]:
    """Return the uploaded parts that a completion names, or why it cannot be completed so."""
    if not named:
        raise AwsError("MalformedXML", "You must specify at least one part")
    numbers = [part.part_number for part in named]
    if numbers != sorted(set(numbers)):
        raise AwsError("InvalidPartOrder", "The list of parts was not in ascending order.")
    known = {part.part_number: part for part in parts}
    selected = []
    for part in named:
        have = known.get(part.part_number)
        if have is None or have.facts.e_tag.strip('"') != part.e_tag.strip('"'):
            raise AwsError(
                "InvalidPart",
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the "
                "specified entity tag may not match the part's entity tag.",
                part_number=part.part_number,
            )
        selected.append(have)
    for have in selected[:-1]:
        if have.facts.size < SMALLEST_PART:
            raise AwsError(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                part_number=have.part_number,
                proposed_size=have.facts.size,
                min_size_allowed=SMALLEST_PART,
            )
    return selected


def checksum(
    call: Call, req: CompleteMultipartUploadInput, upload: Upload, parts: Sequence[Part], body_id: str
) -> Checksums:
    """Return the checksum of an object that came in parts, by the algorithm that its upload was begun with."""
    algorithm = upload.facts.checksum_algorithm
    if algorithm is None:
        return Checksums()
    if upload.facts.checksum_type == "COMPOSITE":
        return checksums.of_parts(algorithm, [part.facts.checksums for part in parts])
    return checksums.of_whole(algorithm, bodies.chunks(call.db, body_id), checksums.given(req))


@operation("s3", "AbortMultipartUpload", long=True)
def abort_multipart_upload(call: Call, req: UploadInput) -> None:
    """Delete an upload and its parts. Raises NoSuchUpload."""
    uploads.delete(call.db, upload_named(call, req).upload_id)


@record
class ListPartsInput(UploadInput):
    max_parts: int = 1000
    part_number_marker: int = 0


@operation("s3", "ListParts")
def list_parts(call: Call, req: ListPartsInput) -> dict[str, Any]:
    upload = upload_named(call, req)
    behind = [part for part in uploads.parts(call.db, upload.upload_id) if part.part_number > req.part_number_marker]
    limit = min(req.max_parts, 1000)
    page = behind[:limit]
    return {
        "bucket": req.bucket,
        "key": req.key,
        "upload_id": req.upload_id,
        "part_number_marker": req.part_number_marker,
        "next_part_number_marker": page[-1].part_number if page else 0,
        "max_parts": limit,
        "is_truncated": len(behind) > limit,
        "storage_class": upload.facts.storage_class,
        "checksum_algorithm": upload.facts.checksum_algorithm,
        "checksum_type": upload.facts.checksum_type,
        "owner": owner(call),
        "initiator": owner(call),
        "parts": [
            {
                "part_number": part.part_number,
                "last_modified": part.facts.last_modified,
                "e_tag": part.facts.e_tag,
                "size": part.facts.size,
                **checksums.members(part.facts.checksums, None),
            }
            for part in page
        ],
    }


@record
class ListMultipartUploadsInput:
    bucket: str
    prefix: str = ""
    key_marker: str = ""
    upload_id_marker: str = ""
    max_uploads: int = 1000
    expected_bucket_owner: str | None = None
    request_payer: Stored[str | None] = None


@operation("s3", "ListMultipartUploads")
def list_multipart_uploads(call: Call, req: ListMultipartUploadsInput) -> dict[str, Any]:
    bucket_named(call, req.bucket, req.expected_bucket_owner)
    limit = min(req.max_uploads, 1000)
    after = req.key_marker, req.upload_id_marker or objects.LAST
    behind = uploads.list_of_bucket(call.db, req.bucket, req.prefix, after if req.key_marker else ("", ""), limit + 1)
    page = behind[:limit]
    more = len(behind) > limit and bool(page)
    return {
        "bucket": req.bucket,
        "prefix": req.prefix,
        "key_marker": req.key_marker,
        "upload_id_marker": req.upload_id_marker,
        "next_key_marker": page[-1].key if more else None,
        "next_upload_id_marker": page[-1].upload_id if more else None,
        "max_uploads": limit,
        "is_truncated": more,
        "uploads": [
            {
                "upload_id": upload.upload_id,
                "key": upload.key,
                "initiated": upload.facts.initiated,
                "storage_class": upload.facts.storage_class,
                "checksum_algorithm": upload.facts.checksum_algorithm,
                "checksum_type": upload.facts.checksum_type,
                "owner": owner(call),
                "initiator": owner(call),
            }
            for upload in page
        ],
    }
