"""When a schedule fires: at(), rate() and cron() expressions of EventBridge Scheduler. Pure.

A cron expression is read in its time zone's wall clock. Where a clock is set forward, a time that does not exist is
left out; where it is set back, a time that comes twice fires the first time only. A rate is a length of time, whatever
clocks do. Both changes of one year, for `cron(30 2 * * ? *)` in Europe/Berlin:

    28 March 2027: 02:30 does not exist, no firing      27 March 02:30, 29 March 02:30
    31 October 2027: 02:30 comes twice                  fires at 00:30 UTC, not at 01:30 UTC

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import calendar
import re
from datetime import UTC, date, datetime, timedelta, tzinfo

from culm.core.model.record import record

MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
DAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
SECONDS_PER = {"minute": 60, "hour": 3600, "day": 86_400}
MOST_YEARS_AHEAD = 200
ENDS = 2199
"""The last year that a cron expression can name."""


class NotAnExpression(ValueError):
    """Says what is wrong with an expression."""


@record
class At:
    """Once."""

    local: datetime
    """Without a time zone."""


@record
class Rate:
    """Again and again, from the schedule's beginning."""

    seconds: int


@record
class Cron:
    """On each day that fits, at each of these hours and minutes."""

    minutes: frozenset[int]
    hours: frozenset[int]
    month_days: str
    """The field as it is written: `L`, `LW` and `15W` depend on the month."""
    months: frozenset[int]
    week_days: str
    """The field as it is written: `FRI#2` and `6L` depend on the month."""
    years: frozenset[int]


Expression = At | Rate | Cron


def parse(text: str) -> Expression:
    """Read `at(2026-12-01T06:00:00)`, `rate(5 minutes)` or `cron(0 6 ? * MON-FRI *)`. Raises NotAnExpression."""
    match = re.fullmatch(r"(at|rate|cron)\((.*)\)", text.strip())
    if match is None:
        raise NotAnExpression(f"{text!r} is not at(...), rate(...) or cron(...)")
    match match[1]:
        case "at":
            return parse_at(match[2])
        case "rate":
            return parse_rate(match[2])
        case _:
            return parse_cron(match[2])


