"""Instant notice of the end of processes that are nobody's children here: pidfds, where the kernel has them.

https://man7.org/linux/man-pages/man2/pidfd_open.2.html
"""

import asyncio
import os
import sys


class Exits:
    """Without pidfds nothing is noticed and `wait` only passes the time: who asks must look as well."""

    def __init__(self) -> None:
        self._descriptors: dict[int, str] = {}
        self._ended: set[str] = set()
        self._told = asyncio.Event()

    def __enter__(self) -> "Exits":
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in list(self._descriptors):
            self._forget(descriptor)

    def watch(self, name: str, pid: int) -> None:
        """Report `name` when `pid` ends; at once if it has already."""
        if sys.platform != "linux":
            return
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            self._ended.add(name)
            self._told.set()
            return
        except OSError:  # an old kernel
            return
        self._descriptors[descriptor] = name
        asyncio.get_running_loop().add_reader(descriptor, self._on_end, descriptor)

    async def wait(self, seconds: float) -> None:
        """Wait until something ended, but not longer than this."""
        try:
            async with asyncio.timeout(seconds):
                await self._told.wait()
        except TimeoutError:
            pass
        self._told.clear()

    def take(self) -> set[str]:
        """Return what has ended since the last call."""
        ended, self._ended = self._ended, set()
        return ended

    def _on_end(self, descriptor: int) -> None:
        self._ended.add(self._descriptors[descriptor])
        self._forget(descriptor)
        self._told.set()

    def _forget(self, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        del self._descriptors[descriptor]
        os.close(descriptor)
