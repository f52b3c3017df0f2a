"""Blobs on the disk: one file each, named by its digest, there only when it is whole."""

import hashlib
import os
from collections.abc import Container
from pathlib import Path

_CHUNK_BYTES = 1 << 20


class Files:
    """`blobs/sha256/ab/abcd...` and, while they come in, `uploads/<id>`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._uploads = folder / "uploads"
        self._blobs = folder / "blobs"
        self._uploads.mkdir(parents=True, exist_ok=True)
        self._blobs.mkdir(exist_ok=True)

    def blob(self, digest: str) -> Path:
        algorithm, _, digits = digest.partition(":")
        return self._blobs / algorithm / digits[:2] / digits

    def upload(self, id: str) -> Path:
        return self._uploads / id

    def keep(self, upload: Path, digest: str) -> None:
        """Make a finished upload the blob, in one step; a blob that is there already is the same bytes.

        Its bytes are on the disk before it has its name, and the name before this returns: a row will say that it is
        whole, and after a power cut nothing would look again.
        """
        path = self.blob(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        _sync(upload)
        os.replace(upload, path)
        _sync(path.parent)

    def has(self, digest: str) -> bool:
        return self.blob(digest).exists()

    def remove(self, digest: str) -> None:
        self.blob(digest).unlink(missing_ok=True)

    def clean(self, whole: Container[str]) -> None:
        """Remove what a daemon that died left: unfinished uploads, and blobs that no row says are `whole`."""
        for upload in self._uploads.iterdir():
            upload.unlink()
        for path in self._blobs.glob("*/*/*"):
            if f"{path.parent.parent.name}:{path.name}" not in whole:
                path.unlink()


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest_of(path: Path, algorithm: str) -> str:
    hash = hashlib.new(algorithm)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            hash.update(chunk)
    return f"{algorithm}:{hash.hexdigest()}"
