import base64
import zlib

import pytest
from botocore.exceptions import ClientError

MEBIBYTE = 1 << 20
FIRST, SECOND = b"a" * (5 * MEBIBYTE), b"b" * 10


def begin(s3, **more):
    return s3.create_multipart_upload(Bucket="vault", Key="big", **more)["UploadId"]


def send(s3, upload, number, body, **more):
    sent = s3.upload_part(Bucket="vault", Key="big", UploadId=upload, PartNumber=number, Body=body, **more)
    named = {name: value for name, value in sent.items() if name == "ETag" or name.startswith("Checksum")}
    return {"PartNumber": number, **named}


def complete(s3, upload, *parts, **more):
    return s3.complete_multipart_upload(
        Bucket="vault", Key="big", UploadId=upload, MultipartUpload={"Parts": list(parts)}, **more
    )


def test_parts_become_one_object(s3):
    upload = begin(s3, ContentType="text/plain", Metadata={"who": "me"})
    second, first = send(s3, upload, 7, SECOND), send(s3, upload, 2, FIRST)

    done = complete(s3, upload, first, second)

    assert done["ETag"].endswith('-2"')
    got = s3.get_object(Bucket="vault", Key="big")
    assert got["Body"].read() == FIRST + SECOND
    assert (got["ContentType"], got["Metadata"]) == ("text/plain", {"who": "me"})
    assert s3.list_multipart_uploads(Bucket="vault").get("Uploads", []) == []
    part = s3.get_object(Bucket="vault", Key="big", PartNumber=2)
    assert (part["Body"].read(), part["PartsCount"]) == (SECOND, 2)


def test_parts_can_be_read_by_number_only_if_there_are_so_many(s3):
    s3.put_object(Bucket="vault", Key="small", Body=b"x")

    assert s3.get_object(Bucket="vault", Key="small", PartNumber=1)["Body"].read() == b"x"
    with pytest.raises(ClientError, match="InvalidPartNumber"):
        s3.get_object(Bucket="vault", Key="small", PartNumber=2)
    with pytest.raises(ClientError, match="InvalidRequest"):
        s3.get_object(Bucket="vault", Key="small", PartNumber=1, Range="bytes=0-0")


def test_a_part_sent_again_replaces_the_first(s3):
    upload = begin(s3)
    send(s3, upload, 1, b"old")
    part = send(s3, upload, 1, b"new")

    complete(s3, upload, part, MpuObjectSize=3)
    assert s3.get_object(Bucket="vault", Key="big")["Body"].read() == b"new"


def test_parts_that_are_not_named_are_dropped_with_their_bytes(s3, cloud):
    upload = begin(s3)
    part = send(s3, upload, 1, b"kept")
    send(s3, upload, 2, b"dropped")

    complete(s3, upload, part)

    rows = cloud.db.execute("SELECT size FROM s3_body").fetchall()
    assert [row["size"] for row in rows] == [len(b"kept")]


def test_an_upload_cannot_be_completed_with_other_parts_than_it_has(s3):
    upload = begin(s3)
    first, second = send(s3, upload, 1, b"small"), send(s3, upload, 2, SECOND)

    with pytest.raises(ClientError, match="EntityTooSmall"):
        complete(s3, upload, first, second)
    with pytest.raises(ClientError, match="InvalidPartOrder"):
        complete(s3, upload, second, first)
    with pytest.raises(ClientError, match=r"\(InvalidPart\)"):
        complete(s3, upload, first, {"PartNumber": 3, "ETag": "x"})
    with pytest.raises(ClientError, match="MalformedXML"):
        complete(s3, upload)
    with pytest.raises(ClientError, match="InvalidRequest"):
        complete(s3, upload, first, MpuObjectSize=1)
    complete(s3, upload, first)
    with pytest.raises(s3.exceptions.NoSuchUpload):
        s3.upload_part(Bucket="vault", Key="big", UploadId=upload, PartNumber=1, Body=b"late")


def test_a_part_number_has_bounds(s3):
    with pytest.raises(ClientError, match="InvalidArgument"):
        send(s3, begin(s3), 10_001, b"x")


