"""The language of Insights, on rows alone."""

import pytest

from culm.cluster.services.logs.insights.queries import read, run
from culm.cluster.services.logs.insights.rows import EventRow, discovered
from culm.cluster.services.logs.insights.tokens import Malformed
from culm.cluster.services.logs.insights.values import Time

MINUTE = 60_000
DAY = 1_704_067_200_000  # 2024-01-01


def rows(*messages):
    """Newest first, a minute apart."""
    return [
        EventRow({"@timestamp": Time(DAY - place * MINUTE), "@message": message, "@ptr": str(place)}, discover=True)
        for place, message in enumerate(messages)
    ]


def ask(query, *messages, most=10_000):
    """Rows of the result as plain dictionaries, without their pointers."""
    shown, _ = run(read(query), rows(*messages), most)
    return [{name: value for name, value in row if name != "@ptr"} for row in shown]


ORDERS = (
    '{"status": 200, "ms": 10, "path": "/a", "user": {"name": "eva"}}',
    '{"status": 503, "ms": 250.5, "path": "/b"}',
    '{"status": 200, "ms": 30, "path": "/a", "tags": ["x", "y"]}',
    "plain text 42 from 10.0.0.7",
)


def test_time_and_message_are_shown_where_nothing_else_is_asked_for():
    assert ask("limit 1", "m") == [{"@timestamp": "2024-01-01 00:00:00.000", "@message": "m"}]
    shown, _ = run(read("fields @message"), rows("m"))
    assert shown == [[("@message", "m"), ("@ptr", "0")]]


def test_fields_that_an_event_lacks_are_left_out():
    assert ask("fields path, user.name as who, tags.1", *ORDERS) == [
        {"path": "/a", "who": "eva"},
        {"path": "/b"},
        {"path": "/a", "tags.1": "y"},
        {},
    ]


def test_fields_add_up_and_display_has_the_last_word():
    assert ask("fields path | fields status", ORDERS[1]) == [{"path": "/b", "status": "503"}]
    assert ask("fields path | display status", ORDERS[1]) == [{"status": "503"}]


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ("status = 200", [0, 2]),
        ("status != 200", [1]),
        ("status >= 500 or ms < 20", [0, 1]),
        ("status = 200 and not ms = 10", [2]),
        ("path = '/b'", [1]),
        ('path in ["/b", "/c"]', [1]),
        ("status not in [200, 404]", [1, 3]),
        ("@message like 'plain'", [3]),
        ("@message not like /PATH/", [0, 1, 2, 3]),
        ("@message like /(?i)PATH/", [0, 1, 2]),
        ("@message =~ /[0-9]+ from/", [3]),
        ("ispresent(user.name)", [0]),
        ("not ispresent(status)", [3]),
        ("ms * 2 + 1 > 500 and (status = 503)", [1]),
        ("strcontains(path, 'b')", [1]),
        ("path like /^\\/a$/", [0, 2]),
    ],
)
def test_filters(condition, left):
    shown, matched = run(read(f"filter {condition}"), rows(*ORDERS))
    assert [row[-1][1] for row in shown] == [str(place) for place in left]
    assert matched == len(left)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3 - 4 / 8", "6.5"),
        ("2 ^ 3 ^ 2", "512"),
        ("-(7 % 4)", "-3"),
        ("10 / 3", "3.3333"),
        ("abs(-2)", "2"),
        ("ceil(1.2)", "2"),
        ("floor(1.8)", "1"),
        ("greatest(1, 3, 2)", "3"),
        ("least('b', 'a')", "a"),
        ("sqrt(16)", "4"),
        ("log(1)", "0"),
        ("concat('a', 1, missing)", "a1"),
        ("trim('  x ')", "x"),
        ("ltrim('xxy', 'x')", "y"),
        ("rtrim('y  ')", "y"),
        ("strlen('four')", "4"),
        ("toUpper('a')", "A"),
        ("tolower('A')", "a"),
        ("substr('hello', 1, 3)", "ell"),
        ("substr('hello', 3)", "lo"),
        ("replace('a-b-c', '-', '')", "abc"),
        ("isempty('')", "1"),
        ("isblank(' x ')", "0"),
        ("coalesce(missing, 'b')", "b"),
        ("bin(1h)", "2024-01-01 00:00:00.000"),
        ("datefloor(@timestamp, 1d)", "2024-01-01 00:00:00.000"),
        ("dateceil(fromMillis(1), 1s)", "1970-01-01 00:00:01.000"),
        ("toMillis(@timestamp)", str(DAY)),
        ("isValidIp('10.0.0.7')", "1"),
        ("isValidIpv6('10.0.0.7')", "0"),
        ("isIpv4InSubnet('10.0.0.7', '10.0.0.0/24')", "1"),
        ("isIpInSubnet('10.0.0.7', 'x')", "0"),
        ("1 < 2", "1"),
    ],
)
def test_what_can_be_computed(expression, value):
    assert ask(f"fields {expression} as x", "m") == [{"x": value}]


@pytest.mark.parametrize("expression", ["1 / 0", "log(0)", "abs('x')", "missing + 1", "strlen(missing)", "10 ^ 400.5"])
def test_what_has_no_result_is_left_out(expression):
    assert ask(f"fields {expression} as x", "m") == [{}]


def test_sorting_has_text_before_numbers_and_missing_values_first():
    messages = ['{"v": 10}', '{"v": 9}', '{"v": "b"}', "{}", '{"v": "a"}']
    assert [row.get("v") for row in ask("fields v | sort v", *messages)] == [None, "a", "b", "9", "10"]
    assert [row.get("v") for row in ask("fields v | sort v desc | limit 2", *messages)] == ["10", "9"]


