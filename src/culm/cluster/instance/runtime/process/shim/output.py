"""A container's output on disk: `<epoch seconds> <line>` records in numbered segments, the oldest dropped.

The daemon reads them (`culm.cluster.instance.runtime.process.output`); bytes are kept as the container wrote them.
"""

import os
import time

SEGMENT_BYTES = 8 * 1024 * 1024
SEGMENTS = 4
"""32 MiB a container at most, and never less than 24 MiB of its last output."""
LINE_BYTES = 256 * 1024 - 26
"""Longer lines are cut here: a log event of CloudWatch Logs as the awslogs driver writes it.

https://docs.docker.com/engine/logging/drivers/awslogs/
"""


class Output:
    """Splits what a container writes into lines and stamps each with its time."""

    def __init__(self, directory: str) -> None:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self._directory = directory
        self._segment = 0
        self._size = 0
        self._file: int | None = None
        self._partial = b""
        self._last = 0.0

    def feed(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        while len(self._partial) > LINE_BYTES:
            lines.append(self._partial[:LINE_BYTES])
            self._partial = self._partial[LINE_BYTES:]
        self._write(lines)

    def close(self) -> None:
        """Write the last line even if it never ended."""
        if self._partial:
            self._write([self._partial])
            self._partial = b""

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        self._last = max(self._last, time.time())
        stamp = b"%.6f " % self._last
        cut = (line[at : at + LINE_BYTES] for line in lines for at in range(0, max(1, len(line)), LINE_BYTES))
        records = b"".join(stamp + line + b"\n" for line in cut)
        try:
            self._append(records)
        except OSError:  # a full disk loses output, not the container
            if self._file is not None:
                os.ftruncate(self._file, self._size)

    def _append(self, records: bytes) -> None:
        if self._file is None or self._size + len(records) > SEGMENT_BYTES:
            self._rotate()
        assert self._file is not None
        view = memoryview(records)
        while view:
            view = view[os.write(self._file, view) :]
        self._size += len(records)

    def _rotate(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        file = os.open(os.path.join(self._directory, f"{self._segment + 1:08d}"), flags, 0o600)
        if self._file is not None:
            os.close(self._file)
        self._segment += 1
        self._file, self._size = file, 0
        oldest = os.path.join(self._directory, f"{self._segment - SEGMENTS:08d}")
        if os.path.exists(oldest):
            os.unlink(oldest)
