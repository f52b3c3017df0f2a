"""What metrics say of a span of time, asked in every protocol that CloudWatch's clients speak."""

import datetime
from dataclasses import replace
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.exceptions import ClientError
from botocore.parsers import create_parser
from botocore.session import get_session
from tests.cluster.wire.test_roundtrip import sent

from culm.cluster.store import metrics
from culm.core.model.metrics import metric, sample

CPU = metric("AWS/ECS", "CPUUtilization", ClusterName="bamboo", ServiceName="web")
DIMENSIONS = [{"Name": "ServiceName", "Value": "web"}, {"Name": "ClusterName", "Value": "bamboo"}]


@pytest.fixture
def cloudwatch(cloud) -> Any:
    """With a sample of 1 % five minutes ago, and one more each minute since then."""
    metrics.add(cloud.db, [(CPU, sample(cloud.now - 300 + 60 * n, n + 1.0, "Percent")) for n in range(5)])
    return cloud.client("cloudwatch")


def query(id: str = "cpu", stat: str = "Average", period: int = 60, **more: Any) -> dict[str, Any]:
    about = {"Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Dimensions": DIMENSIONS}
    return {"Id": id, "MetricStat": {"Metric": about, "Period": period, "Stat": stat}, **more}


def asked(cloud: Any, *queries: Any, **more: Any) -> dict[str, Any]:
    return {"MetricDataQueries": list(queries), "StartTime": cloud.now - 300, "EndTime": cloud.now, **more}


@pytest.mark.parametrize("protocol", ["query", "json", "smithy-rpc-v2-cbor"])
def test_every_protocol_tells_the_same(cloud, cloudwatch, protocol):
    model = get_session().get_service_model("cloudwatch").operation_model("GetMetricData")
    members = asked(cloud, query(), query("peak", "Maximum", 300))
    for name in ("StartTime", "EndTime"):
        members[name] = datetime.datetime.fromtimestamp(members[name], datetime.UTC)
    response = cloud.answer(sent(model, members, protocol))
    got = {"status_code": response.status, "headers": HeadersDict(response.headers), "body": response.body}
    cpu, peak = create_parser(protocol).parse(got, model.output_shape)["MetricDataResults"]
    assert cpu["Values"] == [5, 4, 3, 2, 1]
    assert [at.timestamp() - cloud.now for at in cpu["Timestamps"]] == [-60, -120, -180, -240, -300]
    assert (cpu["Label"], cpu["StatusCode"], peak["Values"]) == ("CPUUtilization", "Complete", [5])


@pytest.mark.parametrize("protocol", ["query", "json", "smithy-rpc-v2-cbor"])
def test_every_protocol_refuses_with_the_code_that_clients_know(cloud, protocol):
    model = get_session().get_service_model("cloudwatch").operation_model("PutMetricData")
    response = cloud.answer(sent(model, {"Namespace": "AWS/ECS", "MetricData": [{"MetricName": "x"}]}, protocol))
    got = {"status_code": response.status, "headers": HeadersDict(response.headers), "body": response.body}
    error = create_parser(protocol).parse(got, model.output_shape)["Error"]
    assert (error["Code"], response.status) == ("InvalidParameterValue", 400)
    assert error["Message"] == "The value AWS/ for parameter Namespace is invalid."


def test_a_period_below_a_minute_shows_what_happened_within_one(cloud):
    metrics.add(cloud.db, [(CPU, sample(cloud.now - 300 + 5 * n, float(n), "Percent")) for n in range(12)])
    [result] = cloud.client("cloudwatch").get_metric_data(
        **asked(cloud, query("peak", "Maximum", 10)), ScanBy="TimestampAscending"
    )["MetricDataResults"]
    assert result["Values"] == [1, 3, 5, 7, 9, 11]


def test_a_body_that_is_not_cbor_is_refused(cloud):
    model = get_session().get_service_model("cloudwatch").operation_model("ListMetrics")
    request = sent(model, {}, "smithy-rpc-v2-cbor")
    response = cloud.answer(replace(request, body=b"\xff"))
    assert response.status == 400
    assert b"SerializationException" in response.body