def test_an_aborted_upload_leaves_nothing(s3, cloud):
    upload = begin(s3)
    send(s3, upload, 1, FIRST)

    s3.abort_multipart_upload(Bucket="vault", Key="big", UploadId=upload)

    assert cloud.db.execute("SELECT count(*) FROM s3_body").fetchone()[0] == 0
    with pytest.raises(s3.exceptions.NoSuchUpload):
        send(s3, upload, 1, b"x")


def test_completion_may_depend_on_what_is_there(s3):
    s3.put_object(Bucket="vault", Key="big", Body=b"x")
    upload = begin(s3)
    part = send(s3, upload, 1, b"y")

    with pytest.raises(ClientError, match="PreconditionFailed"):
        complete(s3, upload, part, IfNoneMatch="*")


def test_parts_and_uploads_are_listed_in_pages(s3):
    uploads = sorted([begin(s3), begin(s3)])
    for number in (1, 2, 3):
        send(s3, uploads[0], number, b"x")

    pages = s3.get_paginator("list_parts").paginate(
        Bucket="vault", Key="big", UploadId=uploads[0], PaginationConfig={"PageSize": 2}
    )
    assert [[part["PartNumber"] for part in page["Parts"]] for page in pages] == [[1, 2], [3]]
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket="vault", PaginationConfig={"PageSize": 1})
    assert [each["UploadId"] for page in pages for each in page["Uploads"]] == uploads
    behind = s3.list_multipart_uploads(Bucket="vault", KeyMarker="big")
    assert "Uploads" not in behind


def test_a_composite_checksum_is_made_of_the_parts(s3):
    upload = begin(s3, ChecksumAlgorithm="SHA256")
    part = send(s3, upload, 1, SECOND, ChecksumAlgorithm="SHA256")

    done = complete(s3, upload, part)

    assert done["ChecksumType"] == "COMPOSITE"
    assert done["ChecksumSHA256"].endswith("-1")
    assert s3.head_object(Bucket="vault", Key="big", ChecksumMode="ENABLED")["ChecksumSHA256"] == done["ChecksumSHA256"]


def test_a_whole_checksum_is_of_all_bytes(s3):
    upload = begin(s3, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    parts = [send(s3, upload, 1, FIRST), send(s3, upload, 2, SECOND)]

    with pytest.raises(ClientError, match="BadDigest"):
        complete(s3, upload, *parts, ChecksumCRC32="AAAAAA==", ChecksumType="FULL_OBJECT")
    done = complete(s3, upload, *parts)

    expected = zlib.crc32(FIRST + SECOND).to_bytes(4, "big")
    assert base64.b64decode(done["ChecksumCRC32"]) == expected


def test_a_checksum_that_is_not_computed_here_is_told_back(s3):
    upload = begin(s3, ChecksumAlgorithm="CRC64NVME")
    part = send(s3, upload, 1, SECOND, ChecksumCRC64NVME="AAAAAAAAAAA=")

    done = complete(s3, upload, part, ChecksumCRC64NVME="AAAAAAAAAAA=")
    assert (done["ChecksumCRC64NVME"], done["ChecksumType"]) == ("AAAAAAAAAAA=", "FULL_OBJECT")

    upload = begin(s3, ChecksumAlgorithm="CRC32C")
    part = send(s3, upload, 1, SECOND, ChecksumCRC32C="AAAAAA==")
    assert "ChecksumCRC32C" not in complete(s3, upload, part)


def test_a_part_may_be_copied(s3):
    s3.put_object(Bucket="vault", Key="source", Body=b"0123456789")
    upload = begin(s3)

    def copy(span):
        return s3.upload_part_copy(
            Bucket="vault", Key="big", UploadId=upload, PartNumber=1, CopySource="vault/source", **span
        )["CopyPartResult"]

    for wrong in ("bytes=5-20", "bytes=5-"):
        with pytest.raises(ClientError, match="InvalidArgument"):
            copy({"CopySourceRange": wrong})
    copy({})
    part = copy({"CopySourceRange": "bytes=2-4"})
    complete(s3, upload, {"PartNumber": 1, "ETag": part["ETag"]})

    assert s3.get_object(Bucket="vault", Key="big")["Body"].read() == b"234"
