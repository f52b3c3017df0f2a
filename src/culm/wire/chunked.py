"""S3's `aws-chunked` bodies: chunks with a size each, perhaps signed, then trailing headers.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from dataclasses import replace

from culm.errors import AwsError
from culm.wire.http import Request


def unchunked(request: Request) -> Request:
    """The request with the object's own bytes, and its trailers among its headers."""
    if not request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        return request
    body, trailers = split(request.body)
    declared = request.headers.get("x-amz-decoded-content-length")
    if declared is not None and declared != str(len(body)):
        raise AwsError(
            "IncompleteBody", f"The body has {len(body)} bytes; x-amz-decoded-content-length says {declared}."
        )
    headers = dict(request.headers) | trailers
    encodings = [part.strip() for part in headers.pop("content-encoding", "").split(",")]
    if own := ",".join(part for part in encodings if part not in ("", "aws-chunked")):
        headers["content-encoding"] = own
    return replace(request, body=body, headers=headers)


def split(body: bytes) -> tuple[bytes, dict[str, str]]:
    """The bytes of all chunks, and the trailers."""
    chunks = []
    at = 0
    while True:
        line, at = take_line(body, at)
        try:
            size = int(line.partition(b";")[0], 16)  # behind the semicolon: the chunk's signature
        except ValueError:
            raise AwsError("IncompleteBody", f"A chunk begins with {line[:40]!r} instead of its size.") from None
        if size == 0:
            break
        chunk = body[at : at + size]
        if len(chunk) < size or body[at + size : at + size + 2] != b"\r\n":
            raise AwsError("IncompleteBody", "A chunk has not the size that it says.")
        chunks.append(chunk)
        at += size + 2
    trailers = {}
    while at < len(body):
        line, at = take_line(body, at)
        if line:
            name, _, value = line.decode("latin-1").partition(":")
            trailers[name.strip().lower()] = value.strip()
    return b"".join(chunks), trailers


def take_line(body: bytes, at: int) -> tuple[bytes, int]:
    end = body.find(b"\r\n", at)
    if end < 0:
        raise AwsError("IncompleteBody", "The body ends before its last chunk.")
    return body[at:end], end + 2
