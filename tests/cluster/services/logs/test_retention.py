import pytest

from culm.cluster.store.logs import events

DAY_SECONDS = 86_400


@pytest.fixture
def logs(cloud):
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    return logs


def put(cloud, logs, message):
    event = {"timestamp": int(cloud.now * 1000), "message": message}
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[event])


def kept(cloud):
    return [row["message"] for row in cloud.db.execute("SELECT message FROM log_event ORDER BY timestamp_ms")]


def test_expired_events_are_out_of_sight_at_once(cloud, logs):
    put(cloud, logs, "old")
    cloud.clock.advance(2 * DAY_SECONDS)
    put(cloud, logs, "new")

    logs.put_retention_policy(logGroupName="g", retentionInDays=1)

    assert [e["message"] for e in logs.filter_log_events(logGroupName="g")["events"]] == ["new"]
    got = logs.get_log_events(logGroupName="g", logStreamName="s", startFromHead=True)
    assert [e["message"] for e in got["events"]] == ["new"]


def test_expired_events_are_removed_some_at_a_time(cloud, logs):
    logs.put_retention_policy(logGroupName="g", retentionInDays=1)
    for message in ("a", "b", "c"):
        put(cloud, logs, message)
    cloud.clock.advance(2 * DAY_SECONDS)
    put(cloud, logs, "d")
    now_ms = int(cloud.now * 1000)

    assert events.expire(cloud.db, now_ms, limit=2) == 2
    assert kept(cloud) == ["c", "d"]
    assert events.expire(cloud.db, now_ms, limit=2) == 1
    assert events.expire(cloud.db, now_ms, limit=2) == 0
    assert kept(cloud) == ["d"]


def test_what_is_removed_no_longer_counts(cloud, logs):
    logs.put_retention_policy(logGroupName="g", retentionInDays=1)
    put(cloud, logs, "ää")
    cloud.clock.advance(2 * DAY_SECONDS)
    put(cloud, logs, "new")
    events.expire(cloud.db, int(cloud.now * 1000))

    (group,) = logs.describe_log_groups()["logGroups"]
    (stream,) = logs.describe_log_streams(logGroupName="g")["logStreams"]

    assert group["storedBytes"] == len("new") + 26
    assert stream["firstEventTimestamp"] == int(cloud.now * 1000)


def test_without_a_policy_nothing_expires(cloud, logs):
    put(cloud, logs, "old")
    logs.put_retention_policy(logGroupName="g", retentionInDays=1)
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 1
    logs.delete_retention_policy(logGroupName="g")
    cloud.clock.advance(10_000 * DAY_SECONDS)

    assert events.expire(cloud.db, int(cloud.now * 1000)) == 0
    assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]


def test_only_aws_numbers_of_days_are_taken(logs):
    with pytest.raises(logs.exceptions.InvalidParameterException, match="enum value set"):
        logs.put_retention_policy(logGroupName="g", retentionInDays=2)
