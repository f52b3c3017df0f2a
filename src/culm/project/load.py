"""culm.yml from disk."""

from pathlib import Path

from culm.errors import UsageError
from culm.project import infer, texts, yamls
from culm.project.nodes import Source, convert
from culm.project.project import Project
from culm.project.schema import ManifestBlock

FILE = "culm.yml"


def load(path: Path) -> Project:
    """Return the project that a culm.yml describes."""
    try:
        text = texts.read(path)
    except FileNotFoundError:
        raise UsageError(f"there is no {path}", "`culm init` writes one from the folders it finds here") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error}") from None
    return parse(text, path)


def parse(text: str, path: Path) -> Project:
    """Return the project that the text of a culm.yml at `path` describes."""
    source = Source(file=shown(path))
    node = yamls.compose(text, source.file)
    if node is None:
        source.refuse((), "is empty", "`culm init` writes one from the folders it finds here")
    return infer.project(source, convert(source, node, ManifestBlock), path.parent)


def find(start: Path) -> Path:
    """Return the nearest culm.yml: in this folder or one above it, so that commands work inside a service's folder."""
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder / FILE
    raise UsageError(f"there is no {FILE} in {start} or above it", "`culm init` writes one from the folders here")


def shown(path: Path) -> str:
    """Return a path as people look for it: from where they are."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
