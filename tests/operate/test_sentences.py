"""Log lines as sentences."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from culm.operate.sentences import Sentence, one_line, sentence


def test_a_json_line_is_its_message_its_level_and_the_rest():
    line = json.dumps({"time": "2026-01-01T00:00:00Z", "level": "warning", "message": "slow", "ms": 812, "who": "ada"})
    assert sentence(line) == Sentence(level="warning", text="slow", fields=(("ms", "812"), ("who", "ada")))


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ('{"level": 50, "msg": "no"}', "error"),
        ('{"severity": "CRITICAL", "msg": "no"}', "error"),
        ('{"lvl": "warn", "msg": "no"}', "warning"),
        ('{"msg": "request", "level": "info", "status": 503}', "error"),
        ('{"level": true, "msg": "odd"}', ""),
        ("2026-01-01 12:00:00 ERROR it broke", "error"),
        ("INFO:     Application startup complete.", "info"),
        ("Traceback (most recent call last):", "error"),
        ("panic: runtime error", "error"),
        ("nothing special", ""),
    ],
)
def test_levels_are_read_however_they_are_written(line, level):
    assert sentence(line).level == level


def test_what_says_something_comes_before_ids():
    line = json.dumps(
        {"message": "request", "request_id": "a" * 32, "logger": "orders", "path": "/orders/", "status": 200}
    )
    assert one_line(sentence(line)) == f"request  path=/orders/ status=200 request_id={'a' * 32} logger=orders"


def test_values_with_blanks_are_quoted():
    assert one_line(sentence('{"message": "x", "why": "no room"}')) == 'x  why="no room"'


@given(st.text())
def test_any_text_is_a_sentence_that_loses_nothing_of_plain_text(line):
    read = sentence(line)
    assert read.fields or read.text == line.rstrip("\n") or line.strip().startswith("{")


def test_a_line_nested_too_deeply_is_plain_text():
    line = '{"a":' * 100_000 + "1" + "}" * 100_000
    assert sentence(line).text == line
