"""Keep the messages of a data channel in order, at either end: numbers, acknowledgements, resends. No I/O, no clock."""

import json
from collections.abc import Callable

from culm.core.model.data_channel import ALONE, Kind, Message, Payload, as_uuid, encode

AGAIN_SECONDS = 1.0
"""How long a message waits for its acknowledgement before it is sent again."""
MOST_AHEAD = 10_000
"""Messages that may come before the one that is expected."""


class Outgoing:
    """The sending side: numbers messages, and keeps each until it is acknowledged."""

    def __init__(self, kind: Kind, new_id: Callable[[], str]) -> None:
        self._kind = kind
        self._new_id = new_id
        self._next = 0
        self._waiting: dict[int, tuple[bytes, float]] = {}

    def send(self, payload_type: Payload, payload: bytes, now: float) -> bytes:
        """Return the message to send, numbered, and keep it until it is acknowledged. `now`: epoch seconds."""
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
        """Forget the message that this one acknowledges."""
        self._waiting.pop(message.words.get("AcknowledgedMessageSequenceNumber", -1), None)

    @property
    def waiting(self) -> int:
        """How many messages are not acknowledged yet."""
        return len(self._waiting)

    def again(self, now: float) -> bytes | None:
        """Return the oldest message to send again when it has waited too long, else None."""
        if not self._waiting:
            return None
        number, (data, since) = next(iter(self._waiting.items()))
        if now - since < AGAIN_SECONDS:
            return None
        self._waiting[number] = data, now
        return data


class Incoming:
    """The receiving side: hands messages out in order, each once."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._expected = 0
        self._ahead: dict[int, Message] = {}

    def accepts(self, message: Message) -> bool:
        """Return whether there is room to keep the message until its turn. If not, it must not be acknowledged either.

        The next one in order is always accepted, however many wait behind it.
        """
        return message.sequence <= self._expected or len(self._ahead) < MOST_AHEAD

    def take(self, message: Message) -> list[Message]:
        """Add a message that `accepts` allows, and return those that are now next in order."""
        if message.sequence >= self._expected:
            self._ahead[message.sequence] = message
        in_order = []
        while (following := self._ahead.pop(self._expected, None)) is not None:
            in_order.append(following)
            self._expected += 1
        return in_order

    def acknowledge(self, message: Message, now: float) -> bytes:
        """Return the acknowledgement of a message; a repeated message gets one too, as the first may have been lost."""
        content = {
            "AcknowledgedMessageType": message.kind,
            "AcknowledgedMessageId": as_uuid(message.id),
            "AcknowledgedMessageSequenceNumber": message.sequence,
            "IsSequentialMessage": True,
        }
        return encode(
            Message(
                kind="acknowledge",
                payload=json.dumps(content).encode(),
                flags=ALONE,
                id=self._new_id(),
                created_at=now,
            )
        )
