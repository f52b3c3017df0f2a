"""Text and times as XML has them."""

import pytest

from culm.cluster.wire.xml import TIMESTAMPS, escaped


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a & b", "a &amp; b"),
        ("a < b", "a &lt; b"),
        ("a > b", "a &gt; b"),
        ("a\rb", "a&#13;b"),
        ("a\nb", "a\nb"),
        ("a\x00b", "a\ufffdb"),
        (7, "7"),
    ],
)
def test_each_character_that_xml_does_not_carry_is_escaped_or_replaced(text, written):
    assert escaped(text).replace("&#xD;", "&#13;") == written


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("iso8601", "2026-01-02T03:04:05.678Z"),
        ("rfc822", "Fri, 02 Jan 2026 03:04:05 GMT"),
        ("unixTimestamp", "1767323045.678"),
    ],
)
def test_times_are_written_in_the_form_that_the_model_names(form, written):
    assert TIMESTAMPS[form](1767323045.678) == written


def test_a_time_of_whole_seconds_has_no_fraction():
    assert TIMESTAMPS["unixTimestamp"](1767323045.0) == "1767323045"
