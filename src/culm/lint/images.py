"""Built images: their environment, labels and history, which everybody who can pull them can read. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from culm.lint import commands, rules
from culm.lint.findings import Finding, Setting

ASSIGNED = re.compile(r"\b([A-Za-z_]\w*)=(\"[^\"]*\"|'[^']*'|\S+)")


def check(image: str, config: Mapping[str, Any], history: Iterable[str], excused: Iterable[str] = ()) -> list[Finding]:
    """`config` is the image configuration's `config`; `history` each step's command, the newest first or last.

    `excused` are names that the Dockerfile has an allowance for.
    """
    found: dict[str, str] = {}
    for entry in config.get("Env") or ():
        name, _, value = str(entry).partition("=")
        note(found, name, rules.judge(Setting(line=0, name=name, value=value)))
    for name, value in (config.get("Labels") or {}).items():
        note(found, name, rules.judge(Setting(line=0, name=name, value=str(value))))
    for step in history:
        for name, value in ASSIGNED.findall(step):
            note(found, name, rules.judge(Setting(line=0, name=name, value=value.strip("\"'"))))
        if (why := commands.leak(step)) is not None and not any(why.startswith(f"{name}: ") for name in found):
            note(found, step.split(" ")[0], why)
    excused = set(excused)
    return [Finding(file=image, line=0, name=name, why=why) for name, why in found.items() if name not in excused]


def note(found: dict[str, str], name: str, why: str | None) -> None:
    if why is not None:
        found.setdefault(name, why)
