"""What both ends of a data channel do about order: numbers, acknowledgements, sending again. No I/O, no clock."""

import json
from collections.abc import Callable

from culm.core.model.data_channel import ALONE, Kind, Message, Payload, as_uuid, encode

AGAIN_SECONDS = 1.0
"""How long a message waits for its acknowledgement before it is sent again."""
MOST_AHEAD = 10_000
"""Messages that may come before the one that is expected."""


class Outgoing:
    """Numbers what is sent, and keeps it until the other end has it."""

    def __init__(self, kind: Kind, new_id: Callable[[], str]) -> None:
        self._kind = kind
        self._new_id = new_id
        self._next = 0
        self._waiting: dict[int, tuple[bytes, float]] = {}

    def send(self, payload_type: Payload, payload: bytes, now: float) -> bytes:
        message = Message(
            kind=self._kind,
            payload=payload,
            payload_type=payload_type,
            sequence=self._next,
            id=self._new_id(),
            created_at=now,
        )
        data = encode(message)
        self._waiting[self._next] = data, now
        self._next += 1
        return data

    def acknowledged(self, message: Message) -> None:
        self._waiting.pop(message.words.get("AcknowledgedMessageSequenceNumber", -1), None)

    @property
    def waiting(self) -> int:
        """Messages that the other end is not known to have."""
        return len(self._waiting)

    def again(self, now: float) -> bytes | None:
        """The oldest message, when it has waited too long: what comes behind it cannot be used without it."""
        if not self._waiting:
            return None
        number, (data, since) = next(iter(self._waiting.items()))
        if now - since < AGAIN_SECONDS:
            return None
        self._waiting[number] = data, now
        return data


class Incoming:
    """Puts what comes into its order, each message once."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._expected = 0
        self._ahead: dict[int, Message] = {}

    def take(self, message: Message) -> list[Message]:
        """The messages whose turn it is now."""
        if message.sequence >= self._expected and len(self._ahead) < MOST_AHEAD:
            self._ahead[message.sequence] = message
        found = []
        while (following := self._ahead.pop(self._expected, None)) is not None:
            found.append(following)
            self._expected += 1
        return found

    def acknowledge(self, message: Message, now: float) -> bytes:
        """Also of one that was there already: its acknowledgement may have been lost."""
        told = {
            "AcknowledgedMessageType": message.kind,
            "AcknowledgedMessageId": as_uuid(message.id),
            "AcknowledgedMessageSequenceNumber": message.sequence,
            "IsSequentialMessage": True,
        }
        return encode(
            Message(
                kind="acknowledge",
                payload=json.dumps(told).encode(),
                flags=ALONE,
                id=self._new_id(),
                created_at=now,
            )
        )
