"""Code that a compose file mounts into an image that has none of it: a Dockerfile that copies it there instead.

Such an image holds what the code needs, and starts with nothing in it where nobody mounts this machine's folders.
"""

import glob
from collections.abc import Sequence
from os.path import relpath
from pathlib import Path

from culm.project import dockerfile
from culm.project.compose.services import Mount
from culm.scaffold.guess import ImageSource
from culm.scaffold.sources import NOT_OURS

CODE = frozenset({".py", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".rb", ".go", ".php", ".java", ".html", ".ex"})
NAME = "Dockerfile.culm"


def with_code(image: ImageSource, mounts: Sequence[Mount], root: Path) -> str | None:
    """Return the Dockerfile with a COPY for each folder that is mounted; None where it copies code, or none is mounted.

    Args:
        image: it and the folder that it is built from.
        mounts: of the compose file's service.
        root: the compose file's folder, from which the sources of mounts are seen.
    """
    if not image.instructions or copies_code(image):
        return None
    lines = []
    for mount in mounts:
        source = (root / mount.source).resolve() if mount.kind == "bind" else Path("/")
        if source.is_dir() and source.is_relative_to(image.folder.resolve()) and mount.target.startswith("/"):
            lines.append(f"COPY {relpath(source, image.folder.resolve())} {mount.target}")
    if not any(holds_code(image.folder / line.split()[1]) for line in lines):
        return None
    text = image.path.read_bytes().decode("utf-8", "surrogateescape").removeprefix("\ufeff").rstrip("\n")
    return "\n".join([text, "", f"# As {image.name}, with what the compose file mounts.", *lines, ""])


def copies_code(image: ImageSource) -> bool:
    """Return whether any stage copies a folder of the build context, or a file of code."""
    for each in image.instructions:
        if each.keyword not in ("COPY", "ADD") or each.flag("from") is not None or each.documents:
            continue
        for source in (each.form or dockerfile.words(each.rest))[:-1]:
            if "$" in source:
                return True
            for name in glob.glob(str(image.folder / source.lstrip("/"))):
                if Path(name).is_dir() or Path(name).suffix in CODE:
                    return True
    return False


def holds_code(folder: Path) -> bool:
    """Return whether a folder, or one just below it, has a file of code."""
    levels = (folder.glob("*"), folder.glob("*/*"))
    return any(
        path.suffix in CODE and not NOT_OURS & set(path.relative_to(folder).parts[:-1])
        for level in levels
        for path in level
    )
