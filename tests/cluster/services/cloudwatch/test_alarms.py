"""Alarms, as SDK users see them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from culm.cluster.scheduler import alarms


@pytest.fixture
def cloudwatch(cloud) -> Any:
    return cloud.client("cloudwatch")


def put(cloudwatch: Any, name: str = "errors", **changed: Any) -> None:
    given = {
        "AlarmName": name,
        "Namespace": "shop",
        "MetricName": "errors",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold",
        **changed,
    }
    cloudwatch.put_metric_alarm(**{key: value for key, value in given.items() if value is not None})


def described(cloudwatch: Any, **asked: Any) -> list[dict[str, Any]]:
    return list(cloudwatch.describe_alarms(**asked)["MetricAlarms"])


def test_an_alarm_is_described_as_it_was_put(cloudwatch):
    put(cloudwatch, AlarmDescription="too many", AlarmActions=["arn:aws:sns:us-east-1:0:x"], DatapointsToAlarm=1)
    [alarm] = described(cloudwatch)
    assert alarm["AlarmArn"] == "arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors"
    assert (alarm["StateValue"], alarm["Statistic"], alarm["Threshold"]) == ("INSUFFICIENT_DATA", "Sum", 5.0)
    assert (alarm["AlarmDescription"], alarm["TreatMissingData"]) == ("too many", "missing")


def test_it_goes_off_when_its_metric_passes_the_threshold_and_is_over_when_it_does_not(cloud, cloudwatch):
    put(cloudwatch)
    cloudwatch.put_metric_data(Namespace="shop", MetricData=[{"MetricName": "errors", "Value": 9}])
    assert alarms.look(cloud.db, cloud.now) == 1
    [alarm] = described(cloudwatch, StateValue="ALARM")
    assert "Threshold Crossed: 1 of the last 1 datapoints [9]" in alarm["StateReason"]
    cloud.clock.advance(120)
    cloudwatch.put_metric_data(Namespace="shop", MetricData=[{"MetricName": "errors", "Value": 1}])
    assert alarms.look(cloud.db, cloud.now) == 1
    assert [alarm["StateValue"] for alarm in described(cloudwatch)] == ["OK"]
    assert alarms.look(cloud.db, cloud.now) == 0


def test_alarms_are_found_by_name_prefix_state_and_type(cloudwatch):
    for name in ("a-1", "a-2", "b"):
        put(cloudwatch, name)
    cloudwatch.set_alarm_state(AlarmName="a-2", StateValue="ALARM", StateReason="a drill")
    assert [a["AlarmName"] for a in described(cloudwatch, AlarmNamePrefix="a-")] == ["a-1", "a-2"]
    assert [a["AlarmName"] for a in described(cloudwatch, StateValue="ALARM")] == ["a-2"]
    assert [a["AlarmName"] for a in described(cloudwatch, AlarmNames=["b", "c"])] == ["b"]
    assert described(cloudwatch, AlarmTypes=["CompositeAlarm"]) == []


def test_a_changed_alarm_keeps_its_state_and_a_deleted_one_is_gone(cloudwatch):
    put(cloudwatch)
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a drill")
    put(cloudwatch, Threshold=7.0)
    [alarm] = described(cloudwatch)
    assert (alarm["StateValue"], alarm["Threshold"]) == ("ALARM", 7.0)
    cloudwatch.delete_alarms(AlarmNames=["errors"])
    assert described(cloudwatch) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ExtendedStatistic": "p99"}, "Exactly one of Statistic and ExtendedStatistic"),
        ({"Statistic": None}, "Exactly one of Statistic and ExtendedStatistic"),
        ({"Statistic": None, "ExtendedStatistic": "tm90"}, "is not supported"),
        ({"DatapointsToAlarm": 2}, "between 1 and EvaluationPeriods"),
        ({"Period": 61}, "multiple of 60"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "culm does not support"),
    ],
)
def test_alarms_that_make_no_sense_or_are_not_served_are_refused(cloudwatch, changed, message):
    with pytest.raises(ClientError, match=message):
        put(cloudwatch, **changed)


def test_what_is_not_there_is_said_so(cloudwatch):
    with pytest.raises(cloudwatch.exceptions.ResourceNotFound):
        cloudwatch.delete_alarms(AlarmNames=["nothing"])
    with pytest.raises(cloudwatch.exceptions.ResourceNotFound):
        cloudwatch.set_alarm_state(AlarmName="nothing", StateValue="OK", StateReason="")
