import pytest
from botocore.exceptions import ClientError

HELLO = '"5d41402abc4b2a76b9719d911017c592"'


def put(s3, key="a", body=b"hello", **more):
    return s3.put_object(Bucket="vault", Key=key, Body=body, **more)


def read(s3, key="a", **more):
    return s3.get_object(Bucket="vault", Key=key, **more)["Body"].read()


def test_an_object_comes_back_with_what_was_said_about_it(s3):
    said = {
        "ContentType": "text/plain",
        "CacheControl": "no-store",
        "ContentDisposition": "inline",
        "ContentEncoding": "identity",
        "ContentLanguage": "en",
    }
    made = put(s3, "a/b c+d%.txt", Metadata={"Who": "me"}, **said)

    got = s3.get_object(Bucket="vault", Key="a/b c+d%.txt")

    assert got["Body"].read() == b"hello"
    assert got["ETag"] == made["ETag"] == HELLO
    assert {name: got[name] for name in said} == said
    assert got["Metadata"] == {"who": "me"}
    assert got["ContentLength"] == 5
    assert "VersionId" not in got


def test_a_head_tells_the_same_without_the_body(s3):
    put(s3, body=b"x" * 3000)

    seen = s3.head_object(Bucket="vault", Key="a")

    assert (seen["ContentLength"], seen["ContentType"]) == (3000, "binary/octet-stream")


def test_an_object_that_is_not_there_is_an_error_that_names_it(s3):
    with pytest.raises(s3.exceptions.NoSuchKey) as error:
        read(s3, "nothing")
    assert error.value.response["Error"]["Key"] == "nothing"
    with pytest.raises(ClientError, match=r"\(404\)"):
        s3.head_object(Bucket="vault", Key="nothing")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.get_object(Bucket="other", Key="a")
    with pytest.raises(ClientError, match="KeyTooLong"):
        put(s3, "k" * 1025)


def test_a_put_replaces_what_was_there(s3):
    put(s3)
    put(s3, body=b"again")

    assert read(s3) == b"again"
    assert len(s3.list_object_versions(Bucket="vault")["Versions"]) == 1


@pytest.mark.parametrize(
    ("range_", "expected", "shown"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-4", b"6789", "bytes 6-9/10"),
        ("bytes=-40", b"0123456789", "bytes 0-9/10"),
        ("bytes=4-400", b"456789", "bytes 4-9/10"),
    ],
)
def test_a_range_is_read(s3, range_, expected, shown):
    put(s3, body=b"0123456789")

    got = s3.get_object(Bucket="vault", Key="a", Range=range_, ChecksumMode="ENABLED")

    assert (got["Body"].read(), got["ContentRange"]) == (expected, shown)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert "ChecksumCRC32" not in got


def test_a_range_that_cannot_be_is_an_error_and_one_that_is_not_understood_is_ignored(s3):
    put(s3, body=b"0123456789")

    with pytest.raises(ClientError, match="InvalidRange"):
        read(s3, Range="bytes=10-")
    assert read(s3, Range="bytes=0-1,4-5") == b"0123456789"
    assert read(s3, Range="bytes=-") == b"0123456789"


def test_a_range_reaches_over_rows_of_a_large_body(s3):
    body = bytes(range(256)) * 16384  # 4 MiB
    put(s3, body=body)

    assert read(s3) == body
    assert read(s3, Range="bytes=1048570-1048590") == body[1048570:1048591]
    assert read(s3, Range="bytes=1048576-3145727") == body[1048576:3145728]


def test_a_reader_may_ask_for_other_headers(s3):
    put(s3)

    got = s3.get_object(Bucket="vault", Key="a", ResponseContentType="text/html", ResponseCacheControl="private")

    assert (got["ContentType"], got["CacheControl"]) == ("text/html", "private")


def test_reads_may_depend_on_the_etag(s3):
    put(s3)

    assert read(s3, IfMatch=HELLO) == b"hello"
    assert read(s3, IfNoneMatch='"other"') == b"hello"
    with pytest.raises(ClientError, match="PreconditionFailed"):
        read(s3, IfMatch='"other"')
    with pytest.raises(ClientError, match=r"\(304\)"):
        read(s3, IfNoneMatch=HELLO)


