"""Order on a data channel: over a line that loses, repeats and reorders."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from culm.core.decide.data_channel import AGAIN_SECONDS, MOST_AHEAD, Incoming, Outgoing
from culm.core.model.data_channel import Message, Payload, decode


def ids() -> str:
    return f"{next(_numbers):032x}"


_numbers = itertools.count()


@given(st.lists(st.binary(min_size=1, max_size=5), max_size=20), st.randoms(use_true_random=False))
def test_everything_arrives_once_and_in_order_whatever_the_line_does(
    payloads: list[bytes], chance: random.Random
) -> None:
    outgoing, incoming = Outgoing("input_stream_data", ids), Incoming(ids)
    line = [outgoing.send(Payload.OUTPUT, payload, 0.0) for payload in payloads]
    now, got = 0.0, []
    for number in range(100):
        bad = number < 20  # no line is bad for ever
        chance.shuffle(line)
        some, line = line[: chance.randint(0, len(line)) if bad else len(line)], []
        for data in some:
            for _ in range(chance.choice((0, 1, 2)) if bad else 1):
                message = decode(data)
                got += [one.payload for one in incoming.take(message)]
                if not bad or chance.random() < 0.7:
                    outgoing.acknowledged(decode(incoming.acknowledge(message, now)))
        now += AGAIN_SECONDS
        if (data := outgoing.again(now)) is None:
            break
        line.append(data)
    assert got == payloads


def test_nothing_is_sent_again_before_its_time() -> None:
    outgoing = Outgoing("input_stream_data", ids)
    assert outgoing.again(100.0) is None
    first = outgoing.send(Payload.OUTPUT, b"a", 0.0)
    outgoing.send(Payload.OUTPUT, b"b", 0.0)
    assert outgoing.again(AGAIN_SECONDS / 2) is None
    assert outgoing.again(AGAIN_SECONDS) == first
    assert outgoing.again(AGAIN_SECONDS * 1.5) is None


def test_an_acknowledgement_names_what_it_is_for() -> None:
    message = Message(kind="output_stream_data", payload=b"a", sequence=7, id="01" * 16, created_at=0.0)
    told = decode(Incoming(ids).acknowledge(message, 1.0))
    assert (told.kind, told.flags) == ("acknowledge", 3)
    assert told.words == {
        "AcknowledgedMessageType": "output_stream_data",
        "AcknowledgedMessageId": "01010101-0101-0101-0101-010101010101",
        "AcknowledgedMessageSequenceNumber": 7,
        "IsSequentialMessage": True,
    }


def test_the_next_message_is_accepted_however_many_wait_behind_it() -> None:
    incoming = Incoming(ids)
    for number in range(1, MOST_AHEAD + 1):
        assert incoming.take(numbered(number)) == []
    assert not incoming.accepts(numbered(MOST_AHEAD + 1))
    assert incoming.accepts(numbered(0))
    assert [message.sequence for message in incoming.take(numbered(0))] == list(range(MOST_AHEAD + 1))
    assert incoming.accepts(numbered(MOST_AHEAD + 1))
    assert incoming.accepts(numbered(3)), "it was there already, and its acknowledgement may have been lost"
    assert incoming.take(numbered(3)) == []


def numbered(sequence: int) -> Message:
    return Message(kind="input_stream_data", payload=b"", sequence=sequence, id="01" * 16, created_at=0.0)
