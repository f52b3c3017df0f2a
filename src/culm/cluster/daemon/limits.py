"""What the daemon may take of its machine: file descriptors, memory, and the disk that its log is on."""

import ctypes
import gc
import logging
import os
import resource
import sys
from pathlib import Path

WANTED_FILES = 8192
"""File descriptors: connections, logs and sockets of a full cluster. Shells give 1024, macOS 256."""
LOG_BYTES = 16 << 20
"""Of daemon.log; with the one before it, twice as much."""
REPEATS_PER_MINUTE = 20
"""How often one place in the code may log in a minute; the rest is counted, and told."""

M_ARENA_MAX = -8
"""mallopt's name for the number of arenas, from glibc's malloc.h."""
ARENAS = 2
"""Heaps that all threads share: by default glibc makes eight a processor, and each keeps its own free memory."""


GARBAGE = (20_000, 20, 50)
"""New objects before the youngest are looked through, and how often that is done before older ones are."""


def bound_arenas(arenas: int = ARENAS) -> bool:
    """Let the C library keep at most `arenas` heaps for all threads; call it before the first thread starts.

    Returns whether the C library knows how: glibc does, musl and macOS have no such heaps.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(M_ARENA_MAX, arenas) == 1


def collect_less() -> None:
    """Let the collector of garbage pass over all that is there now, and look less often; call it when all is made.

    What the daemon is made of stays until its end. Looking through it again and again took a sixth of the processor's
    time while thousands of tasks started (bench/scheduling.py).
    """
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def return_free_memory() -> bool:
    """Give what the C library holds free back to the system. Returns whether there was any; False without glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and trim(0) == 1


def raise_file_limit(wanted: int = WANTED_FILES) -> int:
    """Raise the soft limit of open files towards `wanted`, as far as the hard one lets us. Returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < target:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
        except (OSError, ValueError):  # macOS has a further limit of its own
            return soft
        return target
    return soft


class RateLimit(logging.Filter):
    """Lets each place in the code log so often a minute, and says how much was left out when the minute is over."""

    def __init__(self, most: int = REPEATS_PER_MINUTE) -> None:
        super().__init__()
        self._most = most
        self._counts: dict[tuple[str, int], int] = {}
        self._minute = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a line of code log so often a minute, and say in the last one that more is left out."""
        minute = int(record.created // 60)
        if minute != self._minute:
            self._minute, self._counts = minute, {}
        place = (record.pathname, record.lineno)
        count = self._counts[place] = self._counts.get(place, 0) + 1
        if count == self._most:
            record.msg = f"{record.msg} (what follows from here within this minute is left out)"
        return count <= self._most


def rotate(log: Path, most: int = LOG_BYTES) -> bool:
    """Begin daemon.log anew where it has grown past `most` bytes; the one before is daemon.log.1.

    The file is open, for us and for what we start, so it is copied and emptied rather than renamed.
    """
    try:
        if log.stat().st_size <= most:
            return False
        with log.open("rb") as file:
            file.seek(-most, os.SEEK_END)
            kept = file.read(most)
        log.with_name(f"{log.name}.1").write_bytes(kept)
        os.truncate(log, 0)
    except OSError:
        return False
    return True


def log_to_standard_error(level: int = logging.INFO) -> None:
    """Log to standard error, a line an event, rate limited."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RateLimit())
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", handlers=[handler])
