"""Values of CloudWatch alarms.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from culm.core.model.metrics import Metric
from culm.core.model.record import record

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Comparison = Literal[
    "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"
]
MissingData = Literal["missing", "breaching", "notBreaching", "ignore"]


@record
class Alarm:
    """A threshold of one metric. Times are epoch seconds."""

    alarm_name: str
    metric: Metric
    statistic: str
    """`Average`, `p99`."""
    unit: str | None
    period: int
    """Seconds."""
    evaluation_periods: int
    datapoints_to_alarm: int | None
    """So many of the periods must breach; None: all of them."""
    threshold: float
    comparison_operator: Comparison
    treat_missing_data: MissingData = "missing"
    alarm_description: str | None = None
    actions_enabled: bool = True
    ok_actions: tuple[str, ...] = ()
    alarm_actions: tuple[str, ...] = ()
    insufficient_data_actions: tuple[str, ...] = ()
    updated_at: float
    state_value: State = "INSUFFICIENT_DATA"
    state_reason: str = "Unchecked: Initial alarm creation"
    state_updated_at: float
    tags: Mapping[str, str] = field(default_factory=dict)
