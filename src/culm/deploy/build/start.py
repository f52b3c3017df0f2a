"""Does an image hold what it starts? A program that only a container engine could have made is found out here; pure."""

import posixpath
import re
from collections.abc import Callable, Mapping

from culm.deploy.build import shell
from culm.deploy.build.plan import Left
from culm.deploy.build.stage import Stage

RUNNERS: Mapping[str, tuple[str, ...]] = {
    "node": ("npm", "yarn", "pnpm", "bun"),
    "npm": ("npm",),
    "npx": ("npm",),
    "yarn": ("yarn",),
    "pnpm": ("pnpm",),
    "bun": ("bun",),
    "java": ("mvn", "./mvnw", "gradle", "./gradlew"),
    "dotnet": ("dotnet",),
    "ruby": ("bundle",),
    "bundle": ("bundle",),
    "php": ("composer",),
}
"""Programs that need what a build left behind."""


def cannot_start(stage: Stage, host_has: Callable[[str], bool]) -> Left | None:
    """The line that the service cannot do without, and why; None: ENTRYPOINT and CMD run what is there."""
    for program in started(stage):
        if is_there(stage, program, host_has):
            continue
        name = posixpath.basename(program)
        suspects = stage.builds or stage.left
        culprit = next((left for left in reversed(suspects) if name in left.text), suspects[-1] if suspects else None)
        if culprit is None:
            return Left(line=stage.started_at, text=f"runs {program}, which the image does not hold")
        why = f"{culprit.text}: needs a container engine; line {stage.started_at} runs {program}"
        return Left(line=culprit.line, text=why)
    return None


def is_there(stage: Stage, program: str, host_has: Callable[[str], bool]) -> bool:
    """Copied, installed, or on this host; any Python stands for the base image's."""
    if "/" in program:
        path = stage.absolute(program)
        installed = any(path.startswith(venv + "/") for venv in stage.venvs)
        python = re.fullmatch(r"python[\d.]*", posixpath.basename(path)) is not None
        return path in stage.tree or installed or python or host_has(path)
    if program in RUNNERS:
        return not any(left.text.split()[1] in RUNNERS[program] for left in stage.builds)
    return not stage.builds or bool(stage.venvs) or host_has(program)


def started(stage: Stage) -> list[str]:
    """The programs that the image starts: an entrypoint's own, and the one that it is given."""
    found = []
    for argv in (stage.entrypoint, stage.command):
        if argv[: len(stage.shell)] == stage.shell and len(argv) > len(stage.shell):
            inner = [c for c in shell.commands(argv[len(stage.shell)], stage.variables) if c.argv[0] != "cd"]
            found += [w for c in inner[-1:] for w in [c.argv[1] if c.argv[0] == "exec" else c.argv[0]]]
        elif argv and not argv[0].startswith("-"):
            found.append(argv[0])
    return found
