import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def logs(cloud):
    return cloud.client("logs")


def test_a_group_is_described_as_it_was_created(cloud, logs):
    logs.create_log_group(logGroupName="/culm/bamboo/accounts", tags={"team": "a"})

    (group,) = logs.describe_log_groups()["logGroups"]

    assert group == {
        "logGroupName": "/culm/bamboo/accounts",
        "creationTime": int(cloud.now * 1000),
        "metricFilterCount": 0,
        "arn": "arn:aws:logs:us-east-1:000000000000:log-group:/culm/bamboo/accounts:*",
        "logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:/culm/bamboo/accounts",
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
        "deletionProtectionEnabled": False,
    }


def test_a_group_exists_once(logs):
    logs.create_log_group(logGroupName="g")
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException, match="The specified log group already exists"):
        logs.create_log_group(logGroupName="g")


def test_a_name_with_a_blank_is_refused(logs):
    with pytest.raises(logs.exceptions.InvalidParameterException, match="regular expression pattern"):
        logs.create_log_group(logGroupName="a b")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"logGroupNamePrefix": "/culm/"}, ["/culm/a", "/culm/b"]),
        ({"logGroupNamePattern": "LM/A"}, ["/culm/a"]),
        (
            {"logGroupIdentifiers": ["/other", "arn:aws:logs:us-east-1:000000000000:log-group:/culm/b"]},
            ["/culm/b", "/other"],
        ),
        ({"logGroupClass": "INFREQUENT_ACCESS"}, ["/other"]),
        ({"limit": 1}, ["/culm/a"]),
    ],
)
def test_groups_are_found_by(logs, asked, found):
    logs.create_log_group(logGroupName="/culm/b")
    logs.create_log_group(logGroupName="/culm/a")
    logs.create_log_group(logGroupName="/other", logGroupClass="INFREQUENT_ACCESS")

    assert [group["logGroupName"] for group in logs.describe_log_groups(**asked)["logGroups"]] == found


def test_prefix_and_pattern_exclude_each_other(logs):
    with pytest.raises(logs.exceptions.InvalidParameterException, match="mutually exclusive"):
        logs.describe_log_groups(logGroupNamePrefix="a", logGroupNamePattern="b")


def test_a_deleted_group_takes_its_streams_and_events_along(cloud, logs):
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    event = {"timestamp": int(cloud.now * 1000), "message": "hello"}
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[event])

    logs.delete_log_group(logGroupName="g")
    logs.create_log_group(logGroupName="g")

    assert logs.describe_log_streams(logGroupName="g")["logStreams"] == []
    assert cloud.db.execute("SELECT count(*) FROM log_event").fetchone()[0] == 0


def test_a_protected_group_is_not_deleted(logs):
    logs.create_log_group(logGroupName="g", deletionProtectionEnabled=True)
    with pytest.raises(logs.exceptions.ValidationException, match="protected"):
        logs.delete_log_group(logGroupName="g")


def test_deleting_a_group_that_is_not_there_says_so(logs):
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match=r"The specified log group does not exist\."):
        logs.delete_log_group(logGroupName="g")


def test_tags_go_by_arn_and_by_name(logs):
    logs.create_log_group(logGroupName="g", tags={"a": "1"})
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:g"

    logs.tag_resource(resourceArn=arn, tags={"b": "2"})
    logs.tag_log_group(logGroupName="g", tags={"c": "3"})
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "1", "b": "2", "c": "3"}

    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    logs.untag_log_group(logGroupName="g", tags=["b"])
    assert logs.list_tags_log_group(logGroupName="g")["tags"] == {"c": "3"}


def test_a_group_has_at_most_fifty_tags(logs):
    logs.create_log_group(logGroupName="g", tags={f"k{n}": "" for n in range(50)})
    with pytest.raises(ClientError, match="at most 50 tags; these would be 51"):
        logs.tag_log_group(logGroupName="g", tags={"one": "more"})


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"logGroupName": "a" * 513}, f"Value '{'a' * 513}' at 'logGroupName' failed to satisfy constraint: Member"),
        ({"logGroupName": "a b"}, r"Value 'a b' at 'logGroupName' .* pattern: \[\\.\\-_/#A-Za-z0-9\]\+"),
        ({"logGroupIdentifier": "arn:aws:logs:us-east-1:0:log-group:g:*"}, "Value at 'logGroupIdentifier' failed"),
    ],
)
def test_names_are_refused_in_awss_words(logs, asked, problem):
    with pytest.raises(logs.exceptions.InvalidParameterException, match=problem):
        logs.describe_log_streams(**asked)


def test_a_group_that_a_part_of_its_name_finds_does_not_tell_that_it_is_unprotected(logs):
    """AWS's index for these searches has no such member."""
    logs.create_log_group(logGroupName="/web/api")
    (by_part,) = logs.describe_log_groups(logGroupNamePattern="api")["logGroups"]
    (by_prefix,) = logs.describe_log_groups(logGroupNamePrefix="/web")["logGroups"]
    assert "deletionProtectionEnabled" not in by_part
    assert by_prefix["deletionProtectionEnabled"] is False
