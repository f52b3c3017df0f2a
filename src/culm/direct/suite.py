"""A service's own tests: which there are, how they are run, and what they reported."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from culm.core.model.record import record
from culm.direct import gotest, nodetest
from culm.direct.processes import finish
from culm.errors import CulmError, UsageError


@record
class Result:
    """How one service's tests ended."""

    service: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    problem: str = ""
    """Why they could not run, or what the service did instead; empty: they ran."""
    junit: tuple[str, ...] = ()
    """What they reported."""
    image: str = ""
    """The id of the image that was tested, where one was."""

    @property
    def succeeded(self) -> bool:
        return not self.failed and not self.problem


def commands(folder: Path, work: Path) -> list[tuple[tuple[str, ...], Path]]:
    """Return a pytest each for tests/unit and tests/integration, or one for tests/; or `go test`; or `node --test`.

    And where each reports. One pytest for both would not do: they may have files of the same name.
    """
    if (folder / "go.mod").is_file():
        return [(("go", "test", "-count=1", "-json", "./..."), work / "go.xml")]
    if (folder / "package.json").is_file() and list((folder / "tests").glob("*.test.js")):
        report = work / "node.xml"
        reporter = ("--test-reporter=junit", f"--test-reporter-destination={report}")
        return [(("node", "--test", *reporter, "tests/"), report)]
    kinds = [f"tests/{kind}" for kind in ("unit", "integration") if (folder / "tests" / kind).is_dir()]
    if not kinds and (folder / "tests").is_dir():
        kinds = ["tests"]
    if not kinds:
        raise UsageError(f"{folder.name} has no tests", f"put them into {folder / 'tests' / 'integration'}")
    suites: list[tuple[tuple[str, ...], Path]] = []
    for kind in kinds:
        report = work / f"{kind.replace('/', '-')}.xml"
        words = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={report}", kind)
        suites.append((words, report))
    return suites


def run(service: str, folder: Path, work: Path, env: Mapping[str, str], say: Callable[[str], None]) -> Result:
    """Return all of them; what they reported, together."""
    results = []
    for words, report in commands(folder, work):
        problem = ""
        lines: list[str] = []

        def heard(line: str, lines: list[str] = lines) -> None:
            lines.append(line)
            say(line)

        try:
            finish(f"{service}'s tests", words, folder, env, heard)
        except CulmError as error:
            problem = error.what
        if words[0] == "go":
            report.write_text(gotest.junit(service, lines))
        if words[0] == "node" and report.is_file():
            report.write_text(nodetest.junit(service, report.read_text()))
        results.append(read(service, report, problem))
    return Result(
        service=service,
        passed=sum(result.passed for result in results),
        failed=sum(result.failed for result in results),
        skipped=sum(result.skipped for result in results),
        seconds=sum(result.seconds for result in results),
        problem="\n".join(result.problem for result in results if result.problem),
        junit=tuple(each for result in results for each in result.junit),
    )


def read(service: str, report: Path, problem: str) -> Result:
    """Return a result from its report; without one, only the problem is known."""
    try:
        junit = report.read_text()
        suites = suites_of(junit)
    except (OSError, ET.ParseError):
        return Result(service=service, problem=problem or "the tests wrote no report")
    total, failed, skipped = (sum(int(s.get(name, "0")) for s in suites) for name in ("tests", "failures", "skipped"))
    failed += sum(int(s.get("errors", "0")) for s in suites)
    return Result(
        service=service,
        passed=total - failed - skipped,
        failed=failed,
        skipped=skipped,
        seconds=sum(float(s.get("time", "0")) for s in suites),
        problem="" if failed else problem,
        junit=(junit,),
    )


def suites_of(junit: str) -> list[ET.Element]:
    root = ET.fromstring(junit)
    return [root] if root.tag == "testsuite" else list(root.iter("testsuite"))


def merged(results: Iterable[Result]) -> str:
    """Return one JUnit file of all services: a test suite each; a problem is a failed test of its own."""
    top = ET.Element("testsuites", name="culm test")
    for result in results:
        for suite in (suite for junit in result.junit for suite in suites_of(junit)):
            suite.set("name", result.service)
            if result.image:
                properties = ET.Element("properties")
                ET.SubElement(properties, "property", name="image", value=result.image)
                suite.insert(0, properties)
            top.append(suite)
        if result.problem:
            suite = ET.SubElement(top, "testsuite", name=result.service, tests="1", failures="0", errors="1", time="0")
            case = ET.SubElement(suite, "testcase", classname=result.service, name="culm test", time="0")
            ET.SubElement(case, "error", message=printable(result.problem.splitlines()[0])).text = printable(
                result.problem
            )
    return ET.tostring(top, encoding="unicode", xml_declaration=True) + "\n"


def printable(text: str) -> str:
    """Return the text without the control characters that XML has no way to say."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