def test_reads_may_depend_on_the_time(s3, cloud):
    put(s3)
    before, after = cloud.now - 60, cloud.now + 60

    assert read(s3, IfModifiedSince=before) == b"hello"
    assert read(s3, IfUnmodifiedSince=after) == b"hello"
    with pytest.raises(ClientError, match=r"\(304\)"):
        read(s3, IfModifiedSince=after)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        read(s3, IfUnmodifiedSince=before)


def test_writes_may_depend_on_what_is_there(s3):
    put(s3, IfNoneMatch="*")
    put(s3, body=b"second", IfMatch=HELLO)

    with pytest.raises(ClientError, match="PreconditionFailed"):
        put(s3, IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        put(s3, IfMatch=HELLO)
    with pytest.raises(ClientError, match="NoSuchKey"):
        put(s3, "nothing", IfMatch=HELLO)
    with pytest.raises(ClientError, match="NotImplemented"):
        put(s3, IfNoneMatch=HELLO)
    assert read(s3) == b"second"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_are_verified_and_told_back(s3, algorithm):
    made = put(s3, ChecksumAlgorithm=algorithm)
    member = f"Checksum{algorithm}"

    got = s3.get_object(Bucket="vault", Key="a", ChecksumMode="ENABLED")
    assert got[member] == made[member]
    assert got["ChecksumType"] == "FULL_OBJECT"
    with pytest.raises(ClientError, match=f"BadDigest.*{algorithm}"):
        put(s3, **{member: made[member]}, body=b"other")
    assert read(s3) == b"hello"


def test_content_md5_is_verified(s3):
    put(s3, ContentMD5="XUFAKrxLKna5cZ2REBfFkg==")

    with pytest.raises(ClientError, match=r"BadDigest.*Content-MD5"):
        put(s3, body=b"other", ContentMD5="XUFAKrxLKna5cZ2REBfFkg==")


def test_a_bucket_of_another_account_is_denied(s3):
    put(s3, ExpectedBucketOwner="000000000000")

    with pytest.raises(ClientError, match="AccessDenied"):
        put(s3, ExpectedBucketOwner="111111111111")


def test_what_would_change_behaviour_is_refused_by_name(s3):
    with pytest.raises(ClientError, match=r"InvalidArgument.*culm does not support ServerSideEncryption"):
        put(s3, ServerSideEncryption="aws:kms")


def test_tags_are_kept_per_object(s3):
    put(s3)
    tags = [{"Key": "a", "Value": "1"}]

    assert s3.get_object_tagging(Bucket="vault", Key="a")["TagSet"] == []
    s3.put_object_tagging(Bucket="vault", Key="a", Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket="vault", Key="a")["TagSet"] == tags
    with pytest.raises(ClientError, match="InvalidTag"):
        s3.put_object_tagging(Bucket="vault", Key="a", Tagging={"TagSet": tags * 2})
    with pytest.raises(ClientError, match="BadRequest"):
        many = [{"Key": str(number), "Value": ""} for number in range(11)]
        s3.put_object_tagging(Bucket="vault", Key="a", Tagging={"TagSet": many})
    s3.delete_object_tagging(Bucket="vault", Key="a")
    assert s3.get_object_tagging(Bucket="vault", Key="a")["TagSet"] == []


def test_a_corrupted_object_is_named(s3, cloud):
    s3.put_object(Bucket="vault", Key="stg/web/a", Body=b"a = 1")
    s3.put_object(Bucket="vault", Key="stg/web/b", Body=b"b = 1")
    cloud.db.execute(
        "UPDATE s3_body SET data = CAST(substr(data, 1, 13) || x'0000' || substr(data, 16) AS BLOB) WHERE id = 1"
    )

    with pytest.raises(ClientError, match=r"s3://vault/stg/web/a is corrupted: its bytes are not those that were"):
        s3.get_object(Bucket="vault", Key="stg/web/a")
    assert s3.get_object(Bucket="vault", Key="stg/web/b")["Body"].read() == b"b = 1"
