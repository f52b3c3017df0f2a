import pytest

from culm.cluster.services.logs import searches
from culm.cluster.store import logs as following


@pytest.fixture
def logs(cloud):
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="g")
    for name in ("app/1", "app/2", "cron/1"):
        logs.create_log_stream(logGroupName="g", logStreamName=name)
    return logs


@pytest.fixture
def now_ms(cloud):
    return int(cloud.now * 1000)


def put(logs, stream, *events):
    batch = [{"timestamp": timestamp, "message": message} for timestamp, message in events]
    logs.put_log_events(logGroupName="g", logStreamName=stream, logEvents=batch)


def search(logs, **asked):
    """Messages of all pages."""
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="g", **asked)
    return "".join(event["message"] for page in pages for event in page["events"])


def test_streams_are_interleaved_by_time(logs, now_ms):
    put(logs, "app/1", (now_ms, "a"), (now_ms + 2, "c"))
    put(logs, "app/2", (now_ms + 1, "b"), (now_ms + 3, "d"))

    answer = logs.filter_log_events(logGroupName="g")

    assert [(e["logStreamName"], e["message"]) for e in answer["events"]] == [
        ("app/1", "a"),
        ("app/2", "b"),
        ("app/1", "c"),
        ("app/2", "d"),
    ]
    assert "nextToken" not in answer


def test_event_ids_differ_and_stay(logs, now_ms):
    put(logs, "app/1", (now_ms, "a"), (now_ms, "a"))
    put(logs, "app/2", (now_ms, "a"))
    ids = [[e["eventId"] for e in logs.filter_log_events(logGroupName="g")["events"]] for _ in range(2)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3


@pytest.mark.parametrize("page", [1, 2, 3, 7])
@pytest.mark.parametrize("head", [True, False])
def test_pages_neither_lose_nor_repeat_an_event(logs, now_ms, page, head):
    put(logs, "app/1", (now_ms, "a"), (now_ms, "b"), (now_ms + 1, "e"))
    put(logs, "app/2", (now_ms, "c"), (now_ms + 1, "f"))
    put(logs, "cron/1", (now_ms, "d"), (now_ms + 2, "g"))

    found = search(logs, startFromHead=head, PaginationConfig={"PageSize": page})

    assert found == ("abcdefg" if head else "gfedcba")


def test_a_time_range_includes_both_ends(logs, now_ms):
    put(logs, "app/1", *((now_ms + n, str(n)) for n in range(5)))
    assert search(logs, startTime=now_ms + 1, endTime=now_ms + 3) == "123"


def test_streams_are_chosen_by_name_or_prefix(logs, now_ms):
    for n, name in enumerate(("app/1", "app/2", "cron/1")):
        put(logs, name, (now_ms, str(n)))
    assert search(logs, logStreamNamePrefix="app/") == "01"
    assert search(logs, logStreamNames=["cron/1", "app/1"]) == "02"


def test_streams_are_chosen_one_way(logs):
    with pytest.raises(logs.exceptions.InvalidParameterException, match="cannot be specified together"):
        search(logs, logStreamNames=["app/1"], logStreamNamePrefix="app/")


def test_a_stream_that_is_not_there_is_an_error(logs):
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="The specified log stream does not exist"):
        search(logs, logStreamNames=["other"])


def test_a_pattern_chooses_messages(logs, now_ms):
    put(logs, "app/1", (now_ms, "ERROR a "), (now_ms + 1, "INFO b "), (now_ms + 2, "ERROR c "))
    assert search(logs, filterPattern="ERROR -c") == "ERROR a "


def test_a_bad_pattern_says_what_is_wrong(logs):
    with pytest.raises(logs.exceptions.InvalidParameterException, match="put it in double quotes"):
        search(logs, filterPattern="a.b")


def test_a_long_search_that_finds_nothing_comes_back_with_a_token(cloud, logs, now_ms):
    hay = [(now_ms + n, "hay") for n in range(50_001)]
    lines = following.LogBatch(container="c", events=[*hay, (now_ms + 60_000, "needle")], cursor="1")
    following.append(cloud.db, "g", "app/1", lines, now_ms)

    answer = logs.filter_log_events(logGroupName="g", filterPattern="-hay")

    assert answer["events"] == []
    assert search(logs, filterPattern="-hay", PaginationConfig={"StartingToken": answer["nextToken"]}) == "needle"


@pytest.mark.parametrize("from_head", [True, False])
@pytest.mark.parametrize("at_once", [1, 3, 7, 1000])
@pytest.mark.parametrize("page", [1, 2, 50])
def test_a_search_for_words_returns_each_event_with_them_once(logs, now_ms, monkeypatch, at_once, page, from_head):
    """However few events one call passes over, and however many there are within one millisecond."""
    monkeypatch.setattr(searches, "_PASSED_EVENTS", at_once)
    for number, stream in enumerate(("app/1", "app/2", "cron/1")):
        put(logs, stream, *((now_ms + n // 4, f"{'x' if (n + number) % 3 else '.'}{n:02}{number} ") for n in range(20)))
    span = {"startTime": now_ms + 1, "endTime": now_ms + 3}
    every = logs.filter_log_events(logGroupName="g", **span)["events"]
    wanted = [event["message"] for event in every if "x" in event["message"]]
    messages, token = [], None
    for _ in range(200):
        more = {"nextToken": token} if token else {}
        answer = logs.filter_log_events(
            logGroupName="g", filterPattern='"x"', startFromHead=from_head, limit=page, **span, **more
        )
        messages += [event["message"] for event in answer["events"]]
        token = answer.get("nextToken")
        if not token:
            break
    assert messages == (wanted if from_head else wanted[::-1])
    assert len(messages) == 24


def test_a_page_holds_about_a_mebibyte(logs, now_ms):
    for n in range(3):
        put(logs, "app/1", (now_ms + n, str(n) * 600_000))
    answer = logs.filter_log_events(logGroupName="g")
    assert len(answer["events"]) == 2
    assert "nextToken" in answer
