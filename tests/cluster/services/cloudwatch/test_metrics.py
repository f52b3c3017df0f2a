"""Metrics, as SDK users see them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def cloudwatch(cloud) -> Any:
    return cloud.client("cloudwatch")


def put(cloudwatch: Any, **datum: Any) -> None:
    cloudwatch.put_metric_data(Namespace="shop", MetricData=[{"MetricName": "orders", **datum}])


def of_day(cloud: Any, **changed: Any) -> dict[str, Any]:
    return {
        "Namespace": "shop",
        "MetricName": "orders",
        "StartTime": cloud.now - 3600,
        "EndTime": cloud.now + 60,
        "Period": 3600,
        "Statistics": ["Sum", "SampleCount", "Minimum", "Maximum", "Average"],
        **changed,
    }


def test_values_sets_and_counts_come_back_as_statistics(cloud, cloudwatch):
    put(cloudwatch, Value=1.0, Unit="Count")
    put(cloudwatch, Values=[2.0, 3.0], Counts=[1.0, 2.0], Unit="Count")
    put(cloudwatch, StatisticValues={"SampleCount": 2, "Sum": 10, "Minimum": 4, "Maximum": 6}, Unit="Count")
    [found] = cloudwatch.get_metric_statistics(**of_day(cloud))["Datapoints"]
    assert found.pop("Timestamp").timestamp() == cloud.now
    assert found == {"Sum": 19, "SampleCount": 6, "Minimum": 1, "Maximum": 6, "Average": 19 / 6, "Unit": "Count"}


def test_dimensions_and_units_tell_metrics_apart_whatever_their_order(cloud, cloudwatch):
    a, b = {"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}
    put(cloudwatch, Value=1.0, Dimensions=[a, b], Unit="Count")
    put(cloudwatch, Value=2.0, Dimensions=[b, a], Unit="Bytes")
    put(cloudwatch, Value=4.0)
    asked = of_day(cloud, Dimensions=[a, b], Statistics=["Sum"])
    assert [p["Sum"] for p in cloudwatch.get_metric_statistics(**asked)["Datapoints"]] == [3]
    assert [p["Sum"] for p in cloudwatch.get_metric_statistics(**asked, Unit="Bytes")["Datapoints"]] == [2]


def test_metrics_are_listed_by_what_they_are_about(cloud, cloudwatch):
    put(cloudwatch, Value=1.0, Dimensions=[{"Name": "a", "Value": "1"}])
    put(cloudwatch, Value=1.0, Dimensions=[{"Name": "b", "Value": "2"}])
    cloudwatch.put_metric_data(Namespace="other", MetricData=[{"MetricName": "x", "Value": 1}])
    assert len(cloudwatch.list_metrics()["Metrics"]) == 3
    [found] = cloudwatch.list_metrics(Namespace="shop", Dimensions=[{"Name": "a"}])["Metrics"]
    assert found == {"Namespace": "shop", "MetricName": "orders", "Dimensions": [{"Name": "a", "Value": "1"}]}
    assert cloudwatch.list_metrics(Dimensions=[{"Name": "a", "Value": "2"}])["Metrics"] == []
    cloud.clock.advance(4 * 3600)
    assert cloudwatch.list_metrics(RecentlyActive="PT3H")["Metrics"] == []


@pytest.mark.parametrize(
    ("datum", "message"),
    [
        ({}, "Exactly one of"),
        ({"Value": 1.0, "Values": [1.0]}, "Exactly one of"),
        ({"Values": [1.0, 2.0], "Counts": [1.0]}, "of the same length"),
        ({"Value": 1.0, "Timestamp": 0}, "no more than two weeks in the past"),
    ],
)
def test_data_that_make_no_sense_are_refused(cloudwatch, datum, message):
    with pytest.raises(ClientError, match=message):
        put(cloudwatch, **datum)


def test_amazon_s_own_namespaces_are_amazon_s(cloudwatch):
    with pytest.raises(ClientError, match="AWS/ for parameter Namespace is invalid") as refused:
        cloudwatch.put_metric_data(Namespace="AWS/ECS", MetricData=[{"MetricName": "x", "Value": 1}])
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"


def test_no_data_and_too_many_are_refused(cloudwatch):
    with pytest.raises(ClientError, match="MetricData is required"):
        cloudwatch.put_metric_data(Namespace="shop", MetricData=[])
    with pytest.raises(ClientError, match="must not have a size greater than 1000"):
        cloudwatch.put_metric_data(Namespace="shop", MetricData=[{"MetricName": "x", "Value": 1}] * 1001)
