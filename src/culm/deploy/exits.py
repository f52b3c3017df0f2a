"""Why a task of a service is no more, where its own lines do not say it: by ECS's reason and the exit code; pure.

Above 128 a code is a signal's number and 128; 126 and 127 are a shell's own.
https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_08_02
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from culm.deploy.diagnoses import LikelyCause, in_output

NEVER_BEGAN = (
    (
        r"exec:? \"?(?P<program>[^\s\"]+)\"?: permission denied",
        "{program} may not be executed",
        "`RUN chmod +x` it in the Dockerfile, or in git: git update-index --chmod=+x FILE",
    ),
    (
        r"(?P<program>[^\s\"]+)\"?: its interpreter (?P<other>\S+) is not",
        "{program} is started by {other}, by its first line, and that is not there",
        "correct the line that begins with #!, or install what it names",
    ),
    (
        r"exec:? \"?(?P<program>[^\s\"]+)\"?: (?:executable file not found|(?:stat \S+: )?no such file)",
        "{program} is not in the image",
        "is it spelled as in the image? what starts by `command:`, CMD or ENTRYPOINT is looked up on the image's PATH",
    ),
)
"""What ECS's reason says of a program that could not be started, the cause, and what to try."""
KILLED = 137
CODES: Mapping[int, tuple[str, str]] = {
    0: (
        "it ended by itself, without an error: a service runs until it is stopped",
        "does its command leave the server in the background, or is it a job? those have `schedule:`",
    ),
    126: ("its command is a file that may not be executed", "`RUN chmod +x` it in the Dockerfile"),
    127: ("its command names a program that is not in the image", "install it in the Dockerfile, or correct its name"),
    132: (
        "it crashed with SIGILL: an instruction that this processor does not have",
        "build the image, and the packages in it, for the processor that the instances have",
    ),
    134: ("it crashed with SIGABRT", "its last lines say why, where it wrote any"),
    KILLED: ("it was killed with SIGKILL", "did something in it eat all memory? give it more `memory:` in culm.yml"),
    139: (
        "it crashed with SIGSEGV, in native code of its own or of a package",
        "does it crash with the same image elsewhere? packages with native code must fit the base image's libc",
    ),
}


def cause(task: Mapping[str, Any], output: Iterable[str]) -> LikelyCause | None:
    """Return why a described task stopped; `output` are its last lines. None: nothing tells."""
    return of_reason(task) or in_output(output) or of_code(task)


def of_reason(task: Mapping[str, Any]) -> LikelyCause | None:
    """Return what ECS itself says: too little memory, or a program that could not be started."""
    for container in task.get("containers", ()):
        reason = container.get("reason", "")
        if "OutOfMemory" in reason:
            size = f" {container['memory']} MiB" if container.get("memory") else " `memory:`"
            line = f"it needed more than its{size} of memory, and was killed for it"
            return LikelyCause(line=line, hint="give it more `memory:` in culm.yml, or find what eats it")
        for pattern, line, hint in NEVER_BEGAN if "CannotStart" in reason else ():
            if match := re.search(pattern, reason):
                return LikelyCause(line=line.format(**match.groupdict()), hint=hint)
    return None


def of_code(task: Mapping[str, Any]) -> LikelyCause | None:
    """Return what the exit code of the container that ended the task means; None for a program's own codes."""
    if task.get("stopCode") != "EssentialContainerExited":
        return None
    codes = [each["exitCode"] for each in task.get("containers", ()) if each.get("exitCode") is not None]
    meaning = CODES.get(codes[0]) if codes else None
    return LikelyCause(line=f"{meaning[0]} (exit code {codes[0]})", hint=meaning[1]) if meaning is not None else None
