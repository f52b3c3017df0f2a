"""A request and a response as values: the wire does no I/O, its callers do."""

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import field, replace

from culm.core.model.record import record
from culm.errors import AwsError


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
    try:
        return replace(request, body=gzip.decompress(request.body))
    except (OSError, EOFError, zlib.error) as problem:
        raise AwsError("SerializationException", f"The body is not gzip: {problem}") from problem
