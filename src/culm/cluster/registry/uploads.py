"""Uploads of blobs: sessions that take bytes in order and end as a blob, or as nothing.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs
A session lives in memory and ends with the daemon; clients begin the layer again.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

from culm.cluster.registry.files import digest_of

_WRITE_BYTES = 1 << 20
"""Bytes gathered before a thread hashes and writes them: enough that the change of thread costs nothing."""


class Upload:
    """Hashes while it writes, so that nothing has to be read again when the last byte is there."""

    def __init__(self, id: str, repository: str, path: Path, now: float) -> None:
        self.id = id
        self.repository = repository
        self.path = path
        self.touched_at = now
        self.size = 0
        self.lock = asyncio.Lock()
        self._sha256 = hashlib.sha256()
        path.touch()

    @property
    def range(self) -> str:
        """What the session has, as the Range header says it; of nothing that is `0-0` by custom."""
        return f"0-{max(self.size - 1, 0)}"

    async def take(self, pieces: AsyncIterator[bytes]) -> None:
        gathered: list[bytes] = []
        waiting = 0
        try:
            async for piece in pieces:
                gathered.append(piece)
                waiting += len(piece)
                if waiting >= _WRITE_BYTES:
                    await asyncio.to_thread(self.write, b"".join(gathered))
                    gathered, waiting = [], 0
        finally:
            if gathered:
                await asyncio.to_thread(self.write, b"".join(gathered))

    def digest(self, algorithm: str) -> str:
        """Return the digest of what has come; for another algorithm than sha256 all of it is read again."""
        if algorithm == "sha256":
            return f"sha256:{self._sha256.hexdigest()}"
        return digest_of(self.path, algorithm)

    def write(self, data: bytes) -> None:
        """Add what comes next."""
        with self.path.open("ab") as file:
            file.write(data)
        self._sha256.update(data)
        self.size += len(data)


class Uploads:
    """The sessions that are open."""

    def __init__(self) -> None:
        self._open: dict[str, Upload] = {}

    def add(self, upload: Upload) -> None:
        self._open[upload.id] = upload

    def find(self, repository: str, id: str) -> Upload | None:
        upload = self._open.get(id)
        return upload if upload and upload.repository == repository else None

    def drop(self, upload: Upload) -> None:
        """Forget it, and its bytes unless they have become a blob."""
        self._open.pop(upload.id, None)
        upload.path.unlink(missing_ok=True)

    def drop_idle(self, untouched_since: float) -> int:
        idle = [u for u in self._open.values() if u.touched_at < untouched_since and not u.lock.locked()]
        for upload in idle:
            self.drop(upload)
        return len(idle)
