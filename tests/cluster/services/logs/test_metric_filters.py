import asyncio

import pytest
from botocore.exceptions import ClientError

from culm.cluster.instance.log_sink import LogSink
from culm.cluster.instance.runtime.interface import Line
from culm.cluster.services.logs import counting
from culm.cluster.store import metrics
from culm.cluster.store.db import Store
from culm.cluster.store.logs import groups, metric_filters
from culm.cluster.store.sealing import Sealer
from culm.core.model.logs import MetricFilter, MetricTransformation
from culm.core.model.metrics import metric

APACHE = '10.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /a.gif HTTP/1.0" 200 1534'


@pytest.fixture
def logs(cloud):
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    return logs


@pytest.fixture
def put(cloud, logs):
    def put(*messages):
        events = [{"timestamp": int(cloud.now * 1000), "message": message} for message in messages]
        logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=events)

    return put


@pytest.fixture
def points(cloud):
    def points(name="n", **dimensions):
        return metrics.find(cloud.db, metric("space", name, **dimensions), 0, cloud.now + 60)

    return points


def transformed(value="1", **more):
    return [{"metricName": "n", "metricNamespace": "space", "metricValue": value, **more}]


def filter_on(logs, pattern, value="1", *, name="f", **more):
    logs.put_metric_filter(
        logGroupName="g", filterName=name, filterPattern=pattern, metricTransformations=transformed(value, **more)
    )


def test_a_filter_is_described_as_it_was_put(cloud, logs):
    filter_on(logs, " ", defaultValue=0)

    assert logs.describe_metric_filters(logGroupName="g", filterNamePrefix="f")["metricFilters"] == [
        {
            "filterName": "f",
            "filterPattern": " ",
            "metricTransformations": transformed(defaultValue=0.0),
            "creationTime": int(cloud.now * 1000),
            "logGroupName": "g",
            "applyOnTransformedLogs": False,
        }
    ]
    assert logs.describe_log_groups()["logGroups"][0]["metricFilterCount"] == 1


def test_a_filter_is_replaced_by_the_next_of_its_name_and_goes_with_its_group(logs):
    filter_on(logs, "a")
    filter_on(logs, "b")
    assert [each["filterPattern"] for each in logs.describe_metric_filters()["metricFilters"]] == ["b"]

    logs.delete_log_group(logGroupName="g")
    assert logs.describe_metric_filters()["metricFilters"] == []


def test_filters_are_described_by_prefix_and_by_metric(logs):
    logs.create_log_group(logGroupName="h")
    filter_on(logs, "a", name="one")
    logs.put_metric_filter(
        logGroupName="h",
        filterName="two",
        filterPattern="b",
        metricTransformations=[{"metricName": "m", "metricNamespace": "A.B-c_d/1#2:x", "metricValue": "1"}],
    )

    def names(**asked):
        return [each["filterName"] for each in logs.describe_metric_filters(**asked)["metricFilters"]]

    assert names() == ["one", "two"]
    assert names(filterNamePrefix="t") == ["two"]
    assert names(metricName="m", metricNamespace="A.B-c_d/1#2:x") == ["two"]
    assert names(metricName="m", metricNamespace="space") == []
    assert names(logGroupName="h") == ["two"]
    filter_on(logs, "", name="two2")
    assert names() == ["one", "two", "two2"]
    with pytest.raises(logs.exceptions.InvalidParameterException, match="together"):
        names(metricName="m")


def test_a_filter_that_was_deleted_counts_no_more(logs, put, points):
    filter_on(logs, "")
    logs.delete_metric_filter(logGroupName="g", filterName="f")
    put("x")

    assert not points()
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="The specified metric filter does not exist"):
        logs.delete_metric_filter(logGroupName="g", filterName="f")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"filterName": "X" * 513}, "at 'filterName' failed .* less than or equal to 512"),
        ({"filterName": "a:b"}, "at 'filterName' failed"),
        ({"filterPattern": "X" * 1025}, "at 'filterPattern' failed .* less than or equal to 1024"),
        ({"filterPattern": "{ $.a"}, "Invalid filter pattern"),
        ({"metricTransformations": transformed() * 2}, "at 'metricTransformations' failed .* less than or equal to 1"),
        ({"metricTransformations": transformed("many")}, "must be a number or a selector"),
        (
            {"metricTransformations": transformed(defaultValue=0, dimensions={"a": "$.a"})},
            "dimensions and default value are mutually exclusive",
        ),
        ({"metricTransformations": transformed(dimensions={k: "$.a" for k in "abcd"})}, "more than 3 dimensions"),
        ({"metricTransformations": transformed(dimensions={"a": "b"})}, "must be a selector"),
    ],
)
def test_a_filter_that_is_wrong_is_refused(logs, wrong, reason):
    right = {
        "logGroupName": "g",
        "filterName": "f",
        "filterPattern": "p",
        "metricTransformations": transformed(),
    }
    with pytest.raises(logs.exceptions.InvalidParameterException, match=reason):
        logs.put_metric_filter(**right | wrong)


