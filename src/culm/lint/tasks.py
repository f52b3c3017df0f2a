"""Task definitions: what DescribeTaskDefinition shows to everybody who may read the account. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from culm.lint import commands, rules
from culm.lint.findings import Finding, Setting

HINT = "put it into the vault, or refer to SSM or Secrets Manager by `secrets`"


def check(file: str, definition: Mapping[str, Any], text: str = "") -> list[Finding]:
    """Return what a task definition, as RegisterTaskDefinition takes it, shows of secrets; `text` gives the lines."""
    findings = []
    for container in definition.get("containerDefinitions") or ():
        for entry in container.get("environment") or ():
            name, value = str(entry.get("name", "")), str(entry.get("value", ""))
            if (why := rules.judge(Setting(line=0, name=name, value=value))) is not None:
                findings.append(Finding(file=file, line=line_of(text, name), name=name, why=f"{why}; {HINT}"))
        for command in (container.get("command"), container.get("entryPoint"), _probe(container)):
            words = [str(word) for word in command or ()]
            shown = [(word, why) for word in words if (why := commands.leak(word)) is not None]
            if not shown and (why := commands.leak_of_words(words)) is not None:
                shown = [(words[0], why)]
            findings += [
                Finding(file=file, line=line_of(text, word), name="command", why=f"{why}; {HINT}")
                for word, why in shown
            ]
    return findings


def _probe(container: Mapping[str, Any]) -> Sequence[Any]:
    return (container.get("healthCheck") or {}).get("command") or ()


def check_file(file: str, text: str) -> list[Finding]:
    """Return a task definition as JSON, as other deploy tools keep it; anything else has none."""
    try:
        definition = json.loads(text)
    except ValueError:
        return []
    if isinstance(definition, dict) and isinstance(definition.get("taskDefinition"), dict):
        definition = definition["taskDefinition"]  # as `aws ecs describe-task-definition` prints it
    return check(file, definition, text) if isinstance(definition, dict) else []


def line_of(text: str, word: str) -> int:
    quoted = json.dumps(word)
    return next((number for number, line in enumerate(text.splitlines(), 1) if quoted in line), 0)
