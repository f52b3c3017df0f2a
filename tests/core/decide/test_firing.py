"""When schedules fire, over clock changes, ends of months and years; every cron firing fits its own fields."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from culm.core.decide.firing import NotAnExpression, next_firing, parse

BERLIN = ZoneInfo("Europe/Berlin")


def firings(text: str, after: str, count: int, zone: ZoneInfo = BERLIN, begins: str = "2020-01-01T00:00") -> list[str]:
    """The next firings, in UTC; `after` and `begins` are in UTC, too."""
    expression, moment = parse(text), datetime.fromisoformat(after).replace(tzinfo=UTC).timestamp()
    start = datetime.fromisoformat(begins).replace(tzinfo=UTC).timestamp()
    result = []
    for _ in range(count):
        found = next_firing(expression, zone, moment, start)
        if found is None:
            break
        moment = found
        result.append(datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M"))
    return result


def test_a_time_that_the_clock_skips_is_left_out() -> None:
    assert firings("cron(30 2 * * ? *)", "2027-03-26T12:00", 2) == ["2027-03-27T01:30", "2027-03-29T00:30"]


def test_a_time_that_comes_twice_fires_once() -> None:
    assert firings("cron(30 2 * * ? *)", "2027-10-30T12:00", 2) == ["2027-10-31T00:30", "2027-11-01T01:30"]


def test_a_daily_time_keeps_to_the_wall_clock() -> None:
    assert firings("cron(0 6 ? * MON-FRI *)", "2027-03-26T12:00", 1) == ["2027-03-29T04:00"]
    assert firings("cron(0 6 ? * MON-FRI *)", "2027-10-29T12:00", 1) == ["2027-11-01T05:00"]


def test_every_minute_goes_on_over_the_hour_that_comes_twice() -> None:
    first = firings("cron(*/30 * * * ? *)", "2027-10-30T23:50", 5)
    assert first == ["2027-10-31T00:00", "2027-10-31T00:30", "2027-10-31T02:00", "2027-10-31T02:30", "2027-10-31T03:00"]


@pytest.mark.parametrize(
    ("zone", "changes", "expected"),
    [
        ("Europe/Berlin", "2026-03-28T12:00", ["2026-03-30T00:30", "2026-03-31T00:30"]),
        ("Europe/Berlin", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
        ("America/New_York", "2026-03-07T12:00", ["2026-03-09T06:30", "2026-03-10T06:30"]),
        ("America/New_York", "2026-10-31T12:00", ["2026-11-01T07:30", "2026-11-02T07:30"]),
    ],
)
def test_both_changes_of_2026_leave_out_what_does_not_exist_and_run_once_what_comes_twice(
    zone: str, changes: str, expected: list[str]
) -> None:
    assert firings("cron(30 2 * * ? *)", changes, 2, ZoneInfo(zone)) == expected


def test_new_yorks_hour_that_comes_twice_fires_the_first_time() -> None:
    new_york = ZoneInfo("America/New_York")
    assert firings("cron(30 1 * * ? *)", "2026-10-31T12:00", 2, new_york) == ["2026-11-01T05:30", "2026-11-02T06:30"]


def test_the_29th_of_february_comes_in_leap_years_alone() -> None:
    assert firings("cron(0 6 29 2 ? *)", "2026-01-01T00:00", 2) == ["2028-02-29T05:00", "2032-02-29T05:00"]
    assert firings("cron(0 6 28-29 2 ? *)", "2028-02-01T00:00", 2) == ["2028-02-28T05:00", "2028-02-29T05:00"]


def test_a_rate_counts_from_its_beginning_whatever_clocks_do() -> None:
    found = firings("rate(90 minutes)", "2027-10-31T00:01", 3, begins="2027-10-31T00:00")
    assert found == ["2027-10-31T01:30", "2027-10-31T03:00", "2027-10-31T04:30"]


def test_a_single_time_fires_once_and_never_where_it_does_not_exist() -> None:
    assert firings("at(2027-01-05T06:00:00)", "2027-01-01T00:00", 2) == ["2027-01-05T05:00"]
    assert firings("at(2027-03-28T02:30:00)", "2027-01-01T00:00", 2) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cron(0 0 L * ? *)", ["2028-02-29T00:00", "2028-03-31T00:00"]),
        ("cron(0 0 31 * ? *)", ["2028-03-31T00:00", "2028-05-31T00:00"]),
        ("cron(0 0 LW * ? *)", ["2028-02-29T00:00", "2028-03-31T00:00"]),
        ("cron(0 0 1W 4-7 ? *)", ["2028-04-03T00:00", "2028-05-01T00:00"]),
        ("cron(0 0 ? * FRI#2 *)", ["2028-02-11T00:00", "2028-03-10T00:00"]),
        ("cron(0 0 ? * 6L *)", ["2028-02-25T00:00", "2028-03-31T00:00"]),
        ("cron(0 0 ? * SAT-SUN *)", ["2028-02-05T00:00", "2028-02-06T00:00"]),
        ("cron(0 0 29 2 ? 2028-2032)", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("cron(15/20 8 1,15 FEB ? 2028)", ["2028-02-01T08:15", "2028-02-01T08:35"]),
    ],
)
def test_days_that_depend_on_the_month(text: str, expected: list[str]) -> None:
    assert firings(text, "2028-01-31T12:00", 2, ZoneInfo("UTC")) == expected


def test_a_step_of_one_leaves_nothing_out() -> None:
    assert firings("cron(*/1 * * * ? *)", "2027-10-30T10:00", 2) == firings("cron(* * * * ? *)", "2027-10-30T10:00", 2)


def test_an_expression_that_matches_no_date_never_fires() -> None:
    assert firings("cron(0 0 30 2 ? *)", "2028-01-31T12:00", 1) == []
    assert firings("cron(0 0 1 1 ? 2020)", "2028-01-31T12:00", 1) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0 6 * * *", "is not at"),
        ("cron(0 6 * * *)", "has 5 fields"),
        ("cron(0 6 * * * *)", "one of day of month and day of week"),
        ("cron(60 6 * * ? *)", "'60' is not from 0 to 59"),
        ("cron(0 6 ? * FUNDAY *)", "is not from 1 to 7"),
        ("cron(0/0 6 * * ? *)", "has no step"),
        ("rate(5 minute)", "is not a rate"),
        ("rate(1 minutes)", "is not a rate"),
        ("rate(0 minutes)", "is not a rate"),
        ("at(2027-02-30T00:00:00)", "is not a time"),
        ("at(tomorrow)", "is not a time"),
    ],
)
def test_malformed_schedule_expressions_are_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(NotAnExpression, match=why):
        parse(text)


@given(
    after=st.integers(min_value=1_700_000_000, max_value=2_000_000_000),
    hour=st.integers(min_value=0, max_value=23),
    minute=st.integers(min_value=0, max_value=59),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
)
def test_a_daily_schedule_fires_later_within_two_days_and_at_its_own_time(
    after: int, hour: int, minute: int, zone: str
) -> None:
    moment = next_firing(parse(f"cron({minute} {hour} * * ? *)"), ZoneInfo(zone), after, 0)
    assert moment is not None
    assert timedelta() < timedelta(seconds=moment - after) < timedelta(hours=49, minutes=1)
    local = datetime.fromtimestamp(moment, ZoneInfo(zone))
    assert (local.hour, local.minute, local.second, local.fold) == (hour, minute, 0, 0)
