"""Results of tests, and the JUnit file of all of them."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from culm.cli.test import summary
from culm.direct.suite import Result, commands, merged, read
from culm.errors import UsageError

REPORT = (
    '<testsuites><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10" time="1.5">'
    '<testcase name="a"/></testsuite></testsuites>'
)


def test_a_report_is_counted(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT)
    result = read("web", tmp_path / "report.xml", "web's tests ended with status 1")
    assert (result.passed, result.failed, result.skipped, result.seconds) == (4, 3, 3, 1.5)
    assert (result.problem, result.succeeded) == ("", False), "the failures say it"


def test_a_result_is_summed_up_in_a_line() -> None:
    assert summary(Result(service="web", passed=4, seconds=1.5)) == "4 passed in 1.5 s"
    result = Result(service="web", passed=4, failed=2, skipped=3, seconds=1.5, image="sha256:0123456789abcdef")
    assert summary(result) == "2 failed, 4 passed, 3 skipped in 1.5 s, image sha256:0123456789ab"
    assert summary(Result(service="web", problem="no report\nat all")) == "failed: no report"


def test_tests_that_end_badly_without_a_failure_are_a_problem(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT.replace('errors="1" failures="2"', 'errors="0" failures="0"'))
    assert read("web", tmp_path / "report.xml", "ended with status 5").succeeded is False
    assert read("web", tmp_path / "report.xml", "").succeeded is True
    assert read("web", tmp_path / "nothing.xml", "").problem == "the tests wrote no report"


def test_one_file_holds_the_results_of_all_and_what_could_not_run() -> None:
    text = merged([Result(service="web", junit=(REPORT,)), Result(service="shop", problem="it <ended>\n\x1b[31mred\0")])
    suites = list(ET.fromstring(text))
    assert [(suite.get("name"), suite.get("tests")) for suite in suites] == [("web", "10"), ("shop", "1")]
    error = suites[1].find("testcase/error")
    assert error is not None
    assert (error.get("message"), error.text) == ("it <ended>", "it <ended>\n[31mred")


def test_unit_and_integration_tests_are_both_run(tmp_path: Path) -> None:
    for name in ("unit", "integration"):
        (tmp_path / "tests" / name).mkdir(parents=True)
    found = commands(tmp_path, Path("/work"))
    assert [words[-1] for words, _ in found] == ["tests/unit", "tests/integration"]
    assert len({report for _, report in found}) == 2


def test_tests_need_not_be_of_two_kinds(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    assert [words[-1] for words, _ in commands(tmp_path, Path("/work"))] == ["tests"]
    with pytest.raises(UsageError, match="has no tests"):
        commands(tmp_path / "tests", Path("/work"))
