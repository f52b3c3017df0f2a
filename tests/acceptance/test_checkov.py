"""Checkov, a maintained security scanner, on every variant of the base stack; each thing that it finds is answered."""

import json
import re
import subprocess
from pathlib import Path

from tests.acceptance.workshop import Workshop

TESTS = Path(__file__).parents[1]
ANSWERS = TESTS.parent / "docs" / "guide" / "aws-security.md"


def test_each_finding_is_answered_and_each_answer_has_its_finding(workshop: Workshop) -> None:
    checkov = workshop.python("checkov==3.3.30") / "checkov"
    variants = TESTS / "golden" / "aws"
    flags = ["--framework", "cloudformation", "--skip-download", "--compact", "--quiet", "--output", "json"]
    said = subprocess.run([checkov, "--directory", variants, *flags], capture_output=True, text=True, timeout=300)
    found = json.loads(said.stdout)
    assert found["summary"]["parsing_errors"] == 0, said.stderr
    assert found["summary"]["resource_count"] > 300
    failed = {check["check_id"] for check in found["results"]["failed_checks"]}
    answered = re.findall(r"^\| (CKV\d?_AWS_\d+) \| .+ \| .{20,} \|$", ANSWERS.read_text(), re.MULTILINE)
    assert sorted(failed) == sorted(answered)
