"""S3's `aws-chunked` bodies: chunks with a size each, perhaps signed, then trailing headers.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

import mmap
import re
from collections.abc import Mapping
from dataclasses import replace

from culm.cluster.wire.http import Large, Request
from culm.core.model.record import record
from culm.errors import AwsError

_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")
TRAILER_SIGNATURE = "x-amz-trailer-signature"


@record
class Chunks:
    """A body taken apart. Signatures are empty where the chunks have none."""

    signed: tuple[tuple[bytes | memoryview, str], ...]
    """Each chunk with its signature; the last is empty. Those of a mapped body stay where they are."""
    stretches: tuple[tuple[int, int], ...]
    """Where each chunk's bytes are: the first, and the one behind the last."""
    trailers: Mapping[str, str]
    trailer_lines: bytes
    """`name:value\\n` of each trailer but the signature: what that signs."""

    @property
    def body(self) -> bytes:
        return b"".join(data for data, _ in self.signed)


def is_chunked(request: Request) -> bool:
    return request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-")


def unchunked(request: Request) -> Request:
    """Return the request with the object's own bytes, and its trailers among its headers."""
    if not is_chunked(request):
        return request
    parts = split(request.content)
    body, large, size = b"", None, sum(end - start for start, end in parts.stretches)
    if request.large is None:
        body = parts.body
    else:
        large = Large(request.large.mapped, parts.stretches)
    declared = request.headers.get("x-amz-decoded-content-length")
    if declared is not None and declared != str(size):
        raise AwsError("IncompleteBody", f"The body has {size} bytes; x-amz-decoded-content-length says {declared}.")
    headers = {**request.headers, **parts.trailers}
    encodings = [part.strip() for part in headers.pop("content-encoding", "").split(",")]
    if own := ",".join(part for part in encodings if part not in ("", "aws-chunked")):
        headers["content-encoding"] = own
    return replace(request, body=body, large=large, headers=headers)


def split(body: bytes | mmap.mmap) -> Chunks:
    """Return the body that came in signed chunks, its trailers apart. Raises IncompleteBody."""
    chunks: list[tuple[bytes | memoryview, str]] = []
    stretches = []
    content = body if isinstance(body, bytes) else memoryview(body)
    at = 0
    while True:
        line, at = take_line(body, at)
        length, _, extension = line.partition(b";")
        if not _SIZE.fullmatch(length):
            raise AwsError("IncompleteBody", f"A chunk begins with {line[:40]!r} instead of its size.")
        size = int(length, 16)
        chunks.append((content[at : at + size], extension.partition(b"=")[2].decode("latin-1")))
        stretches.append((at, at + size))
        if size == 0:
            break
        if at + size > len(body) or body[at + size : at + size + 2] != b"\r\n":
            raise AwsError("IncompleteBody", "A chunk has not the size that it says.")
        at += size + 2
    trailers = {}
    lines = b""
    while at < len(body):
        line, at = take_line(body, at)
        if line:
            name, _, value = line.decode("latin-1").partition(":")
            trailers[name.strip().lower()] = value.strip()
            if name.strip().lower() != TRAILER_SIGNATURE:
                lines += line + b"\n"
    return Chunks(signed=tuple(chunks), stretches=tuple(stretches), trailers=trailers, trailer_lines=lines)


def take_line(body: bytes | mmap.mmap, at: int) -> tuple[bytes, int]:
    """Return the line at `at`, and where the next begins. Raises IncompleteBody."""
    end = body.find(b"\r\n", at)
    if end < 0:
        raise AwsError("IncompleteBody", "The body ends before its last chunk.")
    return body[at:end], end + 2
