import pytest

from culm.cluster.wire import scalars


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00Z", "Thu, 01 Jan 2026 00:00:00 GMT", "1767225600"])
def test_times_come_in_three_forms(text):
    assert scalars.time(text) == 1767225600


@pytest.mark.parametrize("convert", [scalars.time, scalars.number, scalars.integer, scalars.boolean])
def test_what_does_not_parse_stays_text(convert):
    assert convert("soon") == "soon"


@pytest.mark.parametrize(
    ("convert", "text", "value"),
    [
        (scalars.boolean, "true", True),
        (scalars.boolean, "False", False),
        (scalars.integer, "-7", -7),
        (scalars.integer, "7" * 30, int("7" * 30)),
        (scalars.integer, "7" * 31, "7" * 31),
        (scalars.number, "1.5e3", 1500.0),
        (scalars.number, "-Infinity", float("-inf")),
        (scalars.time, "Fri, 99 Jan 2026 00:00:00 GMT", "Fri, 99 Jan 2026 00:00:00 GMT"),
    ],
)
def test_text_becomes_what_it_says(convert, text, value):
    read = convert(text)
    assert (type(read), read) == (type(value), value)
