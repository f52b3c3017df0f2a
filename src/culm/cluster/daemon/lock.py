"""One daemon a home: who has the lock of a cluster's folder."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from culm.errors import CulmError


@contextlib.contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the home's lock: one daemon a home. The kernel lets it go with the process, however that ends.

    A record lock, so that clients can ask who has it without taking anything (`culm.target.local.held`).
    """
    with (home / "cluster.lock").open("w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CulmError(f"a cluster runs already in {home}", "culm cluster status") from None
        yield
