"""Evaluate CloudWatch alarms from the points of their metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

import operator
from collections.abc import Sequence
from dataclasses import replace

from culm.core.decide.metrics import gather, statistic
from culm.core.model.alarms import Alarm, State
from culm.core.model.metrics import Point

BREACHES = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def span(alarm: Alarm, now: float) -> tuple[float, float]:
    """Return the start and end of the periods that count. The present one counts as soon as it has a point."""
    end = now // alarm.period * alarm.period + alarm.period
    return end - (alarm.evaluation_periods + 1) * alarm.period, end


def evaluated(alarm: Alarm, points: Sequence[Point], now: float) -> Alarm:
    """Return the alarm with the state that follows from the points within `span`."""
    statistics = ((point.at, statistic(point, alarm.statistic)) for point in gather(points, alarm.period, alarm.unit))
    by_period = {at: value for at, value in statistics if value is not None}
    begin, end = span(alarm, now)
    present = end - alarm.period
    first = begin + alarm.period if present in by_period else begin
    periods = [first + n * alarm.period for n in range(alarm.evaluation_periods)]
    values = [by_period.get(at) for at in periods]
    breaches = BREACHES[alarm.comparison_operator]
    missing = {"breaching": True, "notBreaching": False}.get(alarm.treat_missing_data)
    judged = [missing if value is None else breaches(value, alarm.threshold) for value in values]
    breaching = sum(verdict is True for verdict in judged)
    known = [value for value in values if value is not None]
    needed = alarm.datapoints_to_alarm or alarm.evaluation_periods
    if breaching >= needed:
        state: State = "ALARM"
    elif known or missing is not None:
        state = "OK"
    elif alarm.treat_missing_data == "ignore":
        return alarm
    else:
        state = "INSUFFICIENT_DATA"
    if state == alarm.state_value:
        return alarm
    shown = ", ".join(f"{value:g}" for value in known) or "no value"
    reason = (
        f"Threshold Crossed: {breaching} of the last {len(judged)} datapoints [{shown}] against the threshold "
        f"({alarm.threshold:g}) ({alarm.comparison_operator}); {needed} are needed."
    )
    return replace(alarm, state_value=state, state_reason=reason, state_updated_at=now)
