import pytest

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture
def logs(cloud):
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    return logs


@pytest.fixture
def now_ms(cloud):
    return int(cloud.now * 1000)


def put(logs, *events):
    """Events are (timestamp, message)."""
    batch = [{"timestamp": timestamp, "message": message} for timestamp, message in events]
    return logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=batch)


def get(logs, **asked):
    return logs.get_log_events(logGroupName="g", logStreamName="s", **asked)


def messages(answer):
    return [event["message"] for event in answer["events"]]


def test_what_is_put_is_read_back(logs, now_ms):
    put(logs, (now_ms - 5, "hello"), (now_ms, "wörld"))

    assert get(logs)["events"] == [
        {"timestamp": now_ms - 5, "message": "hello", "ingestionTime": now_ms},
        {"timestamp": now_ms, "message": "wörld", "ingestionTime": now_ms},
    ]


def test_events_of_one_millisecond_keep_their_order(logs, now_ms):
    put(logs, (now_ms, "a"), (now_ms, "b"))
    put(logs, (now_ms, "c"))
    assert messages(get(logs)) == ["a", "b", "c"]


def test_any_sequence_token_will_do(logs, now_ms):
    event = {"timestamp": now_ms, "message": "x"}
    for token in ("1", "no such token"):
        logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[event], sequenceToken=token)
    assert len(get(logs)["events"]) == 2


@pytest.mark.parametrize(("group", "stream", "missing"), [("other", "s", "log group"), ("g", "other", "log stream")])
def test_events_need_a_group_and_a_stream(logs, now_ms, group, stream, missing):
    event = {"timestamp": now_ms, "message": "x"}
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match=f"The specified {missing} does not exist"):
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])


def test_a_batch_must_be_in_order(logs, now_ms):
    with pytest.raises(logs.exceptions.InvalidParameterException, match="chronological order"):
        put(logs, (now_ms, "b"), (now_ms - 1, "a"))


def test_a_batch_spans_a_day_at_most(logs, now_ms):
    put(logs, (now_ms - DAY_MS, "a"), (now_ms, "b"))
    with pytest.raises(logs.exceptions.InvalidParameterException, match="more than 24 hours"):
        put(logs, (now_ms - DAY_MS - 1, "a"), (now_ms, "b"))


def test_a_batch_has_a_mebibyte_at_most(logs, now_ms):
    most = 1_048_576
    put(logs, (now_ms, "x" * (most - 26)))
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Log event too large: 1048577 bytes exceeds"):
        put(logs, (now_ms, "x" * (most - 25)))
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Upload too large: 1048577 bytes exceeds"):
        put(logs, (now_ms, "ä" * 500_000), (now_ms, "y" * (48_576 - 51)))


def test_events_out_of_time_are_rejected_and_the_others_kept(logs, now_ms):
    answer = put(
        logs,
        (now_ms - 14 * DAY_MS - 2, "too old"),
        (now_ms - 14 * DAY_MS - 1, "too old"),
        (now_ms, "good"),
        (now_ms + 2 * HOUR_MS, "good"),
        (now_ms + 2 * HOUR_MS + 1, "too new"),
    )
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 2, "tooNewLogEventStartIndex": 4}
    assert messages(get(logs)) == ["good", "good"]


def test_events_that_have_expired_already_are_rejected(logs, now_ms):
    logs.put_retention_policy(logGroupName="g", retentionInDays=1)
    answer = put(logs, (now_ms - DAY_MS - 1, "expired"), (now_ms - DAY_MS + 1, "good"))
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    assert messages(get(logs)) == ["good"]


def test_the_end_comes_first_unless_the_head_is_asked_for(logs, now_ms):
    put(logs, *((now_ms + n, str(n)) for n in range(5)))
    assert messages(get(logs, limit=2)) == ["3", "4"]
    assert messages(get(logs, limit=2, startFromHead=True)) == ["0", "1"]


def test_tokens_lead_forward_and_stop_at_the_end(logs, now_ms):
    put(logs, *((now_ms + n, str(n)) for n in range(3)))

    page = get(logs, limit=2, startFromHead=True)
    page = get(logs, limit=2, nextToken=page["nextForwardToken"])
    assert messages(page) == ["2"]
    end = get(logs, limit=2, nextToken=page["nextForwardToken"])
    assert messages(end) == []
    assert end["nextForwardToken"] == page["nextForwardToken"]

    put(logs, (now_ms + 2, "3"))
    assert messages(get(logs, nextToken=end["nextForwardToken"])) == ["3"]


def test_tokens_lead_backward_and_stop_at_the_head(logs, now_ms):
    put(logs, *((now_ms + n, str(n)) for n in range(3)))

    page = get(logs, limit=2)
    page = get(logs, limit=2, nextToken=page["nextBackwardToken"])
    assert messages(page) == ["0"]
    head = get(logs, limit=2, nextToken=page["nextBackwardToken"])
    assert messages(head) == []
    assert head["nextBackwardToken"] == page["nextBackwardToken"]
    assert messages(get(logs, limit=1, nextToken=head["nextForwardToken"])) == ["0"]


def test_an_empty_page_at_the_end_leads_back_to_the_last_event(logs, now_ms):
    put(logs, (now_ms, "only"))
    end = get(logs, nextToken=get(logs)["nextForwardToken"])
    assert messages(get(logs, nextToken=end["nextBackwardToken"])) == ["only"]


def test_a_stream_without_events_gives_a_token_for_those_to_come(logs, now_ms):
    token = get(logs)["nextForwardToken"]
    put(logs, (now_ms - 1000, "late"))
    assert messages(get(logs, nextToken=token)) == ["late"]


def test_the_end_of_a_time_range_is_outside(logs, now_ms):
    put(logs, *((now_ms + n, str(n)) for n in range(4)))
    assert messages(get(logs, startTime=now_ms + 1, endTime=now_ms + 3)) == ["1", "2"]
    assert messages(get(logs, startTime=now_ms + 1, endTime=now_ms + 3, startFromHead=True)) == ["1", "2"]


def test_a_page_holds_about_a_mebibyte(logs, now_ms):
    for n in range(3):
        put(logs, (now_ms + n, str(n) * 600_000))
    assert [m[0] for m in messages(get(logs, startFromHead=True))] == ["0"]


def test_a_token_of_another_making_is_refused(logs):
    with pytest.raises(logs.exceptions.InvalidParameterException, match="nextToken is invalid"):
        get(logs, nextToken="f/1")
