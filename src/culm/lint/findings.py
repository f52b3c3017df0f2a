"""What lint finds, and what it is allowed to pass over."""

import re
from collections.abc import Iterable

from culm.core.model.record import record
from culm.errors import CulmError


@record
class Setting:
    """A name with its value, somewhere in a file."""

    line: int
    name: str
    value: str


@record
class Finding:
    """A secret in a place that shows it. The value itself is never part of it."""

    file: str
    line: int
    """0: the file as a whole."""
    name: str
    why: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.name}: {self.why}"


def refuse(findings: Iterable[Finding]) -> None:
    """Raise CulmError that names each finding, if there are any."""
    lines = [f"  {finding}" for finding in findings]
    if lines:
        raise CulmError(
            "\n".join(["there are secrets where they show:", *lines]),
            "keep them in the vault: culm vault put; what is harmless gets `# culm: allow-secret REASON` above it",
        )


ALLOWANCE = re.compile(r"#\s*culm:\s*allow-secret\b[ \t]*(.*)")


def allowances(text: str) -> dict[int, str]:
    """Return the lines that are excused, with the reason: the comment's own, or the next line that is no comment."""
    reasons: dict[int, str] = {}
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if (match := ALLOWANCE.search(line)) is None:
            continue
        at = number
        if line.lstrip().startswith("#"):
            while at < len(lines) and lines[at - 1].lstrip().startswith("#"):
                at += 1
        reasons[at] = match[1].strip()
    return reasons


def excused(file: str, text: str, findings: Iterable[Finding]) -> list[Finding]:
    """Return what stays when allowances are taken off; an allowance without a reason is a finding itself."""
    allowed = allowances(text)
    return [finding for finding in findings if finding.line not in allowed] + [
        Finding(
            file=file, line=line, name="allow-secret", why="gives no reason: # culm: allow-secret why it is harmless"
        )
        for line, reason in allowed.items()
        if not reason
    ]
