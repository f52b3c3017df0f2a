import itertools
import json

import pytest
from botocore.eventstream import EventStreamBuffer

from culm.cluster.services.logs.live_tail import Tail, timed_out

G = "arn:aws:logs:us-east-1:000000000000:log-group:g"
H = "arn:aws:logs:us-east-1:000000000000:log-group:h"


@pytest.fixture
def logs(cloud):
    logs = cloud.client("logs")
    for group in ("g", "h"):
        logs.create_log_group(logGroupName=group)
        for stream in ("a/1", "b/1"):
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
    return logs


@pytest.fixture
def put(cloud, logs):
    def put(group, stream, *messages, before_ms=0):
        batch = [{"timestamp": int(cloud.now * 1000) - before_ms, "message": message} for message in messages]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=batch)

    return put


def payload(message):
    buffer = EventStreamBuffer()
    buffer.add_data(message)
    (event,) = buffer
    return event.headers, event.payload.decode()


def messages(cloud, tail):
    headers, text = payload(tail.update(cloud.db))
    assert headers[":event-type"] == "sessionUpdate"
    return [result["message"] for result in json.loads(text)["sessionResults"]]


def test_a_session_begins_with_what_was_asked(logs):
    stream = logs.start_live_tail(logGroupIdentifiers=[G], logStreamNames=["a/1"], logEventFilterPattern="ERROR")
    (first,) = itertools.islice(stream["responseStream"], 1)

    start = first["sessionStart"]
    assert start["logGroupIdentifiers"] == [G]
    assert start["logStreamNames"] == ["a/1"]
    assert start["logEventFilterPattern"] == "ERROR"
    assert start["sessionId"] and start["requestId"]


def test_events_are_told_once_and_only_those_that_are_new(cloud, logs, put):
    put("g", "a/1", "old")
    tail = Tail(cloud.db, {"logGroupIdentifiers": [G, H]})
    assert messages(cloud, tail) == []

    put("g", "a/1", "1", "2")
    put("h", "b/1", "3")
    logs.create_log_stream(logGroupName="g", logStreamName="c")
    put("g", "c", "4", before_ms=3_600_000)
    assert sorted(messages(cloud, tail)) == ["1", "2", "3", "4"]
    assert messages(cloud, tail) == []


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"logStreamNames": ["a/1"]}, ["ERROR a", "fine a"]),
        ({"logStreamNamePrefixes": ["b/", "x"]}, ["ERROR b"]),
        ({"logEventFilterPattern": "ERROR"}, ["ERROR a", "ERROR b"]),
    ],
)
def test_a_session_can_be_narrowed(cloud, logs, put, asked, reason):
    tail = Tail(cloud.db, {"logGroupIdentifiers": [G], **asked})
    put("g", "a/1", "ERROR a", "fine a")
    put("g", "b/1", "ERROR b")
    assert messages(cloud, tail) == reason


def test_of_too_many_events_the_newest_are_a_sample(cloud, logs, put):
    tail = Tail(cloud.db, {"logGroupIdentifiers": [G]})
    put("g", "a/1", *map(str, range(600)))
    _, text = payload(tail.update(cloud.db))
    assert '"sampled": true' in text
    assert '"599"' in text and '"99"' not in text


def test_a_group_that_goes_is_quiet(cloud, logs):
    tail = Tail(cloud.db, {"logGroupIdentifiers": [G]})
    logs.delete_log_group(logGroupName="g")
    assert messages(cloud, tail) == []


def test_a_session_ends_with_an_exception():
    headers, text = payload(timed_out())
    assert headers[":exception-type"] == "SessionTimeoutException"
    assert "timed out" in text


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"logGroupIdentifiers": ["g"]}, "must be an ARN"),
        ({"logGroupIdentifiers": [f"{G}:*"]}, r"Value at 'logGroupIdentifiers.1.member' failed .* pattern"),
        ({"logGroupIdentifiers": [G], "logStreamNames": ["a"], "logStreamNamePrefixes": ["a"]}, "Only one of"),
        ({"logGroupIdentifiers": [G, H], "logStreamNames": ["a"]}, "single log group"),
        ({"logGroupIdentifiers": [G], "logEventFilterPattern": "{ $."}, "Invalid filter pattern"),
    ],
)
def test_a_session_that_is_wrong_is_refused(logs, asked, reason):
    with pytest.raises(logs.exceptions.InvalidParameterException, match=reason):
        logs.start_live_tail(**asked)


def test_a_session_needs_a_group(logs):
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="The specified log group does not exist"):
        logs.start_live_tail(logGroupIdentifiers=[f"{G}x"])
