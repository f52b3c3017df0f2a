"""Messages of event streams, as botocore reads them."""

import pytest
from botocore.eventstream import EventStreamBuffer, EventStreamMessage

from culm.cluster.wire.event_stream import event, exception, message


def read(*messages: bytes) -> list[EventStreamMessage]:
    buffer = EventStreamBuffer()
    for each in messages:
        buffer.add_data(each)
    return list(buffer)


def test_an_event_has_its_name_and_its_payload():
    [one] = read(event("sessionStart", b'{"a": 1}'))
    assert (one.headers, one.payload) == (
        {":message-type": "event", ":event-type": "sessionStart", ":content-type": "application/json"},
        b'{"a": 1}',
    )


def test_an_error_ends_a_stream_by_its_shapes_name():
    [one] = read(exception("SessionTimeoutException", b"{}"))
    assert one.to_response_dict()["status_code"] == 400
    assert (one.headers[":message-type"], one.headers[":exception-type"]) == ("exception", "SessionTimeoutException")


@pytest.mark.parametrize("payload", [b"", b"x" * 70_000])
def test_messages_follow_one_another_whatever_their_length(payload):
    value = "v" * 300
    assert [(each.headers, each.payload) for each in read(message({"n": value}, payload), message({}, b"y"))] == [
        ({"n": value}, payload),
        ({}, b"y"),
    ]
