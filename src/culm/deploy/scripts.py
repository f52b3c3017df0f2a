"""A script with Windows line ends, where a container says that the script it starts is not there.

Linux looks for the interpreter that the first line names, `/bin/sh\r`, and the engine then names the script.
https://man7.org/linux/man-pages/man2/execve.2.html
"""

import os
import re
from pathlib import Path, PurePosixPath

from culm.deploy.diagnoses import LikelyCause
from culm.project.project import Service

NAMED = re.compile(r"exec (?P<path>\S+): no such file or directory")
FIRST_BYTES = 256
NOT_OURS = frozenset({"node_modules", "vendor", "venv", "site-packages", "__pycache__"})


def located(service: Service, cause: LikelyCause | None) -> LikelyCause | None:
    """Return the cause with the file of the service's folder that has Windows line ends; else as it is."""
    match = NAMED.search(cause.line) if cause is not None else None
    name = PurePosixPath(match["path"]).name if match is not None else ""
    if cause is None or not name or (file := with_windows_line_ends(service.folder, name)) is None:
        return cause
    line = f"{file}, which it starts, has Windows line ends"
    return LikelyCause(
        line=line, hint="save it with Unix ones (LF): `*.sh text eol=lf` in .gitattributes keeps them so"
    )


def with_windows_line_ends(folder: Path, name: str) -> str | None:
    """Return the path, from `folder`, of a script called `name` whose first line ends with a carriage return."""
    for path, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each not in NOT_OURS)
        if name in files:
            with Path(path, name).open("rb") as script:
                first = script.read(FIRST_BYTES).partition(b"\n")[0]
            if first.startswith(b"#!") and first.endswith(b"\r"):
                return os.path.relpath(Path(path, name), folder)
    return None
