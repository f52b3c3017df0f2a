import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def logs(cloud):
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="g")
    return logs


def put(cloud, logs, stream, message, seconds_ago=0):
    timestamp = int((cloud.now - seconds_ago) * 1000)
    logs.put_log_events(
        logGroupName="g", logStreamName=stream, logEvents=[{"timestamp": timestamp, "message": message}]
    )
    return timestamp


def test_a_new_stream_has_no_events_yet(cloud, logs):
    logs.create_log_stream(logGroupName="g", logStreamName="web/app/1")

    (stream,) = logs.describe_log_streams(logGroupName="g")["logStreams"]

    assert stream == {
        "logStreamName": "web/app/1",
        "creationTime": int(cloud.now * 1000),
        "arn": "arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:web/app/1",
        "storedBytes": 0,
    }


def test_a_stream_knows_its_first_and_last_event(cloud, logs):
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    first = put(cloud, logs, "s", "first", seconds_ago=60)
    last = put(cloud, logs, "s", "last")

    (stream,) = logs.describe_log_streams(logGroupName="g")["logStreams"]

    assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"]) == (first, last)
    assert stream["lastIngestionTime"] == int(cloud.now * 1000)


def test_streams_come_by_name_or_by_last_event(cloud, logs):
    for name, age in (("b", 10), ("a", 30), ("c", 20)):
        logs.create_log_stream(logGroupName="g", logStreamName=name)
        put(cloud, logs, name, "x", seconds_ago=age)

    def names(**asked):
        return "".join(s["logStreamName"] for s in logs.describe_log_streams(logGroupName="g", **asked)["logStreams"])

    assert names() == "abc"
    assert names(descending=True) == "cba"
    assert names(orderBy="LastEventTime") == "acb"
    assert names(orderBy="LastEventTime", descending=True, limit=1) == "b"
    assert names(logStreamNamePrefix="b") == "b"


def test_the_last_event_cannot_order_streams_of_a_prefix(logs):
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Cannot order by LastEventTime"):
        logs.describe_log_streams(logGroupName="g", orderBy="LastEventTime", logStreamNamePrefix="a")


def test_a_group_may_be_named_by_its_arn(logs):
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:g"
    assert len(logs.describe_log_streams(logGroupIdentifier=arn)["logStreams"]) == 1
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.describe_log_streams(logGroupIdentifier=f"{arn}:*")


def test_a_group_must_be_named_one_way(logs):
    with pytest.raises(ClientError, match=r"ValidationException.*name and LogGroup ARN are mutually exclusive"):
        logs.describe_log_streams(logGroupName="g", logGroupIdentifier="g")
    with pytest.raises(logs.exceptions.InvalidParameterException, match="One of logGroupName"):
        logs.describe_log_streams()


def test_a_stream_exists_once(logs):
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException, match="The specified log stream already exists"):
        logs.create_log_stream(logGroupName="g", logStreamName="s")


def test_a_stream_needs_a_group(logs):
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="The specified log group does not exist"):
        logs.create_log_stream(logGroupName="other", logStreamName="s")


def test_a_colon_is_no_part_of_a_name(logs):
    with pytest.raises(logs.exceptions.InvalidParameterException, match="regular expression pattern"):
        logs.create_log_stream(logGroupName="g", logStreamName="a:b")


def test_a_deleted_stream_is_gone(cloud, logs):
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    put(cloud, logs, "s", "x")

    logs.delete_log_stream(logGroupName="g", logStreamName="s")

    assert logs.describe_log_streams(logGroupName="g")["logStreams"] == []
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="The specified log stream does not exist"):
        logs.delete_log_stream(logGroupName="g", logStreamName="s")
