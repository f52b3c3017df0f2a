"""Schedules: what is started when (AWS's names, AWS's defaults).

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_GetSchedule.html
"""

from collections.abc import Mapping
from typing import Literal

from culm.core.model.record import Stored, record
from culm.core.model.services import CapacityProviderStrategyItem, NetworkConfiguration
from culm.core.model.task_definitions import PlacementConstraint, PlacementStrategy

DEFAULT_GROUP = "default"
OVERLAP_TAG = "culm:overlap"
"""A tag of the tasks that a schedule starts: `allow`, `skip` or `queue`."""
OVERLAPS = ("allow", "skip", "queue")


@record
class FlexibleTimeWindow:
    mode: Literal["OFF"]


@record
class RetryPolicy:
    maximum_event_age_in_seconds: int = 86_400
    """How late a run may still be started."""
    maximum_retry_attempts: int = 185


@record
class EcsParameters:
    """What RunTask is told besides the cluster, which is the target's ARN."""

    task_definition_arn: str
    task_count: int = 1
    launch_type: Literal["EC2", "FARGATE"] | None = None
    capacity_provider_strategy: tuple[CapacityProviderStrategyItem, ...] = ()
    network_configuration: NetworkConfiguration | None = None
    platform_version: str | None = None
    group: str | None = None
    enable_execute_command: bool = False
    placement_constraints: tuple[PlacementConstraint, ...] = ()
    placement_strategy: tuple[PlacementStrategy, ...] = ()
    propagate_tags: Literal["TASK_DEFINITION"] | None = None
    tags: tuple[Mapping[str, str], ...] = ()
    """`{"key": ..., "value": ...}`, for the tasks."""
    enable_ecs_managed_tags: Stored[bool] = False
    reference_id: Stored[str | None] = None


@record
class ScheduleTarget:
    arn: str
    """Of the cluster."""
    role_arn: str
    """Whoever starts the task: it must trust scheduler.amazonaws.com."""
    ecs_parameters: EcsParameters | None = None
    input: str | None = None
    """Overrides of the task, as JSON."""
    retry_policy: RetryPolicy = RetryPolicy()


@record
class Schedule:
    """Times are epoch seconds."""

    arn: str
    name: str
    group_name: str
    schedule_expression: str
    schedule_expression_timezone: str = "UTC"
    start_date: float | None = None
    end_date: float | None = None
    description: str | None = None
    state: Literal["ENABLED", "DISABLED"] = "ENABLED"
    target: ScheduleTarget
    flexible_time_window: FlexibleTimeWindow
    action_after_completion: Literal["NONE", "DELETE"] = "NONE"
    creation_date: float
    last_modification_date: float

    @property
    def overlap(self) -> str:
        """What happens when the run before still goes on; empty: nothing, as at Amazon."""
        tags = self.target.ecs_parameters.tags if self.target.ecs_parameters is not None else ()
        return next((tag.get("value", "") for tag in tags if tag.get("key") == OVERLAP_TAG), "")

    @property
    def begins(self) -> float:
        """What rates count from."""
        return self.start_date if self.start_date is not None else self.creation_date


@record
class Firing:
    """A run that is due and has not been started yet."""

    scheduled_at: float
    attempts: int
    """How many times it could not be started."""
    try_at: float
