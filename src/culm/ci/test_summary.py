"""Test results as a page of Markdown, from a JUnit file. Pure."""

import xml.etree.ElementTree as ET

MOST_LINES = 60
"""Of one failure; the log has the rest."""


def summary(junit: str) -> str:
    """Return a table of suites, then each failure with what it said."""
    suites = list(ET.fromstring(junit).iter("testsuite"))
    failures = [
        (case, problem) for suite in suites for case in suite.iter("testcase") for problem in case if problem.tag in BAD
    ]
    lines = ["### Tests", "", "| suite | passed | failed | skipped | seconds |", "|---|--:|--:|--:|--:|"]
    for suite in suites:
        cases = list(suite.iter("testcase"))
        failed = sum(any(problem.tag in BAD for problem in case) for case in cases)
        skipped = sum(case.find("skipped") is not None for case in cases)
        seconds = float(suite.get("time") or 0)
        passed = len(cases) - failed - skipped
        lines.append(f"| {cell(suite.get('name', ''))} | {passed} | {failed} | {skipped} | {seconds:.1f} |")
    for case, problem in failures:
        output_lines = (problem.text or problem.get("message") or "").strip().splitlines()
        lines += ["", f"<details><summary>{escaped(case.get('name', ''))}</summary>", "", "````text"]
        lines += [*output_lines[-MOST_LINES:], "````", "", "</details>"]
    return "\n".join(lines)


BAD = ("failure", "error")


def cell(text: str) -> str:
    return escaped(text).replace("|", "\\|")


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
