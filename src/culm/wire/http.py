"""A request and a response as values: the wire does no I/O, its callers do."""

from collections.abc import Mapping
from dataclasses import field

from culm.model.record import record


@record
class Request:
    method: str
    path: str
    """Percent-decoded? No: as it came, since S3 keys may hold encoded slashes."""
    query: str
    """Behind the question mark, as it came."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""


@record
class Response:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
