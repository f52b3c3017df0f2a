"""Office hours: when services that keep them wake and go to sleep. Pure; the caller has the clock and the time zone.

    mon-fri 08:00-20:00 Europe/Berlin        wakes at 8 and sleeps at 20 by Berlin's clock, on weekdays
    mon,wed-thu 6:30-24:00 UTC               other days, and to the end of the day

A *boundary* is a moment at which services wake or go to sleep. Only the latest counts: whoever was away for a week does
what the last boundary says, once, and what was done by hand after it stays until the next.

Clocks that are set forward skip times and those that are set back show them twice. A boundary at a time that is skipped
comes by as much later as the clock was set forward (02:30 is 03:30 then), one at a time that comes twice comes at the
first. So every office day has one waking and one going to sleep, whatever the clock does.
"""

import re
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo

from culm.core.model.record import record

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOW = "write days, hours and a time zone: mon-fri 08:00-20:00 Europe/Berlin"
_TEXT = re.compile(r"(\S+)\s+(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)\s+(\S+)")
_WHOLE_DAY = 24 * 60


class NotOfficeHours(ValueError):
    """The text says no office hours; it says why."""


@record
class OfficeHours:
    days: frozenset[int]
    """0 is Monday."""
    opens: int
    closes: int
    """Minutes from midnight, up to 24 hours; later than `opens`."""
    zone: str

    def __str__(self) -> str:
        """`mon-fri 08:00-20:00 Europe/Berlin`."""
        return f"{days_as_text(self.days)} {clock_as_text(self.opens)}-{clock_as_text(self.closes)} {self.zone}"


@record
class Boundary:
    at: float
    """Epoch seconds."""
    opens: bool
    """Whether services wake then; otherwise they go to sleep."""


def parse_hours(text: str) -> OfficeHours:
    """Return the office hours that a text says. Raises NotOfficeHours; whether there is such a zone is not checked."""
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise NotOfficeHours(f"{text!r} is not office hours: {HOW}")
    opens, closes = minutes(text, match[2], match[3]), minutes(text, match[4], match[5])
    if opens >= closes:
        raise NotOfficeHours(f"{text!r} closes before it opens: hours that go over midnight are not known")
    if opens == 0 and closes == _WHOLE_DAY:
        raise NotOfficeHours(f"{text!r} has whole days, whose end is the beginning of the next: some hours of the day")
    return OfficeHours(days=parse_days(text, match[1].lower()), opens=opens, closes=closes, zone=match[6])


def minutes(text: str, hour: str, minute: str) -> int:
    """Return the minutes from midnight. Raises NotOfficeHours for a time that no clock shows."""
    result = int(hour) * 60 + int(minute)
    if int(minute) > 59 or result > _WHOLE_DAY:
        raise NotOfficeHours(f"{text!r}: {hour}:{minute} is no time of day")
    return result


def parse_days(text: str, given: str) -> frozenset[int]:
    """Return the days of the week: `mon-fri`, `sat`, `fri-mon`, `mon,wed-thu`. Raises NotOfficeHours."""
    days: set[int] = set()
    for part in given.split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise NotOfficeHours(f"{text!r}: {part!r} is no day: {', '.join(DAYS)}")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        days.update(day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))
    return frozenset(days)


def days_as_text(days: Collection[int]) -> str:
    """Return days of the week, by number, as text: `mon-fri` or `mon,wed-thu`."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(DAYS[run[0]] if len(run) == 1 else f"{DAYS[run[0]]}-{DAYS[run[-1]]}" for run in runs)


def clock_as_text(of_day: int) -> str:
    return f"{of_day // 60:02}:{of_day % 60:02}"


def latest_boundary(hours: OfficeHours, holidays: Collection[date], zone: tzinfo, now: float) -> Boundary:
    """Return the boundary that `now`, in epoch seconds, comes after or is at."""
    today = datetime.fromtimestamp(now, zone).date()
    for back in range(len(holidays) + 9):
        passed = [each for each in of_day(hours, holidays, zone, today - timedelta(days=back)) if each.at <= now]
        if passed:
            return passed[-1]
    raise AssertionError("a week has an office day, and every holiday takes one at most")


def of_day(hours: OfficeHours, holidays: Collection[date], zone: tzinfo, day: date) -> Iterator[Boundary]:
    """Yield the two boundaries of an office day, none of another one."""
    if day.weekday() in hours.days and day not in holidays:
        yield Boundary(at=moment(day, hours.opens, zone), opens=True)
        yield Boundary(at=moment(day, hours.closes, zone), opens=False)


def moment(day: date, of_day: int, zone: tzinfo) -> float:
    """Return when the zone's clock shows so many minutes after midnight for the first time, in epoch seconds."""
    if of_day == _WHOLE_DAY:
        day, of_day = day + timedelta(days=1), 0
    local = datetime(day.year, day.month, day.day, of_day // 60, of_day % 60, tzinfo=zone)
    return local.astimezone(UTC).timestamp()


def hours_a_week(hours: OfficeHours) -> float:
    """Return how many hours of a week without holidays are office hours."""
    return len(hours.days) * (hours.closes - hours.opens) / 60
