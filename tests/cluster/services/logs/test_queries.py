import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def logs(cloud):
    logs = cloud.client("logs")
    for group in ("g", "h"):
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="s")
    return logs


@pytest.fixture
def now(cloud):
    return int(cloud.now)


def put(logs, group, *events):
    """Events are (timestamp in ms, message)."""
    batch = [{"timestamp": timestamp, "message": message} for timestamp, message in events]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=batch)


def start(logs, now, query, **where):
    where = where or {"logGroupName": "g"}
    return logs.start_query(startTime=now - 3600, endTime=now, queryString=query, **where)["queryId"]


def answer(logs, now, query, **where):
    results = logs.get_query_results(queryId=start(logs, now, query, **where))["results"]
    return [{cell["field"]: cell["value"] for cell in row if cell["field"] != "@ptr"} for row in results]


def test_a_query_is_complete_at_the_first_look(logs, now):
    put(logs, "g", (now * 1000 - 7, "a"), (now * 1000, "ERROR b"))

    complete = logs.get_query_results(queryId=start(logs, now, "fields @message | filter @message like /ERROR/"))

    assert complete["status"] == "Complete"
    assert [cell["field"] for cell in complete["results"][0]] == ["@message", "@ptr"]
    assert complete["statistics"] == {
        "recordsMatched": 1.0,
        "recordsScanned": 2.0,
        "bytesScanned": 8.0,
        "estimatedRecordsSkipped": 0.0,
        "estimatedBytesSkipped": 0.0,
        "logGroupsScanned": 1.0,
    }


def test_events_come_newest_first_and_know_where_they_are_from(logs, now):
    put(logs, "g", (now * 1000 - 2, "a"), (now * 1000, "c"))
    put(logs, "h", (now * 1000 - 1, "b"))

    both = {"logGroupIdentifiers": ["g", "arn:aws:logs:us-east-1:000000000000:log-group:h"]}
    assert answer(logs, now, "fields @message, @log, @logStream", **both) == [
        {"@message": "c", "@log": "000000000000:g", "@logStream": "s"},
        {"@message": "b", "@log": "000000000000:h", "@logStream": "s"},
        {"@message": "a", "@log": "000000000000:g", "@logStream": "s"},
    ]
    assert len(answer(logs, now, "fields @message", logGroupNames=["g", "h"])) == 3


def test_both_ends_of_the_time_are_within_it(logs, now):
    first = (now - 3600) * 1000
    put(logs, "g", (first - 1, "before"), (first, "first"), (now * 1000 + 999, "last"), (now * 1000 + 1000, "behind"))
    assert [row["@message"] for row in answer(logs, now, "fields @message")] == ["last", "first"]


def test_counts_by_bin(logs, now):
    put(logs, "g", *((now * 1000 - 1000 * age, '{"status": 500}') for age in (130, 70, 65, 5)))
    rows = answer(logs, now, "filter status = 500 | stats count(*) as n by bin(1m) | sort n desc | limit 1")
    assert [row["n"] for row in rows] == ["2"]


def test_results_come_in_pages_and_by_limit(logs, now):
    put(logs, "g", *((now * 1000, str(number)) for number in range(5)))
    query = start(logs, now, "fields @message")

    first = logs.get_query_results(queryId=query, maxItems=3)
    second = logs.get_query_results(queryId=query, maxItems=3, nextToken=first["nextToken"])

    assert [len(first["results"]), len(second["results"])] == [3, 2]
    assert "nextToken" not in second
    limited = logs.start_query(logGroupName="g", startTime=0, endTime=now, queryString="fields @message", limit=2)
    assert len(logs.get_query_results(queryId=limited["queryId"])["results"]) == 2
    with pytest.raises(logs.exceptions.InvalidParameterException, match="nextToken is invalid"):
        logs.get_query_results(queryId=query, nextToken="x")


def test_queries_are_described(cloud, logs, now):
    query = start(logs, now, "fields @message")

    assert logs.describe_queries(logGroupName="g", status="Complete")["queries"] == [
        {
            "queryLanguage": "CWLI",
            "queryId": query,
            "queryString": f'SOURCE "g" START={now - 3600}000 END={now}999 | fields @message',
            "status": "Complete",
            "createTime": int(cloud.now * 1000),
            "logGroupName": "g",
        }
    ]
    assert logs.describe_queries(logGroupName="h")["queries"] == []
    assert logs.describe_queries(logGroupName="g", status="Scheduled")["queries"] == []


def test_queries_are_forgotten_after_a_week(cloud, logs, now):
    query = start(logs, now, "fields @message")
    cloud.clock.now += 8 * 24 * 3600
    start(logs, now, "fields @message")
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="The specified query does not exist"):
        logs.get_query_results(queryId=query)


def test_a_query_that_has_ended_cannot_be_stopped(logs, now):
    with pytest.raises(logs.exceptions.InvalidParameterException, match="is not running"):
        logs.stop_query(queryId=start(logs, now, "fields @message"))
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.stop_query(queryId="none")


