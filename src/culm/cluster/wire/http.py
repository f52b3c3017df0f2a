"""A request and a response as values: the wire does no I/O, its callers do."""

import mmap
import sqlite3
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Protocol

from culm.core.model.record import record
from culm.errors import AwsError

LONGEST_HELD = 32 << 20
"""Bytes of a body that is read into memory: more than any operation takes, but S3's with an object's bytes."""
LONGEST_UNZIPPED = 16 << 20
"""Bytes: more than any operation takes that SDKs compress."""
_GZIP = 16 + zlib.MAX_WBITS


class Large:
    """A body too large to be held: stretches of a mapped file that has no name and goes with it.

    `stretches`: first byte and the one behind the last, of each; all of the file without them.
    """

    def __init__(self, mapped: mmap.mmap, stretches: Sequence[tuple[int, int]] = ()) -> None:
        self.mapped = mapped
        self._stretches = tuple(stretches) or ((0, len(mapped)),)

    def __len__(self) -> int:
        return sum(end - start for start, end in self._stretches)

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield all of it in order, each piece of `size` bytes but the last."""
        gathered, missing = [], size
        for start, end in self._stretches:
            while start < end:
                piece = self.mapped[start : min(end, start + missing)]
                start += len(piece)
                missing -= len(piece)
                gathered.append(piece)
                if not missing:
                    yield b"".join(gathered)
                    gathered, missing = [], size
        if gathered:
            yield b"".join(gathered)


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
    """Empty where it is `large`."""
    source: str | None = None
    """The address that it comes from."""
    large: Large | None = None

    @property
    def content(self) -> bytes | mmap.mmap:
        """The body as it came, wherever it is."""
        return self.body if self.large is None else self.large.mapped


class Outgoing(Protocol):
    """A body too large to be held, on its way out of the store; it stays there until `release`."""

    def __len__(self) -> int:
        """Bytes."""
        ...

    def steps(self) -> Iterator[Callable[[sqlite3.Connection], bytes]]:
        """Yield brief transactions that read it, piece by piece."""
        ...

    def release(self, db: sqlite3.Connection) -> None:
        """Let go of it, wherever the reading has ended."""
        ...


@record
class Response:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    outgoing: Outgoing | None = None
    """What comes instead of the body, where that is too large."""
    rest: AsyncIterator[bytes] | None = None
    """The same, as it is sent."""


def held(request: Request) -> Request:
    """Return the request with its body in memory. Raises RequestEntityTooLarge."""
    if request.large is None:
        return request
    if len(request.large) > LONGEST_HELD:
        raise AwsError("RequestEntityTooLarge", f"The body has more than {LONGEST_HELD} bytes", 413)
    return replace(request, body=request.large.mapped[:], large=None)


def unzipped(request: Request) -> Request:
    """Return the request with a plain body: SDKs compress large ones. S3's content encoding is the object's own."""
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
