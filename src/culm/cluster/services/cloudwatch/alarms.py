"""Alarms: thresholds of metrics, which deployments may hang on. Their actions are kept and not carried out.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from dataclasses import replace
from typing import Any, Literal

from culm.cluster.services.cloudwatch.metrics import Dimension, about, invalid
from culm.cluster.store import alarms
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.metrics import is_statistic
from culm.core.model.alarms import Alarm, Comparison, MissingData, State
from culm.core.model.arn import arn
from culm.core.model.record import Stored, record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError


@record
class PutMetricAlarmInput:
    alarm_name: str
    metric_name: str
    namespace: str
    period: int
    evaluation_periods: int
    threshold: float
    comparison_operator: Comparison
    statistic: str | None = None
    extended_statistic: str | None = None
    dimensions: tuple[Dimension, ...] = ()
    unit: str | None = None
    datapoints_to_alarm: int | None = None
    treat_missing_data: MissingData = "missing"
    alarm_description: Stored[str | None] = None
    actions_enabled: Stored[bool] = True
    ok_actions: Stored[tuple[str, ...]] = ()
    alarm_actions: Stored[tuple[str, ...]] = ()
    insufficient_data_actions: Stored[tuple[str, ...]] = ()
    tags: Stored[tuple[Tag, ...]] = ()


@operation("cloudwatch", "PutMetricAlarm", wakes=True)
def put_metric_alarm(call: Call, req: PutMetricAlarmInput) -> None:
    """Save an alarm; one that is changed keeps its state until it is looked at again."""
    if (req.statistic is None) == (req.extended_statistic is None):
        raise invalid("Exactly one of Statistic and ExtendedStatistic must be given.", "InvalidParameterCombination")
    name = req.statistic or req.extended_statistic or ""
    if not is_statistic(name):
        raise invalid(f"The value {name} for parameter ExtendedStatistic is not supported.")
    needed = req.datapoints_to_alarm or req.evaluation_periods
    if not 1 <= needed <= req.evaluation_periods:
        raise invalid("DatapointsToAlarm must be between 1 and EvaluationPeriods.", "ValidationError")
    if req.period <= 0 or (req.period % 60 and req.period not in (10, 20, 30)):
        raise invalid("Period must be 10, 20, 30 or a multiple of 60.", "ValidationError")
    before = alarms.find(call.db, req.alarm_name)
    made = Alarm(
        alarm_name=req.alarm_name,
        metric=about(req.namespace, req.metric_name, req.dimensions),
        statistic=name,
        unit=req.unit,
        period=req.period,
        evaluation_periods=req.evaluation_periods,
        datapoints_to_alarm=req.datapoints_to_alarm,
        threshold=req.threshold,
        comparison_operator=req.comparison_operator,
        treat_missing_data=req.treat_missing_data,
        alarm_description=req.alarm_description,
        actions_enabled=req.actions_enabled,
        ok_actions=req.ok_actions,
        alarm_actions=req.alarm_actions,
        insufficient_data_actions=req.insufficient_data_actions,
        updated_at=call.now,
        state_updated_at=call.now,
        tags={tag.key: tag.value for tag in req.tags},
    )
    if before is not None:
        made = replace(
            made,
            state_value=before.state_value,
            state_reason=before.state_reason,
            state_updated_at=before.state_updated_at,
            tags=before.tags,  # "Tags are ignored if the alarm exists": TagResource changes them
        )
    alarms.save(call.db, made)


@record
class DescribeAlarmsInput:
    alarm_names: tuple[str, ...] = ()
    alarm_name_prefix: str | None = None
    alarm_types: tuple[Literal["CompositeAlarm", "MetricAlarm", "LogAlarm"], ...] = ()
    state_value: State | None = None


@operation("cloudwatch", "DescribeAlarms")
def describe_alarms(call: Call, req: DescribeAlarmsInput) -> dict[str, Any]:
    """Return alarms.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
    """
    wanted = not req.alarm_types or "MetricAlarm" in req.alarm_types
    described_alarms = [
        described(call, alarm)
        for alarm in (alarms.list_all(call.db) if wanted else ())
        if (not req.alarm_names or alarm.alarm_name in req.alarm_names)
        and alarm.alarm_name.startswith(req.alarm_name_prefix or "")
        and req.state_value in (None, alarm.state_value)
    ]
    return {"metric_alarms": described_alarms, "composite_alarms": []}


@record
class DeleteAlarmsInput:
    alarm_names: tuple[str, ...]


@operation("cloudwatch", "DeleteAlarms")
def delete_alarms(call: Call, req: DeleteAlarmsInput) -> None:
    """Delete alarms, all or none. Raises ResourceNotFound that names those that do not exist."""
    missing = [name for name in req.alarm_names if alarms.find(call.db, name) is None]
    if missing:
        raise AwsError("ResourceNotFound", f"Alarms {missing} not found", 404)
    for name in req.alarm_names:
        alarms.delete(call.db, name)


@record
class SetAlarmStateInput:
    alarm_name: str
    state_value: State
    state_reason: str
    state_reason_data: Stored[str | None] = None


@operation("cloudwatch", "SetAlarmState", wakes=True)
def set_alarm_state(call: Call, req: SetAlarmStateInput) -> None:
    """Set a state until the alarm is looked at again, as on Amazon."""
    alarm = alarms.find(call.db, req.alarm_name)
    if alarm is None:
        raise AwsError("ResourceNotFound", f"Alarm {req.alarm_name} not found", 404)
    state = {"state_value": req.state_value, "state_reason": req.state_reason, "state_updated_at": call.now}
    alarms.save(call.db, replace(alarm, **state))  # type: ignore[arg-type]


def described(call: Call, alarm: Alarm) -> dict[str, Any]:
    """Return an alarm as DescribeAlarms has it; a percentile is its extended statistic."""
    percentile = alarm.statistic.startswith("p")
    return {
        "alarm_name": alarm.alarm_name,
        "alarm_arn": arn("cloudwatch", call.region, call.account, f"alarm:{alarm.alarm_name}"),
        "alarm_description": alarm.alarm_description,
        "alarm_configuration_updated_timestamp": alarm.updated_at,
        "actions_enabled": alarm.actions_enabled,
        "ok_actions": alarm.ok_actions,
        "alarm_actions": alarm.alarm_actions,
        "insufficient_data_actions": alarm.insufficient_data_actions,
        "state_value": alarm.state_value,
        "state_reason": alarm.state_reason,
        "state_updated_timestamp": alarm.state_updated_at,
        "state_transitioned_timestamp": alarm.state_updated_at,
        "metric_name": alarm.metric.metric_name,
        "namespace": alarm.metric.namespace,
        "extended_statistic" if percentile else "statistic": alarm.statistic,
        "dimensions": [{"name": name, "value": value} for name, value in alarm.metric.dimensions],
        "period": alarm.period,
        "unit": alarm.unit,
        "evaluation_periods": alarm.evaluation_periods,
        "datapoints_to_alarm": alarm.datapoints_to_alarm,
        "threshold": alarm.threshold,
        "comparison_operator": alarm.comparison_operator,
        "treat_missing_data": alarm.treat_missing_data,
    }
