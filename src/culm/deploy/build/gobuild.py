"""`go build` in a Dockerfile, done by this host's Go: a static program is the same for a container and for a host."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from culm.core.model.record import record
from culm.deploy.build.context import ImageFile, lay_out
from culm.errors import CulmError

LAST_LINES = 15


@record
class GoBuild:
    """What a RUN line compiles."""

    where: str
    """`Dockerfile:9: RUN go build ...`, for messages."""
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    """What stands in front of it, and the stage's own of Go's variables."""
    folder: str
    """Where it runs, absolute in the image."""
    tree: Mapping[str, ImageFile]
    """The stage's files, by absolute path."""

    @property
    def output(self) -> str | None:
        """The `-o` file, as it is written; None where there is none, or a folder."""
        words = iter(self.argv)
        for word in words:
            name, given, value = word.partition("=")
            if name in ("-o", "--o"):
                value = value if given else next(words, "")
                return None if value.endswith("/") or not value else value
        return None


def compiled(build: GoBuild, scratch: Path) -> ImageFile | None:
    """Return the program, kept in the folder `scratch`.

    None: this host has no Go. Raises with the compiler's last words.
    """
    go = shutil.which("go")
    if go is None or build.output is None:
        return None
    root = scratch / "root"
    root.mkdir()
    lay_out(build.tree, root)
    program = scratch / "program"
    here = {build.output: str(program), f"-o={build.output}": f"-o={program}"}
    here |= {path: f"{root}{path}" for path in build.tree}
    argv = [here.get(word, word) for word in build.argv[1:]]
    done = subprocess.run(
        [go, *argv],
        cwd=f"{root}{build.folder}",
        env={**os.environ, **build.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        last = "\n".join(f"    {line}" for line in done.stdout.strip().splitlines()[-LAST_LINES:])
        raise CulmError(
            f"{build.where}: this host's Go ended with status {done.returncode}\n{last}", "its last lines say why"
        )
    with program.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ImageFile(kind="file", mode=0o755, source=program, digest=digest)


def version() -> str:
    """Return Go's version, `go1.27.3 linux/amd64`."""
    printed = subprocess.run(["go", "version"], capture_output=True, text=True).stdout
    return printed.removeprefix("go version").strip()
