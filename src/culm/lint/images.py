"""Built images: their environment, labels and history, which everybody who can pull them can read. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from culm.lint import commands, rules
from culm.lint.findings import Finding, Setting


def check(image: str, config: Mapping[str, Any], history: Iterable[str], excused: Iterable[str] = ()) -> list[Finding]:
    """Return what an image shows of secrets.

    `config` is the image configuration's `config`; `history` each step's command, the newest first or last.

    `excused` are names that the Dockerfile has an allowance for.
    """
    reasons: dict[str, str] = {}
    for entry in config.get("Env") or ():
        name, _, value = str(entry).partition("=")
        note(reasons, name, rules.judge(Setting(line=0, name=name, value=value)))
    for name, value in (config.get("Labels") or {}).items():
        note(reasons, name, rules.judge(Setting(line=0, name=name, value=str(value))))
    for step in history:
        for name, why in commands.assigned(step, building=True):
            note(reasons, name, why)
        shown = commands.leak(step, building=True)
        if shown is not None and not any(shown.startswith(f"{name}: ") for name in reasons):
            note(reasons, step.split(" ")[0], shown)
    excused = set(excused)
    return [Finding(file=image, line=0, name=name, why=why) for name, why in reasons.items() if name not in excused]


def note(reasons: dict[str, str], name: str, why: str | None) -> None:
    if why is not None:
        reasons.setdefault(name, why)
