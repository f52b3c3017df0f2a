"""What every request to the registry works with, and the housekeeping between requests."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from culm.cluster.loop import Isolated
from culm.cluster.registry.files import Files
from culm.cluster.registry.uploads import Upload, Uploads
from culm.cluster.services.ecr import lifecycle_policies
from culm.cluster.services.ecr.repositories import existing
from culm.cluster.store.db import Store
from culm.cluster.store.ecr import layers
from culm.core.model.arn import ACCOUNT
from culm.core.model.repositories import Repository

T = TypeVar("T")

GRACE_SECONDS = 3600
"""How long a layer waits for the image that needs it, and an upload for its next byte."""


class Registry:
    """Repositories, images and tags are rows of the store; blobs are files under `folder`."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        *,
        now: Callable[[], float],
        new_id: Callable[[], str],
        account: str = ACCOUNT,
    ) -> None:
        self.store = store
        self.files = Files(folder)
        self.uploads = Uploads()
        self.now = now
        self.account = account
        self._new_id = new_id
        self._isolated = Isolated("the file of blob")
        # A blob's file and its row change together; the sweep must not see one without the other.
        self._files_and_rows = asyncio.Lock()

    async def start(self) -> None:
        """Remove what a daemon that died left half done. Before the first request."""
        whole = await self.store.run(layers.whole)
        await asyncio.to_thread(self.files.clean, whole)

    async def sweep(self) -> int:
        """Expire images by their repositories' policies, then remove blobs that no image needs; a loop's step.

        Returns how many images and blobs went.
        """
        now = self.now()
        self.uploads.drop_idle(now - GRACE_SECONDS)
        async with self._files_and_rows:
            expired = await self.store.run_long(lambda db: lifecycle_policies.apply(db, now))
            gone = await self.store.run_long(lambda db: layers.sweep(db, now - GRACE_SECONDS))
            for digest in gone:
                with self._isolated.item(digest):
                    await self.store.run_long(lambda db, digest=digest: self._remove(db, digest))  # type: ignore[misc]
        return expired + len(gone)

    def _remove(self, db: sqlite3.Connection, digest: str) -> None:
        """Remove a blob's file, unless an operation has kept the same blob again since its row went."""
        if layers.anywhere(db, digest) is None:
            self.files.remove(digest)

    async def of(self, name: str, work: Callable[[sqlite3.Connection, Repository], T]) -> T:
        """Run `work` in one transaction on a repository that is there."""
        return await self.store.run(lambda db: work(db, existing(db, name, self.account)))

    def begin(self, name: str) -> Upload:
        id = self._new_id()
        upload = Upload(id, name, self.files.upload(id), self.now())
        self.uploads.add(upload)
        return upload

    async def finish(self, name: str, upload: Upload, digest: str) -> None:
        """Make the upload the repository's blob `digest`, which it was seen to be. One that fails leaves nothing."""
        try:
            async with self._files_and_rows:
                before = self.files.has(digest)
                try:
                    await asyncio.to_thread(self.files.keep, upload.path, digest)
                    await self.have(name, digest, upload.size)
                except (OSError, sqlite3.Error):
                    if not before:
                        self.files.remove(digest)
                    raise
        finally:
            self.uploads.drop(upload)

    async def mount(self, name: str, digest: str, source: str | None) -> bool:
        """Take a blob that the registry has (in `source`, if that is named) into a repository."""

        def take(db: sqlite3.Connection, _: Repository) -> bool:
            size = layers.find(db, source, digest) if source else layers.anywhere(db, digest)
            if size is None:
                return False
            layers.save(db, name, digest, size, self.now())
            return True

        return await self.of(name, take)

    async def have(self, name: str, digest: str, size: int) -> None:
        await self.of(name, lambda db, _: layers.save(db, name, digest, size, self.now()))
