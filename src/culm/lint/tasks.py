"""Task definitions: what DescribeTaskDefinition shows to everybody who may read the account. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from culm.lint import formats, rules
from culm.lint.findings import Finding, Setting

HINT = "put it into the vault, or refer to SSM or Secrets Manager by `secrets`"


def check(file: str, definition: Mapping[str, Any], text: str = "") -> list[Finding]:
    """As RegisterTaskDefinition takes it; with `text`, findings have the lines of that text."""
    found = []
    for container in definition.get("containerDefinitions") or ():
        for entry in container.get("environment") or ():
            name, value = str(entry.get("name", "")), str(entry.get("value", ""))
            if (why := rules.judge(Setting(line=0, name=name, value=value))) is not None:
                found.append(Finding(file=file, line=line_of(text, name), name=name, why=f"{why}; {HINT}"))
        for word in (*(container.get("command") or ()), *(container.get("entryPoint") or ())):
            if (kind := formats.known(str(word))) is not None:
                found.append(Finding(file=file, line=line_of(text, str(word)), name="command", why=f"{kind}; {HINT}"))
    return found


def check_file(file: str, text: str) -> list[Finding]:
    """A task definition as JSON, as other deploy tools keep it; anything else has none."""
    try:
        definition = json.loads(text)
    except ValueError:
        return []
    return check(file, definition, text) if isinstance(definition, dict) else []


def line_of(text: str, word: str) -> int:
    quoted = json.dumps(word)
    return next((number for number, line in enumerate(text.splitlines(), 1) if quoted in line), 0)
