import pytest

from culm.cluster.wire.chunked import unchunked
from culm.cluster.wire.http import Request
from culm.errors import AwsError


def put(body: bytes, **headers: str) -> Request:
    given = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", **headers}
    return Request(method="PUT", path="/b/k", query="", headers=given, body=body)


def test_chunks_are_joined_and_trailers_become_headers():
    request = put(
        b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32: abc=\r\n\r\n",
        **{"content-encoding": "gzip, aws-chunked", "x-amz-decoded-content-length": "11"},
    )

    plain = unchunked(request)

    assert plain.body == b"hello world"
    assert plain.headers["x-amz-checksum-crc32"] == "abc="
    assert plain.headers["content-encoding"] == "gzip"


def test_signed_chunks_are_read_too():
    body = b"3;chunk-signature=aa\r\nabc\r\n0;chunk-signature=bb\r\n\r\n"
    request = put(
        body, **{"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "content-encoding": "aws-chunked"}
    )

    assert unchunked(request).body == b"abc"
    assert "content-encoding" not in unchunked(request).headers


def test_a_body_without_chunks_is_left_alone():
    request = put(b"5\r\nhello", **{"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})

    assert unchunked(request) is request


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"hello", "ends before its last chunk"),
        (b"x\r\nhello\r\n0\r\n\r\n", "begins with b'x' instead of its size"),
        (b"9\r\nhello\r\n0\r\n\r\n", "not the size that it says"),
        (b"5\r\nhello\r\n", "ends before its last chunk"),
        (b"3\r\nabc\r\n0\r\n\r\n", "x-amz-decoded-content-length says 5"),
    ],
)
def test_a_torn_body_is_refused(body, problem):
    with pytest.raises(AwsError, match=f"IncompleteBody.*{problem}"):
        unchunked(put(body, **{"x-amz-decoded-content-length": "5"}))