def test_pages_are_of_points(cloud, cloudwatch):
    first = cloudwatch.get_metric_data(**asked(cloud, query("a"), query("b"), MaxDatapoints=7))
    assert [(r["Id"], len(r["Values"]), r["StatusCode"]) for r in first["MetricDataResults"]] == [
        ("a", 5, "Complete"),
        ("b", 2, "PartialData"),
    ]
    rest = cloudwatch.get_metric_data(
        **asked(cloud, query("a"), query("b"), MaxDatapoints=7, NextToken=first["NextToken"])
    )
    assert [r["Values"] for r in rest["MetricDataResults"]] == [[], [3, 2, 1]]
    assert "NextToken" not in rest


def test_the_order_the_label_and_what_is_shown_are_the_caller_s(cloud, cloudwatch):
    found = cloudwatch.get_metric_data(
        **asked(cloud, query(Label="mine"), query("hidden", ReturnData=False), ScanBy="TimestampAscending")
    )["MetricDataResults"]
    assert [(r["Label"], r["Values"]) for r in found] == [("mine", [1, 2, 3, 4, 5])]


@pytest.mark.parametrize(
    ("queries", "more", "message"),
    [
        ([query(), query()], {}, "not unique"),
        ([query(stat="tm90")], {}, "Stat is not supported"),
        ([query(period=61)], {}, "Period must be"),
        ([{"Id": "sum", "Expression": "SUM(METRICS())"}], {}, "culm does not support MetricDataQueries"),
        ([query()], {"EndTime": 0}, "StartTime must be less"),
        ([query()], {"NextToken": "x"}, "not one that GetMetricData gave out"),
        ([query(str(n)) for n in range(501)], {}, "must not have a size greater than 500"),
    ],
)
def test_questions_that_have_no_answer_are_refused(cloud, cloudwatch, queries, more, message):
    with pytest.raises(ClientError, match=message):
        cloudwatch.get_metric_data(**asked(cloud, *queries) | more)


def test_percentiles_of_ones_own_samples_are_within_three_per_cent(cloud, cloudwatch):
    about = {"MetricName": "took", "Timestamp": cloud.now - 60}
    data = [{**about, "Values": [float(n) for n in range(1, 100)], "Counts": [1.0] * 99}, {**about, "Value": 1000.0}]
    cloudwatch.put_metric_data(Namespace="shop", MetricData=data)
    stats = {
        "Namespace": "shop",
        "MetricName": "took",
        "Period": 300,
        "ExtendedStatistics": ["p50", "p95", "p99", "p100"],
    }
    [point] = cloudwatch.get_metric_statistics(StartTime=cloud.now - 300, EndTime=cloud.now + 60, **stats)["Datapoints"]
    assert point["ExtendedStatistics"] == {
        name: pytest.approx(value, rel=0.03) for name, value in (("p50", 50), ("p95", 95), ("p99", 99), ("p100", 1000))
    }


def statistics(cloud: Any, **changed: Any) -> dict[str, Any]:
    about = {"Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Dimensions": DIMENSIONS}
    return {**about, "StartTime": cloud.now - 300, "EndTime": cloud.now, "Period": 300, **changed}


def test_percentiles_are_told_where_they_are_known(cloud, cloudwatch):
    [one] = cloudwatch.get_metric_statistics(**statistics(cloud, Statistics=["Sum"], ExtendedStatistics=["p90"]))[
        "Datapoints"
    ]
    assert (one["Sum"], "ExtendedStatistics" in one) == (15, False)
    minutes = cloudwatch.get_metric_statistics(**statistics(cloud, ExtendedStatistics=["p90"], Period=60))
    assert [p["ExtendedStatistics"]["p90"] for p in minutes["Datapoints"]] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "At least one of the parameters Statistics"),
        ({"Statistics": ["Sum"], "Period": 90}, "Period must be"),
        ({"Statistics": ["Sum"], "Period": 60, "StartTime": 0}, "exceeds the limit of 1,440"),
        ({"ExtendedStatistics": ["Sum"]}, "ExtendedStatistics is not supported"),
        ({"Statistics": ["Sum"], "EndTime": 0}, "StartTime must be less"),
    ],
)
def test_statistics_that_cannot_be_had_are_refused(cloud, cloudwatch, changed, message):
    with pytest.raises(ClientError, match=message):
        cloudwatch.get_metric_statistics(**statistics(cloud, **changed))
