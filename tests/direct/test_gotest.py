"""Go's test events as JUnit."""

import json
import xml.etree.ElementTree as ET

from culm.direct.gotest import junit


def events(*found: dict[str, object]) -> list[str]:
    return [json.dumps(event) for event in found]


def test_tests_are_counted_and_a_failure_has_its_output() -> None:
    text = junit(
        "birds",
        [
            "go: downloading something",
            *events(
                {"Action": "start", "Package": "birds"},
                {"Action": "pass", "Package": "birds", "Test": "TestA", "Elapsed": 0.1},
                {"Action": "output", "Package": "birds", "Test": "TestB", "Output": "b.go:1: <no>\n"},
                {"Action": "fail", "Package": "birds", "Test": "TestB", "Elapsed": 0.2},
                {"Action": "skip", "Package": "birds", "Test": "TestC", "Elapsed": 0},
                {"Action": "fail", "Package": "birds", "Elapsed": 0.5},
            ),
        ],
    )
    suite = ET.fromstring(text)
    assert [suite.get(name) for name in ("tests", "failures", "skipped", "time")] == ["3", "1", "1", "0.5"]
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.text == "b.go:1: <no>\n"


def test_what_does_not_compile_is_a_failure() -> None:
    text = junit(
        "birds",
        events(
            {"Action": "build-output", "ImportPath": "birds", "Output": "main.go:3: undefined: x\n"},
            {"Action": "fail", "Package": "birds", "Elapsed": 0},
        ),
    )
    suite = ET.fromstring(text)
    assert suite.get("failures") == "1"
    assert "undefined: x" in text
