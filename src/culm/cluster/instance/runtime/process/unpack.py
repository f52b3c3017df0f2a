"""Layers of an OCI image into a directory, one upon the other, with whiteouts, and never outside of it.

https://github.com/opencontainers/image-spec/blob/main/layer.md
"""

import os
import shutil
import tarfile
from pathlib import Path

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
"""How such a file begins. https://datatracker.ietf.org/doc/html/rfc8878#section-3.1.1"""


class UnsafeLayer(Exception):
    """A layer that cannot be taken, such as one that would write outside of the directory; the message says why."""


def unpack(layer: Path, root: Path) -> None:
    """Apply one layer: tar, plain or compressed. Owners and devices are left out: the files are this user's."""
    root = root.resolve()
    with layer.open("rb") as file:
        if file.read(len(_ZSTANDARD)) == _ZSTANDARD:
            raise UnsafeLayer("a layer is compressed with zstd, which this runtime cannot read: push it with gzip")
    with tarfile.open(layer) as archive:
        written: set[Path] = set()
        for member in archive:
            destination = _resolve(root, member.name)
            if destination == root:
                continue
            name = destination.name
            if name == _OPAQUE:
                _empty(destination.parent, written)
            elif name.startswith(_WHITEOUT):
                _delete(_whited_out(destination))
            else:
                _write(archive, member, root, destination)
                written.add(destination)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, root: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    if member.isdir():
        if not destination.is_dir() or destination.is_symlink():
            _delete(destination)
            destination.mkdir()
        destination.chmod(member.mode & 0o777 | 0o700)
        return
    _delete(destination)
    if member.issym():
        destination.symlink_to(_contained(root, destination, member.linkname))
    elif member.islnk():
        os.link(_resolve(root, member.linkname), destination, follow_symlinks=False)
    elif member.isfile():
        content = archive.extractfile(member)
        assert content is not None
        with content, destination.open("wb") as file:
            shutil.copyfileobj(content, file, 1 << 20)
        destination.chmod(member.mode & 0o777 | 0o400)


def _whited_out(mark: Path) -> Path:
    """Return what a whiteout takes away: an entry of its own folder, never that folder or the one above."""
    name = mark.name.removeprefix(_WHITEOUT)
    if name in ("", ".", ".."):
        raise UnsafeLayer(f"{mark.name} is a whiteout of no file")
    return mark.with_name(name)


def _resolve(root: Path, name: str) -> Path:
    """Return where an entry goes. Links on the way are followed only as far as they stay inside."""
    if ".." in Path(name).parts:
        raise UnsafeLayer(f"{name} would be written outside of the image")
    path = root / os.path.normpath(f"/{name}").lstrip("/")
    if path == root:
        return root
    parent = Path(os.path.realpath(path.parent))
    if not parent.is_relative_to(root):
        raise UnsafeLayer(f"{name} would be written outside of the image")
    return parent / path.name


def _contained(root: Path, link: Path, target: str) -> str:
    """Resolve a link as the container would: absolute links and surplus `..` end at the image's root."""
    if not target.startswith("/") and Path(os.path.normpath(link.parent / target)).is_relative_to(root):
        return target
    inside = os.path.normpath(os.path.join("/", link.parent.relative_to(root), target))
    return os.path.relpath(root / inside.lstrip("/"), link.parent)


def _empty(directory: Path, keep: set[Path]) -> None:
    if directory.is_dir():
        for entry in directory.iterdir():
            if not any(path == entry or entry in path.parents for path in keep):
                _delete(entry)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
