"""Office hours by a clock: weekdays, holidays, leap days, and both changes of daylight saving time."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from culm.core.decide.office_hours import (
    NotOfficeHours,
    OfficeHours,
    latest_boundary,
    of_day,
    parse_hours,
)

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = parse_hours("mon-fri 08:00-20:00 Europe/Berlin")


def at(text: str, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def awake(text: str, *holidays: date, hours: OfficeHours = WEEK) -> bool:
    return latest_boundary(hours, holidays, ZoneInfo(hours.zone), at(text, ZoneInfo(hours.zone))).opens


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("mon-fri 08:00-20:00 Europe/Berlin", "mon-fri 08:00-20:00 Europe/Berlin"),
        ("  MON,wed-thu 6:30 - 24:00 UTC ", "mon,wed-thu 06:30-24:00 UTC"),
        ("sat-mon 9:00-17:00 UTC", "mon,sat-sun 09:00-17:00 UTC"),
        ("sun 00:00-12:00 America/New_York", "sun 00:00-12:00 America/New_York"),
    ],
)
def test_hours_are_read_and_said_again(written: str, said: str) -> None:
    assert str(parse_hours(written)) == said
    assert parse_hours(said) == parse_hours(written)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("08:00-20:00", "is not office hours"),
        ("mon-fri 08:00-20:00", "is not office hours"),
        ("mon-fry 08:00-20:00 UTC", "'mon-fry' is no day"),
        ("mon-fri 20:00-08:00 UTC", "closes before it opens"),
        ("mon-fri 08:00-08:00 UTC", "closes before it opens"),
        ("mon-fri 08:60-20:00 UTC", "08:60 is no time of day"),
        ("mon-fri 08:00-24:01 UTC", "24:01 is no time of day"),
        ("mon-sun 00:00-24:00 UTC", "has whole days"),
    ],
)
def test_what_says_no_hours_is_refused(written: str, why: str) -> None:
    with pytest.raises(NotOfficeHours, match=why):
        parse_hours(written)


@pytest.mark.parametrize(
    ("moment", "is_awake"),
    [
        ("2026-11-30T07:59:59", False),  # a Monday
        ("2026-11-30T08:00:00", True),
        ("2026-11-30T19:59:59", True),
        ("2026-11-30T20:00:00", False),
        ("2026-12-04T23:00:00", False),  # Friday night, and the weekend
        ("2026-12-05T12:00:00", False),
        ("2026-12-06T12:00:00", False),
        ("2026-12-07T08:00:00", True),
        ("2028-02-29T12:00:00", True),  # a leap day, a Tuesday
        ("2028-02-29T20:00:00", False),
        ("2028-03-01T08:00:00", True),
    ],
)
def test_services_are_awake_in_office_hours(moment: str, is_awake: bool) -> None:
    assert awake(moment) == is_awake


def test_a_holiday_has_no_hours_and_the_next_day_has() -> None:
    christmas = [date(2026, 12, 24), date(2026, 12, 25)]
    assert not awake("2026-12-24T12:00:00", *christmas)
    assert not awake("2026-12-25T12:00:00", *christmas)
    assert awake("2026-12-28T08:00:00", *christmas)
    assert not awake("2026-12-28T07:59:59", *christmas), "the weekend follows"


def test_a_leap_day_may_be_a_holiday() -> None:
    leap = [date(2028, 2, 29)]
    assert not awake("2028-02-29T12:00:00", *leap)
    assert not awake("2028-03-01T07:59:59", *leap)
    assert awake("2028-03-01T08:00:00", *leap)


def test_a_year_of_holidays_ends() -> None:
    year = [date(2027, 1, 1) + timedelta(days=n) for n in range(365)]
    assert not awake("2027-12-31T12:00:00", *year)
    assert not awake("2028-01-03T07:59:59", *year)
    assert awake("2028-01-03T08:00:00", *year)


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2027-03-28", "2027-03-28T01:30:00+00:00", "2027-03-28T10:00:00+00:00"),  # 02:30 is skipped: 03:30 in summer
        ("2027-10-31", "2027-10-31T00:30:00+00:00", "2027-10-31T11:00:00+00:00"),  # 02:30 comes twice: the first
        ("2027-10-30", "2027-10-30T00:30:00+00:00", "2027-10-30T10:00:00+00:00"),
    ],
)
def test_a_day_on_which_the_clock_is_changed_has_one_waking_and_one_sleep(day: str, opens: str, closes: str) -> None:
    early = parse_hours("mon-sun 02:30-12:00 Europe/Berlin")
    first, second = of_day(early, (), BERLIN, date.fromisoformat(day))
    assert (first.opens, second.opens) == (True, False)
    assert datetime.fromtimestamp(first.at, UTC).isoformat() == opens
    assert datetime.fromtimestamp(second.at, UTC).isoformat() == closes


def test_hours_that_end_when_the_clock_is_set_back_end_once() -> None:
    late = parse_hours("sun 01:00-02:30 Europe/Berlin")
    first = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)  # 02:30 for the first time
    states = [
        latest_boundary(late, (), BERLIN, (first + timedelta(minutes=minutes)).timestamp()).opens
        for minutes in range(-90, 121)
    ]
    assert states == [True] * 90 + [False] * 121


@given(
    st.integers(0, 4 * 366 * 24 * 60),
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(3 * 60, 11 * 60),
    st.integers(12 * 60, 24 * 60),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata", "UTC"]),
)
def test_outside_the_hour_in_which_clocks_change_hours_are_what_the_wall_clock_says(
    minute: int, days: set[int], opens: int, closes: int, name: str
) -> None:
    hours, zone = OfficeHours(days=frozenset(days), opens=opens, closes=closes, zone=name), ZoneInfo(name)
    now = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    local = now.astimezone(zone)
    of_day = local.hour * 60 + local.minute
    if not 1 <= local.hour <= 3:
        expected = local.weekday() in days and opens <= of_day < closes
        assert latest_boundary(hours, (), zone, now.timestamp()).opens == expected
