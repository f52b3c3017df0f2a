"""`schedule:` of culm.yml: cron as people write it, as EventBridge Scheduler takes it. Pure.

Theirs has a sixth field for the year, days of the week from 1 (Sunday), and exactly one of the two day fields is `?`:

    0 6 * * mon-fri Europe/Berlin   cron(0 6 ? * MON-FRI *) in Europe/Berlin
    */10 * 1,15 * *                 cron(*/10 * 1,15 * ? *) in UTC
    every 5 minutes                 rate(5 minutes)
    at 2027-01-31T06:00 UTC         at(2027-01-31T06:00:00)

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import re

from culm.core.decide.firing import NotAnExpression, parse
from culm.core.model.record import record

UTC = "UTC"
WEEK_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
"""0 and 7 are Sunday."""
ZONE = r"[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)*"
HOW = "write minute, hour, day, month, weekday and a time zone: 0 6 * * mon-fri Europe/Berlin"


@record
class When:
    """When a job is run."""

    expression: str
    """As EventBridge Scheduler takes it."""
    zone: str


def when(text: str) -> When:
    """Read a schedule; ValueError says what is wrong with it."""
    stripped = text.strip()
    if match := re.fullmatch(rf"((?:at|rate|cron)\([^)]*\))(?:\s+({ZONE}))?", stripped):
        when = When(expression=match[1], zone=match[2] or UTC)
    elif match := re.fullmatch(r"every\s+(?:(\d+)\s+)?(minute|hour|day)s?", stripped.lower()):
        count = int(match[1] or 1)
        when = When(expression=f"rate({count} {match[2]}{'s' if count != 1 else ''})", zone=UTC)
    elif match := re.fullmatch(rf"at\s+(\d{{4}}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(?:\s+({ZONE}))?", stripped):
        when = When(expression=f"at({match[1]}{match[2] or ':00'})", zone=match[3] or UTC)
    else:
        when = of_cron(stripped)
    try:
        parse(when.expression)
    except NotAnExpression as error:
        raise ValueError(f"{text!r}: {error}") from None
    return when


def of_cron(text: str) -> When:
    """Return the schedule of a crontab's five fields, and a time zone behind them, as EventBridge writes it.

    Raises ValueError.
    """
    fields = text.split()
    zone = fields.pop() if len(fields) == 6 and re.fullmatch(ZONE, fields[-1]) and "/" in fields[-1] + "/" else UTC
    if len(fields) != 5:
        raise ValueError(f"{text!r} is not a schedule: {HOW}")
    minute, hour, day, month, week_day = fields
    if day != "*" and week_day != "*":
        hint = "cron would take either, EventBridge Scheduler takes one of them: leave one at *"
        raise ValueError(f"{text!r} names days of the month and of the week: {hint}")
    days = f"{day} {month.upper()} ?" if week_day == "*" else f"? {month.upper()} {named(week_day)}"
    return When(expression=f"cron({minute} {hour} {days} *)", zone=zone)


def named(field: str) -> str:
    """Return days of the week by name: cron counts them from 0, EventBridge Scheduler from 1."""

    def name(match: re.Match[str]) -> str:
        number = int(match[0])
        if number >= len(WEEK_DAYS):
            raise ValueError(f"{field!r}: {number} is no day of the week: 0 (Sunday) to 6, 7 is Sunday, too")
        return WEEK_DAYS[number]

    steps = re.fullmatch(r"(.*?)(/\d+)?", field)
    assert steps is not None
    return re.sub(r"\d+", name, steps[1]).upper() + (steps[2] or "")
