"""A request and a response as values: the wire does no I/O, its callers do."""

import zlib
from collections.abc import Mapping
from dataclasses import field, replace

from culm.core.model.record import record
from culm.errors import AwsError

LONGEST_UNZIPPED = 16 << 20
"""Bytes: more than any operation takes that SDKs compress."""
_GZIP = 16 + zlib.MAX_WBITS


@record
class Request:
    method: str
    path: str
    """As it came: S3's keys may hold encoded slashes."""
    query: str
    """Behind the question mark, as it came."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""
    source: str | None = None
    """The address that it comes from."""


@record
class Response:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def unzipped(request: Request) -> Request:
    """The request with a plain body: SDKs compress large ones. S3's content encoding is the object's own."""
    if request.headers.get("content-encoding") != "gzip" or "x-amz-content-sha256" in request.headers:
        return request
    unpacking = zlib.decompressobj(wbits=_GZIP)
    try:
        body = unpacking.decompress(request.body, LONGEST_UNZIPPED)
    except zlib.error as problem:
        raise AwsError("SerializationException", f"The body is not gzip: {problem}") from problem
    if unpacking.unconsumed_tail:
        raise AwsError("RequestEntityTooLarge", f"The body has more than {LONGEST_UNZIPPED} bytes unpacked", 413)
    if not unpacking.eof:
        raise AwsError("SerializationException", "The body is not gzip: it ends too early")
    return replace(request, body=body)