def test_a_filter_needs_a_group_and_a_group_has_a_hundred(logs):
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="The specified log group does not exist"):
        logs.describe_metric_filters(logGroupName="other")
    for number in range(100):
        filter_on(logs, "", name=str(number))
    filter_on(logs, "a", name="99")
    with pytest.raises(logs.exceptions.LimitExceededException, match="Resource limit exceeded"):
        filter_on(logs, "", name="100")


def test_events_that_match_are_counted(logs, put, points):
    filter_on(logs, "ERROR", unit="Count")
    put("ERROR a", "fine", "ERROR b")

    (point,) = points()
    assert (point.samples, point.sum, point.unit) == (2, 2, "Count")


def test_a_number_is_read_out_of_json_with_its_dimensions(logs, put, points):
    filter_on(logs, "{ $.ms > 0 }", "$.ms", dimensions={"path": "$.path"})
    put('{"ms": 5, "path": "/a"}', '{"ms": 7.5, "path": "/a"}', '{"ms": 9}', '{"ms": "x", "path": "/a"}')

    (point,) = points(path="/a")
    assert (point.samples, point.minimum, point.maximum) == (2, 5, 7.5)
    assert not points()


def test_a_number_is_read_out_of_columns(logs, put, points):
    filter_on(logs, "[ip, ..., status=2*, size]", "$size")
    put(APACHE, "something else")

    (point,) = points()
    assert (point.samples, point.sum) == (1, 1534)


def test_the_default_value_stands_for_a_minute_without_a_match(cloud, logs, put, points):
    filter_on(logs, "ERROR", "3", defaultValue=1)
    put("fine")
    put("fine")
    assert [(point.samples, point.sum) for point in points()] == [(1, 1)]

    cloud.clock.now += 60
    put("ERROR", "fine")
    assert [(point.samples, point.sum) for point in points()] == [(1, 1), (1, 3)]


def test_no_number_is_no_sample():
    endless = MetricTransformation(metric_name="n", metric_namespace="space", metric_value="$.v")
    assert not list(counting.points("{ $.v = * }", endless, [(0, '{"v": "inf"}'), (0, "text"), (0, '{"w": 1}')]))


@pytest.mark.parametrize(
    ("pattern", "message", "values"),
    [
        ("ERROR", "an ERROR", {}),
        ('{ $.level = "error" && $.n = 3 }', '{"level": "error", "n": 3}', {"$.level": "error", "$.n": "3"}),
        (
            "[ip, id, user, at, request, status, size]",
            APACHE,
            {
                "$ip": "10.0.0.1",
                "$id": "-",
                "$user": "frank",
                "$at": "10/Oct/2000:13:25:15 -0700",
                "$request": "GET /a.gif HTTP/1.0",
                "$status": "200",
                "$size": "1534",
            },
        ),
        ("[..., n, size > 2]", "a b 3", {"$1": "a", "$n": "b", "$size": "3"}),
    ],
)
def test_a_pattern_is_tried_on_messages(logs, pattern, message, values):
    matches = logs.test_metric_filter(filterPattern=pattern, logEventMessages=["no", message])["matches"]

    assert matches == [{"eventNumber": 1, "eventMessage": message, "extractedValues": values}]


def test_a_pattern_that_cannot_be_read_is_not_tried(logs):
    with pytest.raises(ClientError, match="Invalid filter pattern"):
        logs.test_metric_filter(filterPattern="[a, b", logEventMessages=["x"])


def test_what_containers_write_is_counted_too(tmp_path):
    store = Store(tmp_path / "state.db", Sealer.fresh())
    sink = LogSink(store, now=lambda: 60.0)

    async def write():
        await sink.open("g", "s", create_group=True)
        await store.run(lambda db: metric_filters.save(db, groups.find(db, "g").id, FILTER))
        await sink.append(
            "g", "s", "container", [Line(at=60.0, text="ERROR", cursor="1"), Line(at=61.0, text="", cursor="2")]
        )
        return await store.run(lambda db: metrics.find(db, metric("space", "n"), 0, 120))

    (point,) = asyncio.run(write())
    store.close()
    assert (point.at, point.sum) == (60, 1)


FILTER = MetricFilter(
    filter_name="f",
    filter_pattern="ERROR",
    metric_transformations=(MetricTransformation(metric_name="n", metric_namespace="space", metric_value="1"),),
    creation_time=0,
)
