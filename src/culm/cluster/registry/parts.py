"""Layers that come in parts through ECR's API: sessions like a push's, written within the store's transactions."""

import sqlite3

from culm.cluster.registry.registry import Registry
from culm.cluster.registry.uploads import Upload
from culm.cluster.store.ecr import layers


class Parts:
    """What operations are given of the registry's disk: `culm.cluster.wire.operations.LayerParts`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def begin(self, repository: str) -> str:
        """Open a session; returns its id."""
        return self._registry.begin(repository).id

    def size(self, repository: str, upload_id: str) -> int | None:
        """Return how many bytes a session has; None where there is no such session."""
        upload = self._registry.uploads.find(repository, upload_id)
        return None if upload is None else upload.size

    def append(self, repository: str, upload_id: str, data: bytes) -> int:
        """Write what comes next; returns how many bytes there are then."""
        upload = self._open(repository, upload_id)
        upload.write(data)
        upload.touched_at = self._registry.now()
        return upload.size

    def digest(self, repository: str, upload_id: str, algorithm: str) -> str:
        """Return the digest of what has come."""
        return self._open(repository, upload_id).digest(algorithm)

    def finish(self, db: sqlite3.Connection, repository: str, upload_id: str, digest: str) -> None:
        """Make a session the repository's blob `digest`, which it was seen to be.

        The file is whole before its row is committed; a file without a row goes with the next start.
        """
        upload = self._open(repository, upload_id)
        self._registry.files.keep(upload.path, digest)
        layers.save(db, repository, digest, upload.size, self._registry.now())
        self._registry.uploads.drop(upload)

    def _open(self, repository: str, upload_id: str) -> Upload:
        upload = self._registry.uploads.find(repository, upload_id)
        if upload is None:
            raise KeyError(upload_id)
        return upload
