"""Signatures: botocore signs, we verify; and AWS's own example of signed chunks."""

from calendar import timegm
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from culm.cluster.wire.chunked import split
from culm.cluster.wire.http import Request
from culm.cluster.wire.sigv4 import Rejected, Signature, session_token, signature, verify, verify_chunks, verify_head

NOW = float(timegm((2026, 1, 1, 0, 0, 0)))
KEY = Credentials("AKIAEXAMPLE", "secret")
EXPECTED = Signature(
    access_key="AKIA/with/slashes",
    date="20260101",
    region="us-east-1",
    service="ecs",
    signed_headers=("host", "x-amz-date"),
    signature="abc",
)


@pytest.fixture(autouse=True)
def _signing_time(monkeypatch):
    """botocore cannot be handed a clock."""
    midnight = datetime.fromtimestamp(NOW, UTC).replace(tzinfo=None)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: midnight)


def signed(
    method="POST", url="http://127.0.0.1:4566/", body=b"{}", service="ecs", headers=None, auth=SigV4Auth, key=KEY
):
    """A request as botocore signs it."""
    request = AWSRequest(method=method, url=url, data=body, headers=headers or {})
    auth(key, service, "us-east-1").add_auth(request)
    made = request.prepare()
    path, _, query = made.url.removeprefix("http://127.0.0.1:4566").partition("?")
    given = {name.lower(): v.decode() if isinstance(v, bytes) else v for name, v in made.headers.items()}
    return Request(method=method, path=path, query=query, headers={"host": "127.0.0.1:4566"} | given, body=body)


def s3(method="GET", path="/vault/stg/web/a.conf", body=b"", **headers):
    return signed(method, f"http://127.0.0.1:4566{path}", body, "s3", headers, S3SigV4Auth)


def presigned(expires=60, service="s3", path="/vault/a"):
    auth = S3SigV4QueryAuth if service == "s3" else SigV4QueryAuth
    return signed(
        "GET",
        f"http://127.0.0.1:4566{path}",
        b"",
        service,
        auth=lambda *given: auth(*given, expires=expires),
    )


def check(request, *, secret="secret", now=NOW):
    found = signature(request)
    assert found is not None
    verify(request, found, secret, now)


def why(request, **given) -> str:
    with pytest.raises(Rejected) as rejected:
        check(request, **given)
    return rejected.value.why


def test_the_authorization_header_is_taken_apart():
    scope = "AKIA/with/slashes/20260101/us-east-1/ecs/aws4_request"
    header = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date,Signature=abc"

    assert signature(Request(method="GET", path="/", query="", headers={"authorization": header})) == EXPECTED


def test_basic_credentials_are_no_signature():
    assert signature(Request(method="GET", path="/", query="", headers={"authorization": "Basic QVdTOng="})) is None


@pytest.mark.parametrize(
    "request_",
    [
        signed,
        lambda: signed(headers={"X-Amz-Target": "ECS.ListClusters", "Content-Type": "application/x-amz-json-1.1"}),
        lambda: signed(headers={"X-Amz-Meta-Spaces": "  a   b  "}),
        lambda: signed("GET", "http://127.0.0.1:4566/a/../b//c%20d/", b"", "execute-api"),
        lambda: signed("GET", "http://127.0.0.1:4566/?b=2&a=1%2F2&a=1&empty=&c%20d=e~f", b"", "sts"),
        s3,
        lambda: s3(path="/vault/with%20space/%2Fslash/plus%2B/tilde~/%C3%A9"),
        lambda: s3(path="/vault?list-type=2&prefix=stg%2Fweb%2F&delimiter=%2F"),
        lambda: s3("PUT", body=b"hello"),
        presigned,
        lambda: presigned(path="/vault/a?response-content-type=text%2Fplain"),
        lambda: presigned(service="sts", path="/?Action=GetCallerIdentity&Version=2011-06-15"),
    ],
)
def test_what_botocore_signs_is_good(request_):
    check(request_())


def test_another_secret_does_not_fit():
    assert why(signed(), secret="other") == "mismatch"


@pytest.mark.parametrize(
    "changed",
    [
        {"body": b'{"cluster": "other"}'},
        {"method": "PUT"},
        {"path": "/elsewhere"},
        {"query": "Action=DeleteCluster"},
    ],
)
def test_a_request_that_was_changed_on_the_way_is_refused(changed):
    assert why(replace(signed(), **changed)) == "mismatch"


def test_a_changed_body_of_s3_is_told_from_a_changed_signature():
    assert why(replace(s3("PUT", body=b"hello"), body=b"other")) == "payload"


def test_a_signed_header_may_not_change():
    request = signed(headers={"X-Amz-Target": "ECS.ListClusters"})

    assert why(replace(request, headers={**request.headers, "x-amz-target": "ECS.DeleteCluster"})) == "mismatch"


def test_an_amazon_header_that_is_not_signed_is_refused():
    request = signed()

    assert why(replace(request, headers={**request.headers, "x-amz-target": "ECS.DeleteCluster"})) == "mismatch"


def test_a_signed_header_that_was_taken_away_is_missed():
    request = signed(headers={"X-Amz-Target": "ECS.ListClusters"})
    without = {name: value for name, value in request.headers.items() if name != "x-amz-target"}

    assert why(replace(request, headers=without)) == "mismatch"


@pytest.mark.parametrize("seconds", [-300.0, 0.0, 300.0])
def test_clocks_may_differ_by_five_minutes(seconds):
    check(signed(), now=NOW + seconds)


@pytest.mark.parametrize("seconds", [-300.5, 300.5, 86400.0])
def test_the_same_request_is_not_good_for_ever(seconds):
    assert why(signed(), now=NOW + seconds) == "skewed"


