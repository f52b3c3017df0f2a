"""Application Auto Scaling: which services it scales, between which counts, and what it keeps them at.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_Operations.html
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from culm.core.model.record import record

CPU, MEMORY = "ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"
REQUESTS = "ALBRequestCountPerTarget"
COOLDOWN_SECONDS = 300


@record
class PredefinedMetric:
    predefined_metric_type: Literal[
        "ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization", "ALBRequestCountPerTarget"
    ]
    resource_label: str | None = None
    """Of `ALBRequestCountPerTarget`: `app/NAME/ID/targetgroup/NAME/ID`."""


@record
class TargetTracking:
    target_value: float
    """Per cent, or requests a minute for each task."""
    predefined_metric_specification: PredefinedMetric
    scale_out_cooldown: int = COOLDOWN_SECONDS
    """Seconds."""
    scale_in_cooldown: int = COOLDOWN_SECONDS
    disable_scale_in: bool = False


@record
class ScalingPolicy:
    policy_name: str
    resource_id: str
    tracking: TargetTracking

    created_at: float


@record
class ScalingActivity:
    activity_id: str
    resource_id: str
    description: str
    cause: str
    at: float


@record
class ScalableTarget:
    resource_id: str
    """`service/CLUSTER/SERVICE`."""
    min_capacity: int
    max_capacity: int
    created_at: float
    role_arn: str | None = None
    scaled_out_at: float = 0.0
    scaled_in_at: float = 0.0
    """When its count was last raised and lowered by a policy, epoch seconds."""
    tags: Mapping[str, str] = field(default_factory=dict)
