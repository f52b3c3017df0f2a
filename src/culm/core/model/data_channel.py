"""Messages of Session Manager's data channel, which ECS Exec speaks: one binary websocket message each.

    | header length 4 | type 32 | version 4 | created 8 | sequence 8 | flags 8 | id 16 | digest 32 | payload type 4 |
    | payload length 4 | payload |

Numbers are big-endian, the digest is the payload's SHA-256, the id's two halves have changed places. AWS documents none
of it; these are the facts of its own client, https://github.com/aws/session-manager-plugin (src/message).
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Literal

from culm.core.model.record import record

Kind = Literal["input_stream_data", "output_stream_data", "acknowledge", "channel_closed"]
HEADER = struct.Struct(">I32sIQqQ16s32sI")
LENGTH = struct.Struct(">I")
VERSION = 1
SCHEMA = "1.0"
"""Of the first message, which is text."""
ALONE = 3
"""Flags of what is in no sequence: its first and its last."""
TERMINATE = 2
"""The payload of FLAG that ends the session."""


class Payload(IntEnum):
    NONE = 0
    OUTPUT = 1
    """Also of input: what is typed."""
    ERROR = 2
    SIZE = 3
    PARAMETER = 4
    HANDSHAKE_REQUEST = 5
    HANDSHAKE_RESPONSE = 6
    HANDSHAKE_COMPLETE = 7
    ENCRYPTION_CHALLENGE = 8
    ENCRYPTION_RESPONSE = 9
    FLAG = 10


@record
class Message:
    kind: str
    payload: bytes
    payload_type: int = Payload.NONE
    sequence: int = 0
    flags: int = 0
    id: str
    """32 hexadecimal digits."""
    created_at: float
    """Epoch seconds."""

    @property
    def words(self) -> Mapping[str, Any]:
        """Return the payload as a JSON object; empty where it is none."""
        try:
            content = json.loads(self.payload)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}


def encode(message: Message) -> bytes:
    """Return the message as the agent's binary protocol has it."""
    id = bytes.fromhex(message.id)
    head = HEADER.pack(
        HEADER.size,
        message.kind.encode().ljust(32),
        VERSION,
        int(message.created_at * 1000),
        message.sequence,
        message.flags,
        id[8:] + id[:8],
        hashlib.sha256(message.payload).digest(),
        message.payload_type,
    )
    return head + LENGTH.pack(len(message.payload)) + message.payload


def decode(data: bytes, *, checked: bool = True) -> Message:
    """Return the message in `data`. Raises ValueError when it is none, or (`checked`) when the digest is wrong."""
    if len(data) < HEADER.size + LENGTH.size:
        raise ValueError("a message of the data channel is longer")
    length, kind, _, created, sequence, flags, id, digest, payload_type = HEADER.unpack_from(data)
    payload = data[length + LENGTH.size :]
    if checked and payload and hashlib.sha256(payload).digest() != digest:
        raise ValueError("the payload is not what its digest says")
    return Message(
        kind=kind.strip(b"\0 ").decode(errors="replace"),
        payload=payload,
        payload_type=payload_type,
        sequence=sequence,
        flags=flags,
        id=(id[8:] + id[:8]).hex(),
        created_at=created / 1000,
    )


def as_uuid(id: str) -> str:
    """Return the id as `01234567-89ab-...`, the form in which messages name each other."""
    return f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}"


def opening(token: str, client_id: str, request_id: str) -> str:
    """Return the client's first message, a text with the session's token."""
    return json.dumps(
        {
            "MessageSchemaVersion": SCHEMA,
            "RequestId": request_id,
            "TokenValue": token,
            "ClientId": client_id,
            "ClientVersion": "1.2.0.0",
        }
    )
