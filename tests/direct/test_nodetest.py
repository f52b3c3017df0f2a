"""What `node --test` reports becomes one suite."""

import xml.etree.ElementTree as ET

from culm.direct import nodetest, suite

REPORT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites>
  <testcase name="it greets" time="0.012" classname="test"/>
  <testsuite name="items" time="0.02">
    <testcase name="it lists" time="0.01" classname="test"><failure type="testCodeFailure" message="1 == 2"/></testcase>
    <testcase name="later" time="0.0" classname="test"><skipped type="skipped" message="true"/></testcase>
  </testsuite>
</testsuites>
"""


def test_tests_in_suites_and_without_one_are_counted_alike() -> None:
    [made] = suite.suites_of(nodetest.junit("front", REPORT))
    counts = {key: made.get(key) for key in ("name", "tests", "failures", "skipped", "time")}
    assert counts == {"name": "front", "tests": "3", "failures": "1", "skipped": "1", "time": "0.022"}
    assert [case.get("name") for case in ET.fromstring(nodetest.junit("front", REPORT)).iter("testcase")] == [
        "it greets",
        "it lists",
        "later",
    ]
