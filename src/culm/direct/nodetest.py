"""The JUnit of `node --test`, which has its tests in no suite, as one suite. Pure.

https://nodejs.org/api/test.html#test-reporters
"""

import xml.etree.ElementTree as ET


def junit(service: str, report: str) -> str:
    """Return the report with all its tests in one suite. Raises ElementTree.ParseError for what is no XML."""
    suite = ET.Element("testsuite", name=service)
    cases = list(ET.fromstring(report).iter("testcase"))
    suite.extend(cases)
    suite.set("tests", str(len(cases)))
    for count, tag in (("failures", "failure"), ("skipped", "skipped")):
        suite.set(count, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", f"{sum(float(case.get('time', 0)) for case in cases):.3f}")
    return ET.tostring(suite, encoding="unicode")
