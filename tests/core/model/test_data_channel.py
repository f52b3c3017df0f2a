"""Messages of the data channel, byte for byte."""

import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from culm.core.model.data_channel import Message, Payload, as_uuid, decode, encode

ID = "00112233445566778899aabbccddeeff"


def test_a_message_is_laid_out_as_aws_lays_it_out() -> None:
    message = Message(
        kind="input_stream_data", payload=b"ls\r", payload_type=Payload.OUTPUT, sequence=5, id=ID, created_at=1.5
    )
    assert encode(message) == b"".join(
        [
            (116).to_bytes(4, "big"),
            b"input_stream_data               ",
            (1).to_bytes(4, "big"),
            (1500).to_bytes(8, "big"),
            (5).to_bytes(8, "big"),
            (0).to_bytes(8, "big"),
            bytes.fromhex("8899aabbccddeeff0011223344556677"),
            hashlib.sha256(b"ls\r").digest(),
            (1).to_bytes(4, "big"),
            (3).to_bytes(4, "big"),
            b"ls\r",
        ]
    )


@given(st.binary(max_size=2000), st.integers(0, 2**40), st.sampled_from(list(Payload)), st.uuids())
def test_what_is_encoded_is_decoded(payload: bytes, sequence: int, kind: Payload, id: uuid.UUID) -> None:
    message = Message(
        kind="output_stream_data", payload=payload, payload_type=kind, sequence=sequence, id=id.hex, created_at=2.0
    )
    assert decode(encode(message)) == message
    assert as_uuid(message.id) == str(id)


@given(st.binary(max_size=300))
def test_noise_is_refused_and_no_more(noise: bytes) -> None:
    try:
        decode(noise)
    except ValueError:
        return


def test_a_damaged_payload_is_refused() -> None:
    data = encode(Message(kind="acknowledge", payload=b"{}", id=ID, created_at=1.0))
    with pytest.raises(ValueError, match="digest"):
        decode(data[:-1] + b"]")
    assert decode(data[:-1] + b"]", checked=False).payload == b"{]"


def test_words_of_what_is_no_object_are_none() -> None:
    assert Message(kind="acknowledge", payload=b"[1]", id=ID, created_at=1.0).words == {}
    assert Message(kind="acknowledge", payload=b"{", id=ID, created_at=1.0).words == {}