def test_a_presigned_url_is_good_until_it_expires():
    check(presigned(expires=3600), now=NOW + 3600)
    assert why(presigned(expires=3600), now=NOW + 3601) == "expired"
    assert why(presigned(expires=3600), now=NOW - 301) == "skewed"


def test_a_presigned_url_is_good_for_a_second_at_least_and_a_week_at_most():
    week = 7 * 24 * 3600
    check(presigned(expires=1))
    check(presigned(expires=week), now=NOW + week)
    for expires in (0, week + 1):
        assert why(presigned(expires=expires)) == "incomplete"


def test_a_presigned_url_s_life_cannot_be_prolonged():
    request = presigned(expires=60)

    assert why(replace(request, query=request.query.replace("Expires=60", "Expires=6000")), now=NOW + 100) == "mismatch"
    assert why(replace(request, query=request.query.replace("Expires=60", "Expires=0"))) == "incomplete"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-date", ""),
        ("x-amz-date", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/ecs/aws4_request, Signature=0"),
    ],
)
def test_half_a_signature_is_none(name, value):
    request = signed()

    assert why(replace(request, headers={**request.headers, name: value})) == "incomplete"


def test_the_scope_s_day_is_the_request_s():
    request = signed()
    header = request.headers["authorization"].replace("/20260101/", "/20260102/")

    assert why(replace(request, headers={**request.headers, "authorization": header})) == "mismatch"


def test_s3_says_what_its_body_is():
    request = s3()
    without = {name: value for name, value in request.headers.items() if name != "x-amz-content-sha256"}
    bare = without["authorization"].replace("x-amz-content-sha256;", "")

    assert why(replace(request, headers={**without, "authorization": bare})) == "incomplete"


CHUNKED_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
CHUNKED_NOW = float(timegm((2013, 5, 24, 0, 0, 0)))


def chunked() -> Request:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html#example-signature-calculations-streaming"""
    scope = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
    names = (
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length"
        ";x-amz-storage-class"
    )
    seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    return Request(
        method="PUT",
        path="/examplebucket/chunkObject.txt",
        query="",
        headers={
            "host": "s3.amazonaws.com",
            "x-amz-date": "20130524T000000Z",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
            "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            "content-encoding": "aws-chunked",
            "x-amz-decoded-content-length": "66560",
            "content-length": "66824",
            "authorization": f"AWS4-HMAC-SHA256 Credential={scope},SignedHeaders={names},Signature={seed}",
        },
        body=b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"
        + b"a" * 65536
        + b"\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n"
        + b"a" * 1024
        + b"\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n",
    )


def check_chunks(request: Request) -> None:
    found = signature(request)
    verify(request, found, CHUNKED_SECRET, CHUNKED_NOW)
    chunks = split(request.body)
    verify_chunks(request, found, CHUNKED_SECRET, chunks.signed, None)


def test_aws_s_own_example_of_signed_chunks_is_good():
    check_chunks(chunked())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\r\n" + b"a" * 1024, b"\r\n" + b"b" * 1024),
        (b"0055", b"0056"),
        (b"a" * 1024 + b"\r\n0;chunk-signature=b6", b"a" * 1024 + b"\r\n0;chunk-signature=b7"),
    ],
    ids=["data", "signature", "end"],
)
def test_a_chunk_that_was_changed_is_refused(old, new):
    request = chunked()

    with pytest.raises(Rejected, match="chunk does not match"):
        check_chunks(replace(request, body=request.body.replace(old, new, 1)))


def test_a_signed_trailer_may_not_change():
    request = chunked()
    found = signature(request)
    good = split(request.body).signed

    with pytest.raises(Rejected, match="the trailer was changed"):
        verify_chunks(request, found, CHUNKED_SECRET, good, (b"x-amz-checksum-crc32:abc=\n", "0" * 64))


def test_the_head_alone_shows_a_wrong_clock_an_unsigned_header_and_another_secret():
    def of_head(request: Request, secret: str = "secret", now: float = NOW) -> str:
        given = signature(request)
        assert given is not None
        try:
            verify_head(request, given, secret, now)
        except Rejected as rejected:
            return rejected.why
        return "good"

    whole = s3("PUT", body=b"hello")
    added = replace(whole, headers={**whole.headers, "x-amz-acl": "public-read"})
    assert (of_head(whole), of_head(whole, now=NOW + 301), of_head(added)) == ("good", "skewed", "mismatch")
    assert of_head(whole, secret="other") == "mismatch"
    assert of_head(signed(), secret="other") == "good", "its hash is that of a body that is not there"


def test_the_token_of_temporary_keys_is_where_the_signature_is():
    session = Credentials("ASIAEXAMPLE", "secret", "the token")
    of_header = signed(key=session)
    in_query = signed("GET", "http://127.0.0.1:4566/vault/a", b"", "s3", auth=S3SigV4QueryAuth, key=session)
    for request in (of_header, in_query):
        given = signature(request)
        assert given is not None
        assert session_token(request, given) == "the token"


@pytest.mark.parametrize(
    ("lacks", "said"), [("Signature=", "requires 'Signature'"), ("SignedHeaders=", "requires 'SignedHeaders'")]
)
def test_what_a_signature_lacks_is_named(lacks, said):
    request = signed()
    parts = request.headers["authorization"].split(", ")
    emptied = ", ".join(lacks if part.startswith(lacks) else part for part in parts)
    broken = replace(request, headers={**request.headers, "authorization": emptied})
    given = signature(broken)
    assert given is not None
    assert given.version == 4
    with pytest.raises(Rejected, match=said):
        verify(broken, given, "secret", NOW)
