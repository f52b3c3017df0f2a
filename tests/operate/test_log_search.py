"""Searching stored lines over the AWS API."""

from pathlib import Path

import pytest
from tests.operate.snapshot.described import about
from tests.serving import served

from culm.cli.logs import Chosen
from culm.operate import log_search
from culm.operate.log_search import Wanted, pattern_of
from culm.operate.logs import LogLine
from culm.target.clock import now
from culm.target.connection import StaticCredentials, Target


@pytest.fixture
def target(tmp_path: Path):
    with served(tmp_path) as endpoint:
        yield Target(about().settings, endpoint, StaticCredentials(access_key="a", secret_key="b"))


@pytest.fixture
def begin(target) -> int:
    """Two groups of lines, a second apart, the first of them ten minutes ago."""
    logs, start = target.client("logs"), int(now() * 1000) - 600_000
    for group in ("/a", "/b"):
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="s/1")
        events = [{"timestamp": start + 1000 * n, "message": f"{group} line {n} it's 50 % \\done"} for n in range(10)]
        logs.put_log_events(logGroupName=group, logStreamName="s/1", logEvents=events)
    return start


def test_the_newest_lines_of_several_groups_come_oldest_first(target, begin):
    lines = log_search.newest(target, ["/a", "/b", "/missing"], Wanted(start=begin, limit=4))
    assert [(line.group, line.text.split()[2]) for line in lines] == [
        ("/a", "8"),
        ("/b", "8"),
        ("/a", "9"),
        ("/b", "9"),
    ]


def test_lines_of_one_millisecond_keep_the_order_in_which_they_were_written(target, begin):
    logs = target.client("logs")
    events = [{"timestamp": begin + 20_000, "message": text} for text in ("Traceback", "  File x", "KeyError: 'A'")]
    logs.put_log_events(logGroupName="/a", logStreamName="s/1", logEvents=events)
    lines = log_search.newest(target, ["/a"], Wanted(start=begin + 15_000))
    assert [line.text for line in lines] == ["Traceback", "  File x", "KeyError: 'A'"]


def test_words_are_searched_as_they_are_written(target, begin):
    for words in ("line 3", "it's 50 %", "\\done"):
        found = log_search.newest(target, ["/a"], Wanted(start=begin, text=words))
        assert len(found) == (1 if words == "line 3" else 10), words


def test_filter_patterns_are_the_targets_to_judge(target, begin):
    assert len(log_search.newest(target, ["/a"], Wanted(start=begin, text='"line 3"'))) == 1
    assert len(log_search.newest(target, ["/a"], Wanted(start=begin, text="?3 ?4"))) == 2


def test_an_end_cuts_what_is_newer(target, begin):
    lines = log_search.newest(target, ["/a"], Wanted(start=begin, end=begin + 4500, limit=2))
    assert [line.text.split()[2] for line in lines] == ["3", "4"]


def test_a_line_is_shown_between_its_neighbours(target, begin):
    lines = log_search.lines_around(target, "/a", "s/1", begin + 5000, each=2)
    assert [line.text.split()[2] for line in lines] == ["3", "4", "5", "6"]


@pytest.mark.parametrize(
    ("typed", "pattern"),
    [
        ("", ""),
        ("no such table", '"no such table"'),
        ('"exact"', '"exact"'),
        ("{ $.status = 500 }", "{ $.status = 500 }"),
        ("error -debug", "error -debug"),
        ("a-b", '"a-b"'),
    ],
)
def test_what_a_person_typed_is_words_unless_it_is_a_pattern(typed, pattern):
    assert pattern_of(typed) == pattern


def test_lines_are_chosen_by_words_level_task_and_kind():
    line = LogLine(group="g", stream="migrate/orders/abcdef12", at=0, text='{"level": "error", "message": "No table"}')
    other = LogLine(group="g", stream="orders/orders/12345678", at=0, text="fine")
    for chosen in (Chosen(words="no TABLE"), Chosen(errors=True), Chosen(task="abcd"), Chosen(migration=True)):
        assert (line in chosen, other in chosen) == (True, False)
