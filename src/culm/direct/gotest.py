"""`go test -json` as JUnit. Pure. https://pkg.go.dev/cmd/test2json"""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterable


def junit(service: str, lines: Iterable[str]) -> str:
    """Return a test suite; what a package says without a test of its own having failed is a test of its name."""
    output: dict[tuple[str, str], list[str]] = {}
    suite = ET.Element("testsuite", name=service)
    counts = {"pass": 0, "fail": 0, "skip": 0}
    failed_packages: list[str] = []
    seconds = 0.0
    for line in lines:
        try:
            event = json.loads(line)
            action, package, test = (
                event["Action"],
                event.get("Package", event.get("ImportPath", "")),
                event.get("Test"),
            )
        except (ValueError, KeyError, TypeError):
            continue
        if action in ("output", "build-output"):
            output.setdefault((package, test or ""), []).append(event.get("Output", ""))
        elif action in counts and test is None:
            seconds += event.get("Elapsed", 0.0)
            if action == "fail":
                failed_packages.append(package)
        elif action in counts:
            counts[action] += 1
            case = ET.SubElement(suite, "testcase", classname=package, name=test, time=str(event.get("Elapsed", 0)))
            if action != "pass":
                result = ET.SubElement(case, "failure" if action == "fail" else "skipped", message=test)
                result.text = "".join(output.get((package, test), ()))
    if failed_packages and not counts["fail"]:  # it did not compile, say
        counts["fail"] = 1
        case = ET.SubElement(suite, "testcase", classname=service, name="go test", time="0")
        ET.SubElement(case, "failure", message="go test").text = "".join(
            text for texts in output.values() for text in texts
        )
    suite.set("tests", str(sum(counts.values())))
    suite.set("failures", str(counts["fail"]))
    suite.set("skipped", str(counts["skip"]))
    suite.set("errors", "0")
    suite.set("time", f"{seconds:g}")
    return ET.tostring(suite, encoding="unicode")
