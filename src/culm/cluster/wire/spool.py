"""A request's body while it comes in: in memory, and in a file once it is too large for that."""

import mmap
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO

from culm.cluster.wire.http import Large

HELD = 4 << 20
"""Bytes of a body that is kept in memory."""
WRITTEN_AT_ONCE = 1 << 20
"""Bytes that are gathered for one write, as each takes a change of thread."""


class Spool:
    """The file has no name, so that it is gone with its last user, however that ends; it is its owner's alone."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` is for files; by default the system's for temporary ones, which may be in memory itself."""
        self._folder = folder
        self._gathered: list[bytes] = []
        self._waiting = 0
        self._file: IO[bytes] | None = None
        self.size = 0

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def take(self, piece: bytes) -> None:
        """Add a piece, in memory. No other may come before `write` when it is `full` then."""
        self._gathered.append(piece)
        self._waiting += len(piece)
        self.size += len(piece)

    @property
    def full(self) -> bool:
        return self.size > HELD and self._waiting >= WRITTEN_AT_ONCE

    def held(self) -> bytes:
        """Return all of a body that is in memory."""
        return b"".join(self._gathered)

    def mapped(self) -> Large:
        """Return all of a body of more than `HELD` bytes. Raises OSError."""
        self.write()
        assert self._file is not None
        return Large(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ))

    def write(self) -> None:
        """Put what was gathered into the file. Raises OSError."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 - closed by __exit__
        for piece in self._gathered:
            left = memoryview(piece)
            while left:
                left = left[self._file.write(left) :]
        self._gathered, self._waiting = [], 0
