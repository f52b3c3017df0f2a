import pytest

from culm.cluster.wire import scalars


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00Z", "Thu, 01 Jan 2026 00:00:00 GMT", "1767225600"])
def test_times_come_in_three_forms(text):
    assert scalars.time(text) == 1767225600


@pytest.mark.parametrize("convert", [scalars.time, scalars.number, scalars.integer, scalars.boolean])
def test_what_does_not_parse_stays_text(convert):
    assert convert("soon") == "soon"
