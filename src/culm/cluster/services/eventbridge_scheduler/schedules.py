"""Schedules of one-time ECS tasks.

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
"""

from typing import Any, Literal

import msgspec

from culm.cluster.services.eventbridge_scheduler.expressions import firing_after, zone_of
from culm.cluster.services.eventbridge_scheduler.references import find_group, schedule_arn
from culm.cluster.store import schedules
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.firing import NotAnExpression, parse
from culm.core.model.arn import resource
from culm.core.model.record import Stored, record
from culm.core.model.schedules import (
    DEFAULT_GROUP,
    OVERLAP_TAG,
    OVERLAPS,
    FlexibleTimeWindow,
    Schedule,
    ScheduleTarget,
)
from culm.core.model.tasks import TaskOverride
from culm.errors import AwsError


@record
class CreateScheduleInput:
    name: str
    schedule_expression: str
    target: ScheduleTarget
    flexible_time_window: FlexibleTimeWindow
    group_name: str = DEFAULT_GROUP
    schedule_expression_timezone: str = "UTC"
    start_date: float | None = None
    end_date: float | None = None
    description: str | None = None
    state: Literal["ENABLED", "DISABLED"] = "ENABLED"
    action_after_completion: Literal["NONE", "DELETE"] = "NONE"
    client_token: Stored[str | None] = None


@operation("scheduler", "CreateSchedule", wakes=True)
def create_schedule(call: Call, req: CreateScheduleInput) -> dict[str, Any]:
    """Create a schedule.

    Raises ConflictException when its group has one of this name, ResourceNotFoundException for the group, and
    ValidationException for what it runs and when.
    """
    find_group(call, req.group_name)
    if schedules.find(call.db, req.group_name, req.name) is not None:
        raise AwsError("ConflictException", f"Schedule {req.name} already exists.", 409)
    return _save(call, req, created_at=call.now)


@record
class UpdateScheduleInput(CreateScheduleInput):
    pass


@operation("scheduler", "UpdateSchedule", wakes=True)
def update_schedule(call: Call, req: UpdateScheduleInput) -> dict[str, Any]:
    """Save all of a schedule: what is left out becomes AWS's default."""
    return _save(call, req, created_at=existing(call, req.group_name, req.name).creation_date)


def _save(call: Call, req: CreateScheduleInput, created_at: float) -> dict[str, Any]:
    schedule = Schedule(
        arn=schedule_arn(call, req.group_name, req.name),
        name=req.name,
        group_name=req.group_name,
        schedule_expression=req.schedule_expression,
        schedule_expression_timezone=req.schedule_expression_timezone,
        start_date=req.start_date,
        end_date=req.end_date,
        description=req.description,
        state=req.state,
        target=req.target,
        flexible_time_window=req.flexible_time_window,
        action_after_completion=req.action_after_completion,
        creation_date=created_at,
        last_modification_date=call.now,
    )
    check(schedule)
    schedules.save(call.db, schedule, firing_after(schedule, call.now))
    return {"schedule_arn": schedule.arn}


def check(schedule: Schedule) -> None:
    """Raise ValidationException for what would never run, or that only Amazon's own targets do."""
    try:
        parse(schedule.schedule_expression)
    except NotAnExpression as error:
        raise AwsError(
            "ValidationException", f"Invalid Schedule Expression {schedule.schedule_expression}: {error}"
        ) from None
    zone_of(schedule)
    if schedule.end_date is not None and schedule.end_date <= schedule.begins:
        raise AwsError("ValidationException", "The EndDate you specify must come after the StartDate.")
    target = schedule.target
    if not resource(target.arn).startswith("cluster/") or target.ecs_parameters is None:
        raise AwsError(
            "ValidationException",
            f"culm schedules tasks of ECS alone: {target.arn} is not a cluster with EcsParameters",
        )
    if not target.role_arn.startswith("arn:"):
        raise AwsError("ValidationException", "The execution role you provide must be an ARN of an IAM role.")
    retries = target.retry_policy
    if not 60 <= retries.maximum_event_age_in_seconds <= 86_400 or not 0 <= retries.maximum_retry_attempts <= 185:
        raise AwsError(
            "ValidationException", "The RetryPolicy's age is from 60 to 86400 seconds, its attempts are from 0 to 185."
        )
    if not 1 <= target.ecs_parameters.task_count <= 10:
        raise AwsError("ValidationException", "TaskCount must be between 1 and 10.")
    if schedule.overlap not in ("", *OVERLAPS):
        raise AwsError(
            "ValidationException", f"The tag {OVERLAP_TAG} is {', '.join(OVERLAPS)}, not {schedule.overlap}."
        )
    overrides_of(schedule)


def overrides_of(schedule: Schedule) -> TaskOverride:
    """Return the target's input, which RunTask takes as overrides."""
    text = schedule.target.input
    if not text:
        return TaskOverride()
    try:
        return msgspec.convert(_snake(msgspec.json.decode(text)), TaskOverride)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise AwsError("ValidationException", f"The Input is not overrides of a task: {error}") from None


def _snake(value: Any) -> Any:
    from culm.cluster.wire.models import snake

    match value:
        case dict():
            return {snake(key): _snake(inner) for key, inner in value.items()}
        case list():
            return [_snake(inner) for inner in value]
        case _:
            return value


@record
class ScheduleReference:
    name: str
    group_name: str = DEFAULT_GROUP


@operation("scheduler", "GetSchedule")
def get_schedule(call: Call, req: ScheduleReference) -> Schedule:
    """Return a schedule. Raises ResourceNotFoundException."""
    return existing(call, req.group_name, req.name)


@record
class DeleteScheduleInput(ScheduleReference):
    client_token: Stored[str | None] = None


@operation("scheduler", "DeleteSchedule", wakes=True)
def delete_schedule(call: Call, req: DeleteScheduleInput) -> None:
    """Delete a schedule; what it has started runs on. Raises ResourceNotFoundException."""
    if not schedules.delete(call.db, req.group_name, req.name):
        raise missing(req.name)


@record
class ListSchedulesInput:
    group_name: str | None = None
    name_prefix: str = ""
    state: Literal["ENABLED", "DISABLED"] | None = None


@operation("scheduler", "ListSchedules")
def list_schedules(call: Call, req: ListSchedulesInput) -> dict[str, Any]:
    listed = [
        {
            "arn": each.arn,
            "name": each.name,
            "group_name": each.group_name,
            "state": each.state,
            "creation_date": each.creation_date,
            "last_modification_date": each.last_modification_date,
            "target": {"arn": each.target.arn},
        }
        for each in schedules.every(call.db)
        if req.group_name in (None, each.group_name)
        and each.name.startswith(req.name_prefix)
        and req.state in (None, each.state)
    ]
    return {"schedules": listed}


def existing(call: Call, group: str, name: str) -> Schedule:
    """Return the schedule. Raises ResourceNotFoundException."""
    schedule = schedules.find(call.db, group, name)
    if schedule is None:
        raise missing(name)
    return schedule


def missing(name: str) -> AwsError:
    """Return the error that says that there is no schedule of this name."""
    return AwsError("ResourceNotFoundException", f"Schedule {name} does not exist.", 404)
