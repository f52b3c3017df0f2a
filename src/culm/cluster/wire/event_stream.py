"""Messages of an event stream: a response that goes on, each message with its headers, payload and checksums.

    length of all (4) | length of headers (4) | CRC of both (4) | headers | payload | CRC of all before (4)

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html
"""

import struct
import zlib
from collections.abc import Mapping

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_TEXT = 7
"""The type of a header's value that is text."""


def event(name: str, payload: bytes) -> bytes:
    """Return the message of an event whose payload is JSON."""
    return message({":message-type": "event", ":event-type": name, ":content-type": "application/json"}, payload)


def exception(name: str, payload: bytes) -> bytes:
    """Return the message of a modelled error that ends a stream."""
    return message(
        {":message-type": "exception", ":exception-type": name, ":content-type": "application/json"}, payload
    )


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return a message with these headers, all of them text."""
    head = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _TEXT, len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    body = prelude + struct.pack("!I", zlib.crc32(prelude)) + head + payload
    return body + struct.pack("!I", zlib.crc32(body))
