import json
import logging
from io import StringIO

import pytest
from starlette.datastructures import Headers

from catalog import logs


@pytest.fixture
def lines(caplog):
    """What has been logged, parsed."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLines())
    root = logging.getLogger()
    caplog.set_level(logging.INFO)
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)


def test_a_request_leaves_one_line_with_its_ids(client, collection, lines):
    sent = {"X-Request-Id": "r-1", "X-Amzn-Trace-Id": "Root=1-67891233-abcdef012345678912345678"}
    answer = client.put(collection, headers=sent)

    (line,) = [line for line in lines() if line["message"] == "request"]
    assert answer.headers["X-Request-Id"] == "r-1"
    assert line["request_id"] == "r-1"
    assert line["trace_id"] == sent["X-Amzn-Trace-Id"]
    assert (line["method"], line["path"], line["status"]) == ("PUT", collection, 405)
    assert 0 <= line["ms"] < 10_000


def test_what_is_logged_while_a_request_is_served_has_its_id(client, collection, lines):
    answer = client.get(collection)
    assert answer.status_code == 503
    assert [line["request_id"] for line in lines() if "database is away" in line["message"]] == [
        answer.headers["X-Request-Id"]
    ]


def test_a_traceback_is_part_of_its_line(lines):
    try:
        raise ValueError("no")
    except ValueError:
        logging.getLogger("x").exception("failed")
    (line,) = lines()
    assert line["level"] == "error"
    assert line["traceback"].endswith("ValueError: no")


@pytest.mark.parametrize("given", ["", "a b", "x" * 257, 'quote"', "new\nline"])
def test_an_id_that_is_not_plain_is_replaced(given):
    made = logs.identify(Headers({"X-Request-Id": given, "X-Amzn-Trace-Id": given}))
    assert made.keys() == {"request_id"}
    assert len(made["request_id"]) == 32