def test_sorting_by_two_keys():
    messages = ['{"a": 1, "b": 1}', '{"a": 2, "b": 1}', '{"a": 1, "b": 2}']
    shown = ask("fields a, b | sort a desc, b asc", *messages)
    assert [(row["a"], row["b"]) for row in shown] == [("2", "1"), ("1", "1"), ("1", "2")]


def test_dedup_keeps_the_first_of_each_and_those_without():
    assert ask("fields path | dedup path", *ORDERS) == [{"path": "/a"}, {"path": "/b"}, {}]


def test_parse_with_a_pattern():
    (row,) = ask('parse @message "user=*, ms=*;" as user, ms | fields user, ms + 1 as more', "x user=eva, ms=7; end")
    assert row == {"user": "eva", "more": "8"}
    assert ask("parse 'to *' as rest", "go to the end")[0]["rest"] == "the end"


def test_parse_with_a_regular_expression():
    query = r"fields @message | parse @message /text (?<count>\d+) from (?<ip>[\d.]+)/ | display count, ip"
    assert ask(query, *ORDERS)[3] == {"count": "42", "ip": "10.0.0.7"}


def test_stats_without_groups_make_one_row():
    assert ask("stats count(*), count(ms) as n, sum(ms), avg(ms), min(ms), max(ms)", *ORDERS) == [
        {"count(*)": "4", "n": "3", "sum(ms)": "290.5", "avg(ms)": "96.8333", "min(ms)": "10", "max(ms)": "250.5"}
    ]
    assert ask("stats count(*), sum(ms)") == [{"count(*)": "0"}]


def test_stats_by_bin_and_by_field():
    assert ask("stats count(*) as n by bin(2m), path | sort n desc", *ORDERS) == [
        {"bin(2m)": "2024-01-01 00:00:00.000", "path": "/a", "n": "1"},
        {"bin(2m)": "2023-12-31 23:58:00.000", "path": "/b", "n": "1"},
        {"bin(2m)": "2023-12-31 23:58:00.000", "path": "/a", "n": "1"},
        {"bin(2m)": "2023-12-31 23:56:00.000", "n": "1"},
    ]


def test_stats_of_other_kinds():
    messages = [f'{{"v": {v}, "k": "{k}"}}' for v, k in ((1, "b"), (2, "a"), (3, "b"), (4, "c"))]
    query = (
        "stats pct(v, 50) as p, median(v) as m, stddev(v) as s, count_distinct(k) as d, latest(v) as l,"
        " earliest(v) as e, sortsFirst(k) as f, sortsLast(k) as t, sum(v) / count(*) as a"
    )
    assert ask(query, *messages) == [
        {"p": "2.5", "m": "2.5", "s": "1.118", "d": "3", "l": "1", "e": "4", "f": "a", "t": "c", "a": "2.5"}
    ]


def test_stats_of_stats_and_filters_behind_them():
    query = "stats count(*) as n by path | filter n > 1 | stats max(n) as most"
    assert ask(query, *ORDERS) == [{"most": "2"}]


def test_comments_backquotes_and_any_case():
    query = "FIELDS `odd key` as k # the key\n| FILTER k = 1 // only\n| LIMIT 5"
    assert ask(query, '{"odd key": 1}') == [{"k": "1"}]


def test_a_limit_holds_and_rows_of_stats_have_no_pointer():
    assert len(ask("fields @message | limit 2", *ORDERS)) == 2
    assert len(ask("fields @message", *ORDERS, most=3)) == 3
    assert run(read("stats count(*)"), rows("m"))[0] == [[("count(*)", "1")]]


@pytest.mark.parametrize(
    ("query", "reason", "at"),
    [
        ("bogus command", "unexpected symbol found bogus", 0),
        ("fields @message |", "unexpected symbol found <EOF>", 17),
        ("fields a b", "unexpected symbol found b", 9),
        ("filter a = ", "unexpected symbol found <EOF>", 11),
        ("filter a like b", "unexpected symbol found b", 14),
        ("filter a not b", "unexpected symbol found b", 13),
        ("fields nosuch(a)", "unknown function nosuch", 7),
        ("fields abs(1, 2)", "invalid number of arguments for abs: 2", 7),
        ("fields count(*)", "unknown function count", 7),
        ("limit 0", "invalid limit", 6),
        ("limit 10001", "invalid limit", 6),
        ("stats count(*) by bin(5x)", "invalid period", 22),
        ("stats pct(a, 101)", "unexpected symbol found 101", 13),
        ("parse @message 'a*b*' as x", "2 wildcards for 1 fields", 15),
        ("parse @message /(/", "invalid regular expression", 15),
        ("parse @message a", "unexpected symbol found a", 15),
        ("fields !", "unexpected symbol found !", 7),
        ("pattern @message", "culm does not support the command pattern", 0),
    ],
)
def test_a_query_that_cannot_be_read_says_where(query, reason, at):
    with pytest.raises(Malformed) as wrong:
        read(query)
    assert reason in wrong.value.message
    assert wrong.value.start == at


def test_fields_are_discovered_in_json_that_begins_later_too():
    assert discovered('INFO {"a": {"b": [1, true]}} rest') == {"a.b.0": 1, "a.b.1": True}
    assert discovered("{no json") == discovered("[1]") == discovered("text") == {}
    assert len(discovered('{"a": [' + ",".join(["1"] * 300) + "]}")) == 200
