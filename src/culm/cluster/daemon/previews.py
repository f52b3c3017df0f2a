"""Previews whose time is up are removed by `culm env down --expired`, which this loop starts.

What a preview is, only the client half knows; all that is read here is a tag of an object in a project's vault, which
says from when on the preview is to be removed. On Amazon, where no daemon is, CI runs the same command.
"""

import asyncio
import logging
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from culm.cluster.store.db import Store

log = logging.getLogger(__name__)

EVERY = 10.0
RECORD = "/.culm/preview.json"
"""How the key of a preview's record ends."""
TAG = "culm-ends"
"""Epoch seconds, of such a record; a preview without an end has 0."""
VAULT = "culm-"
"""How a vault's bucket begins: `culm-PROJECT-ACCOUNT-REGION`."""
AGAIN_SECONDS = 120.0
"""After a removal that failed."""


def over(db: sqlite3.Connection, now: float, suffix: str) -> list[str]:
    """Return the projects with a preview whose time is up. `suffix`: how a vault's bucket ends here."""
    rows = db.execute(
        "SELECT bucket, facts FROM s3_object WHERE is_latest = 1 AND delete_marker = 0 AND key LIKE ?", (f"%{RECORD}",)
    )
    projects = set()
    for row in rows:
        end = msgspec.json.decode(row["facts"]).get("tags", {}).get(TAG, "0")
        bucket = str(row["bucket"])
        if 0 < float(end) <= now and bucket.startswith(VAULT) and bucket.endswith(suffix):
            projects.add(bucket.removeprefix(VAULT).removesuffix(suffix))
    return sorted(projects)


class Expiry:
    """The step of a loop: starts the command for each project, one after the other."""

    def __init__(self, home: Path, store: Store, suffix: str, now: Callable[[], float]) -> None:
        self._home = home
        self._store = store
        self._suffix = suffix
        self._now = now
        self._failed: dict[str, float] = {}
        """By project: when its removal failed last."""

    async def step(self) -> int:
        """Remove what is over. Returns 0: the next look is at its time."""
        now = self._now()
        for project in await self._store.run(lambda db: over(db, now, self._suffix)):
            if now - self._failed.get(project, 0.0) >= AGAIN_SECONDS:
                await self._remove(project)
        return 0

    async def _remove(self, project: str) -> None:
        log.info("previews of %s are over: culm env down --expired", project)
        command = [sys.executable, "-m", "culm", "env", "down", "--expired", "--project", project]
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self._home,
            env={**os.environ, "CULM_HOME": str(self._home)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            process.terminate()  # what it has not removed goes with the next daemon
            raise
        if process.returncode:
            self._failed[project] = self._now()
        text = output.decode(errors="replace").strip()
        log.info("culm env down --expired of %s ended with %s: %s", project, process.returncode, text)
