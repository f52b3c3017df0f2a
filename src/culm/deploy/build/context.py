"""A build context: the files of a service's folder that its .dockerignore lets through, with their digests."""

import hashlib
import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from culm.core.model.record import record
from culm.errors import CulmError
from culm.project.dockerfile.ignore import ignored, patterns


@record
class ImageFile:
    """A file, a folder or a symbolic link, before it goes into an image."""

    kind: str
    """`file`, `folder` or `link`; `gone` for one that a layer takes away."""
    mode: int = 0o755
    source: Path | None = None
    """Where a file's bytes are."""
    digest: str = ""
    """A file's sha256, hexadecimal."""
    link: str = ""
    """Where a link points."""
    content: bytes | None = None
    """A file's bytes where a build makes them; None: they are in `source`."""

    def data(self) -> bytes:
        """Return the file's bytes, from memory or from the disk. Raises OSError when its source has gone."""
        if self.content is not None:
            return self.content
        assert self.source is not None
        return self.source.read_bytes()

    def write(self, path: Path) -> None:
        """Make it at `path`, whose folder is there."""
        match self.kind:
            case "folder":
                path.mkdir(exist_ok=True)
            case "link":
                path.symlink_to(self.link)
            case "file":
                if self.source is not None:
                    shutil.copyfile(self.source, path)
                else:
                    path.write_bytes(self.data())
                path.chmod(self.mode | 0o600)


def made(content: bytes, mode: int = 0o644) -> ImageFile:
    """Return a file of these bytes."""
    return ImageFile(kind="file", mode=mode, content=content, digest=hashlib.sha256(content).hexdigest())


@record
class Context:
    folder: Path
    files: Mapping[str, ImageFile]
    """By path relative to the folder, sorted; folders too."""

    def digest(self) -> str:
        """Return a digest that changes when any name, mode or byte does."""
        sha256 = hashlib.sha256()
        for path, file in self.files.items():
            line = f"{path}\0{file.kind}\0{file.mode:o}\0{file.digest}\0{file.link}\n"
            sha256.update(line.encode(errors="surrogateescape"))
        return sha256.hexdigest()


def read(folder: Path, dockerfile: Path) -> Context:
    """Walk the folder."""
    lines = patterns(folder, dockerfile)
    skip = ignored(lines)
    takes_back = any(line.strip().startswith("!") for line in lines)
    files: dict[str, ImageFile] = {}
    try:
        for parent, folders, names in os.walk(folder):
            inside = os.path.relpath(parent, folder)
            prefix = "" if inside == "." else inside.replace(os.sep, "/") + "/"
            linked = [name for name in folders if os.path.islink(os.path.join(parent, name))]
            for name in [*names, *linked]:
                if not skip(prefix + name):
                    files[prefix + name] = describe(Path(parent, name))
            kept = [name for name in folders if name not in linked]
            for name in kept:
                if not skip(prefix + name):
                    files[prefix + name] = ImageFile(
                        kind="folder", mode=stat.S_IMODE(os.stat(Path(parent, name)).st_mode)
                    )
            folders[:] = [name for name in kept if takes_back or not skip(prefix + name)]
    except OSError as error:
        raise CulmError(f"cannot read {error.filename}: {error.strerror}", "or name it in .dockerignore") from None
    return Context(folder=folder, files=dict(sorted(files.items())))


def lay_out(files: Mapping[str, ImageFile], root: Path) -> None:
    """Write files to their paths below `root`, folders first."""
    for path, file in sorted(files.items()):
        there = root / path.lstrip("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        if file.kind == "link":
            target = file.link
            if target.startswith("/"):  # absolute in the image
                target = os.path.relpath(root / target.lstrip("/"), there.parent)
            replace(file, link=target).write(there)
        else:
            file.write(there)


def describe(path: Path) -> ImageFile:
    """Return a file or a link as it goes into an image. Raises CulmError for a socket, a device or a pipe."""
    facts = path.lstat()
    if stat.S_ISLNK(facts.st_mode):
        return ImageFile(kind="link", mode=0o777, link=os.readlink(path))
    if not stat.S_ISREG(facts.st_mode):
        raise CulmError(f"{path} is neither a file nor a folder", "name it in .dockerignore")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ImageFile(kind="file", mode=stat.S_IMODE(facts.st_mode), source=path, digest=digest)
