"""When a schedule fires next, in its own time zone."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from culm.core.decide.firing import next_firing, parse
from culm.core.model.schedules import Schedule
from culm.errors import AwsError


def zone_of(schedule: Schedule) -> ZoneInfo:
    """Return a schedule's zone.

    Raises ValidationException for a zone that this machine's time zone database does not have.
    """
    name = schedule.schedule_expression_timezone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise AwsError("ValidationException", f"Invalid ScheduleExpressionTimezone {name}.") from None


def firing_after(schedule: Schedule, moment: float) -> float | None:
    """Return when a schedule fires next, in epoch seconds; None where it never does again."""
    if schedule.state != "ENABLED":
        return None
    following = next_firing(parse(schedule.schedule_expression), zone_of(schedule), moment, schedule.begins)
    ended = following is not None and schedule.end_date is not None and following > schedule.end_date
    return None if ended else following
