"""Layers of built images: keys and passwords in their files, which everybody who can pull the image can read. Pure.

What a RUN line writes stands in no file of the service: `RUN echo "$TOKEN" > .npmrc`. What a later line removes stays
in the layer before it. The base image's layers are its maker's, and are not looked at.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from culm.core.model.record import record
from culm.lint import copies
from culm.lint.findings import Finding, allowances
from culm.project import texts
from culm.project.dockerfile import DockerfileError, parse

SYSTEM = (
    "etc/ssl/",
    "lib/",
    "usr/include/",
    "usr/lib/",
    "usr/local/lib/",
    "usr/local/share/",
    "usr/share/",
    "var/lib/",
)
"""Where packages of the distribution keep certificates and keys that everybody has."""


@record
class LayerFile:
    """A file of a layer."""

    path: str
    size: int
    """Bytes."""
    read: Callable[[], bytes]


def check(image: str, files: Iterable[LayerFile], excused: Iterable[str] = ()) -> list[Finding]:
    """Return the findings of an image, each path once. `excused` are the names of files that have an allowance."""
    names = set(excused)
    findings: dict[str, Finding] = {}
    for file in files:
        path = file.path.removeprefix("./").lstrip("/")
        name = path.rpartition("/")[2]
        if path in findings or name in names or not looked_at(path) or file.size > copies.MOST_BYTES:
            continue
        if (why := copies.secret_in(name, texts.decoded(file.read()))) is not None:
            why = f"{why}, and is in a layer of the image; RUN --mount=type=secret leaves none there"
            findings[path] = Finding(file=image, line=0, name=f"/{path}", why=why)
    return list(findings.values())


def looked_at(path: str) -> bool:
    """Return whether a file is the service's own and worth a look."""
    folders = path.split("/")[:-1]
    theirs = any(part in copies.NOT_OURS or part.lower() in copies.TESTS for part in folders)
    return not theirs and not path.startswith(SYSTEM) and copies.may_be_secret(path.rpartition("/")[2])


def allowed_files(dockerfile: Path, folder: Path, target: str | None = None) -> set[str]:
    """Return the names of files that the Dockerfile has an allowance for: what an allowed line copies or names."""
    text = texts.read(dockerfile)
    allowed = allowances(text)
    if not allowed:
        return set()
    try:
        copied = copies.check(dockerfile.name, dockerfile, folder, target)
        lines = [each for each in parse(text) if any(each.line <= line <= each.end for line in allowed)]
    except DockerfileError:
        return set()
    names = {finding.name.rpartition("/")[2] for finding in copied if finding.line in allowed}
    return names | {word.strip("\"'").rpartition("/")[2] for each in lines for word in each.rest.split()}