def parse_at(text: str) -> At:
    """Return the one time of `at(...)`, local to its zone. Raises NotAnExpression."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text):
        raise NotAnExpression(f"at({text}) is not a time: write at(2026-12-01T06:00:00)")
    try:
        return At(local=datetime.fromisoformat(text))
    except ValueError as error:
        raise NotAnExpression(f"at({text}) is not a time: {error}") from None


def parse_rate(text: str) -> Rate:
    """Return the interval of `rate(...)`. Raises NotAnExpression, also for a wrong plural, as AWS does."""
    match = re.fullmatch(r"([1-9]\d*) (minute|hour|day)(s?)", text)
    if match is None or (match[1] == "1") == bool(match[3]):
        raise NotAnExpression(f"rate({text}) is not a rate: write rate(1 minute), rate(5 minutes), hours or days")
    return Rate(seconds=int(match[1]) * SECONDS_PER[match[2]])


def parse_cron(text: str) -> Cron:
    """Return the times of `cron(...)`, six fields, one of the days `?`. Raises NotAnExpression."""
    fields = text.split()
    if len(fields) != 6:
        raise NotAnExpression(f"cron({text}) has {len(fields)} fields, not six: minute hour day month weekday year")
    minute, hour, month_days, month, week_days, year = (each.upper() for each in fields)
    if (month_days == "?") == (week_days == "?"):
        raise NotAnExpression(f"cron({text}): one of day of month and day of week is ?, and only one")
    check_month_days(month_days)
    check_week_days(week_days)
    return Cron(
        minutes=values(minute, 0, 59),
        hours=values(hour, 0, 23),
        month_days=month_days,
        months=values(month, 1, 12, MONTHS),
        week_days=week_days,
        years=values(year, 1970, ENDS),
    )


def values(field: str, least: int, most: int, names: dict[str, int] | None = None) -> frozenset[int]:
    """Return what a field of numbers stands for: `*`, `5`, `1-5`, `*/10`, `0/15`, and lists of these."""
    result: set[int] = set()
    for part in field.split(","):
        whole, slash, step = part.partition("/")
        if slash and (not step.isdecimal() or int(step) < 1):
            raise NotAnExpression(f"{part!r} has no step")
        first, dash, last = whole.partition("-")
        if whole == "*":
            begin, end = least, most
        else:
            begin = number(first, least, most, names)
            end = number(last, least, most, names) if dash else (most if slash else begin)
        span = range(begin, end + 1) if begin <= end else [*range(begin, most + 1), *range(least, end + 1)]
        result.update(list(span)[:: int(step) if slash else 1])
    return frozenset(result)


def number(text: str, least: int, most: int, names: dict[str, int] | None) -> int:
    """Return the number, or the month or day that a name stands for. Raises NotAnExpression."""
    value = (names or {}).get(text, int(text) if text.isdecimal() else -1)
    if not least <= value <= most:
        raise NotAnExpression(f"{text!r} is not from {least} to {most}")
    return value


def check_month_days(field: str) -> None:
    """Raise NotAnExpression for what names no days of a month."""
    if field in ("?", "L", "LW") or re.fullmatch(r"([1-9]|[12]\d|3[01])W", field):
        return
    values(field, 1, 31)


def check_week_days(field: str) -> None:
    """Raise NotAnExpression for what names no days of a week."""
    if field in ("?", "L") or re.fullmatch(r"([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(L|#[1-5])", field):
        return
    values(field, 1, 7, DAYS)


def day_fits(cron: Cron, day: date) -> bool:
    """Return whether the expression fires on this day at all."""
    if day.year not in cron.years or day.month not in cron.months:
        return False
    if cron.week_days == "?":
        return day.day in month_days(cron.month_days, day.year, day.month)
    return week_day_fits(cron.week_days, day)


def month_days(field: str, year: int, month: int) -> frozenset[int]:
    """Return the days of a month that a day-of-month field names."""
    last = calendar.monthrange(year, month)[1]
    if field == "L":
        return frozenset({last})
    if field.endswith("W"):
        wanted = last if field == "LW" else min(int(field[:-1]), last)
        return frozenset({nearest_week_day(date(year, month, wanted), last)})
    return frozenset(day for day in values(field, 1, 31) if day <= last)


def nearest_week_day(day: date, last: int) -> int:
    """Return the week day, Monday to Friday, that is nearest to a day in the same month."""
    match day.weekday():
        case 5:
            return day.day - 1 if day.day > 1 else day.day + 2
        case 6:
            return day.day + 1 if day.day < last else day.day - 2
        case _:
            return day.day


def week_day_fits(field: str, day: date) -> bool:
    """Return whether the field has this day: `L` is Saturday, `2#1` the first Monday, `6L` the last Friday."""
    own = day.isoweekday() % 7 + 1
    if field == "L":
        return own == 7
    if match := re.fullmatch(r"(\w+?)#([1-5])", field):
        return own in values(match[1], 1, 7, DAYS) and (day.day - 1) // 7 + 1 == int(match[2])
    if match := re.fullmatch(r"([1-7]|[A-Z]{3})L", field):
        last = calendar.monthrange(day.year, day.month)[1]
        return own in values(match[1], 1, 7, DAYS) and day.day + 7 > last
    return own in values(field, 1, 7, DAYS)


def next_firing(expression: Expression, zone: tzinfo, after: float, begins: float) -> float | None:
    """Return the first firing later than `after`, in epoch seconds; None: there is none.

    `begins` is when the schedule begins: rates count from there, and nothing fires before.
    """
    match expression:
        case At(local=local):
            moment = epoch(local, zone)
            return moment if moment is not None and moment > after else None
        case Rate(seconds=seconds):
            passed = max(0, int((after - begins) // seconds) + 1)
            return begins + passed * seconds
        case Cron() as cron:
            return next_of_cron(cron, zone, max(after, begins - 1))


def next_of_cron(cron: Cron, zone: tzinfo, after: float) -> float | None:
    """Return the first time after `after`, in epoch seconds, by the zone's clock; None: there is none any more."""
    first = datetime.fromtimestamp(after, zone).date()
    clock = sorted((hour, minute) for hour in cron.hours for minute in cron.minutes)
    for ahead in range(MOST_YEARS_AHEAD * 366):
        day = first + timedelta(days=ahead)
        if day.year > ENDS:
            return None
        if not day_fits(cron, day):
            continue
        for hour, minute in clock:
            moment = epoch(datetime(day.year, day.month, day.day, hour, minute), zone)  # noqa: DTZ001
            if moment is not None and moment > after:
                return moment
    return None


def epoch(local: datetime, zone: tzinfo) -> float | None:
    """Return when a wall clock first shows this time; None where it never does, as the clock is set forward over it."""
    moment = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return moment.timestamp() if moment.astimezone(zone).replace(tzinfo=None) == local else None