def test_a_query_needs_groups_that_there_are(logs, now):
    with pytest.raises(ClientError, match="Log group 'no' does not exist for account ID '000000000000'"):
        start(logs, now, "fields @message", logGroupName="no")
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Exactly one of"):
        start(logs, now, "fields @message", logGroupName="g", logGroupNames=["h"])
    with pytest.raises(logs.exceptions.InvalidParameterException, match="at most 50"):
        start(logs, now, "fields @message", logGroupNames=[str(number) for number in range(51)])
    with pytest.raises(logs.exceptions.InvalidParameterException, match="before its start"):
        logs.start_query(logGroupName="g", startTime=2, endTime=1, queryString="fields @message")


def test_a_malformed_query_says_where(logs, now):
    with pytest.raises(logs.exceptions.MalformedQueryException, match="at line 2 and position 3") as refused:
        start(logs, now, "fields @message\n| bogus")
    assert refused.value.response["queryCompileError"]["location"] == {"startCharOffset": 18, "endCharOffset": 23}


def test_a_pointer_leads_to_the_whole_event(logs, now):
    put(logs, "g", (now * 1000, '{"user": {"name": "eva"}}'))
    [[_, pointer]] = logs.get_query_results(queryId=start(logs, now, "fields @message"))["results"]

    assert logs.get_log_record(logRecordPointer=pointer["value"])["logRecord"] == {
        "@timestamp": str(now * 1000),
        "@ingestionTime": str(now * 1000),
        "@message": '{"user": {"name": "eva"}}',
        "@log": "000000000000:g",
        "@logStream": "s",
        "@ptr": pointer["value"],
        "user.name": "eva",
    }
    logs.delete_log_group(logGroupName="g")
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="log record does not exist"):
        logs.get_log_record(logRecordPointer=pointer["value"])
    for wrong in ("x", "YQ==", "\u00e4"):
        with pytest.raises(logs.exceptions.InvalidParameterException, match="pointer is invalid"):
            logs.get_log_record(logRecordPointer=wrong)


def test_fields_of_a_group_with_their_shares(logs, now):
    put(logs, "g", (now * 1000 - 3_600_000, '{"old": 1}'), (now * 1000, '{"a": 1}'), (now * 1000, "text"))

    arn = "arn:aws:logs:us-east-1:000000000000:log-group:g"
    recent = logs.get_log_group_fields(logGroupIdentifier=arn)["logGroupFields"]
    assert {each["name"]: each["percent"] for each in recent} == {
        "@ingestionTime": 100,
        "@log": 100,
        "@logStream": 100,
        "@message": 100,
        "@timestamp": 100,
        "a": 50,
    }
    old = logs.get_log_group_fields(logGroupName="g", time=now - 3600)["logGroupFields"]
    assert "old" in [each["name"] for each in old]
    assert logs.get_log_group_fields(logGroupName="h")["logGroupFields"] == []


def test_definitions_are_kept_changed_and_deleted(cloud, logs):
    made = logs.put_query_definition(name="shop/errors", queryString="limit 1", logGroupNames=["g"])
    other = logs.put_query_definition(name="b", queryString="limit 2")
    logs.put_query_definition(name="b", queryString="limit 3", queryDefinitionId=other["queryDefinitionId"])

    assert logs.describe_query_definitions()["queryDefinitions"] == [
        {
            "queryLanguage": "CWLI",
            "queryDefinitionId": other["queryDefinitionId"],
            "name": "b",
            "queryString": "limit 3",
            "lastModified": int(cloud.now * 1000),
        },
        {
            "queryLanguage": "CWLI",
            "queryDefinitionId": made["queryDefinitionId"],
            "name": "shop/errors",
            "queryString": "limit 1",
            "lastModified": int(cloud.now * 1000),
            "logGroupNames": ["g"],
        },
    ]
    assert len(logs.describe_query_definitions(queryDefinitionNamePrefix="shop/")["queryDefinitions"]) == 1
    assert logs.delete_query_definition(queryDefinitionId=made["queryDefinitionId"])["success"] is True
    missing = logs.exceptions.ResourceNotFoundException
    with pytest.raises(missing, match="The specified query definition does not exist"):
        logs.delete_query_definition(queryDefinitionId=made["queryDefinitionId"])
    with pytest.raises(missing):
        logs.put_query_definition(name="x", queryString="limit 1", queryDefinitionId="none")


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, ["/culm/web", "g", "h"]),
        ({"logGroupNamePattern": "WEB"}, ["/culm/web"]),
        ({"logGroupNamePattern": "^web|^/culm"}, ["/culm/web"]),
        ({"logGroupNamePattern": "^web"}, []),
        ({"logGroupClass": "INFREQUENT_ACCESS"}, []),
        ({"accountIdentifiers": ["111111111111"]}, []),
    ],
)
def test_groups_are_listed(logs, asked, names):
    logs.create_log_group(logGroupName="/culm/web")
    groups = logs.list_log_groups(**asked)["logGroups"]
    assert [group["logGroupName"] for group in groups] == names
    assert all(set(group) == {"logGroupName", "logGroupArn", "logGroupClass"} for group in groups)


def test_a_pattern_of_groups_has_three_letters_at_least(logs):
    with pytest.raises(logs.exceptions.InvalidParameterException, match="logGroupNamePattern"):
        logs.list_log_groups(logGroupNamePattern="a b c")
