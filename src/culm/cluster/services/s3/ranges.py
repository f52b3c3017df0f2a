"""`Range: bytes=0-99`, and S3's variant of it when parts are copied."""

import re

from culm.errors import AwsError

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def parse(header: str | None, size: int) -> tuple[int, int] | None:
    """Return first and last byte, both included; None for the whole, also when the header is not one single range."""
    match = _RANGE.fullmatch(header or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first and last and int(last) < int(first):
        return None  # RFC 9110 has it invalid, and what is invalid is ignored
    if not first:
        start, end = max(size - int(last), 0), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
    if start > end:
        raise AwsError("InvalidRange", "The requested range is not satisfiable", 416, actual_object_size=size)
    return start, end


def parse_exact(header: str | None, size: int) -> tuple[int, int]:
    """Return first and last byte of CopySourceRange; raise AwsError unless they are inside the source."""
    if header is None:
        return 0, size - 1
    match = _RANGE.fullmatch(header)
    if match is None or "" in match.groups():
        raise AwsError("InvalidArgument", "The x-amz-copy-source-range value must be of the form bytes=first-last.")
    first, last = map(int, match.groups())
    if not first <= last < size:
        raise AwsError("InvalidArgument", f"Range specified is not valid for source object of size: {size}")
    return first, last
