"""Notice at once that a process has ended that is nobody's child here: a pidfd, where the kernel has them.

https://man7.org/linux/man-pages/man2/pidfd_open.2.html
"""

import asyncio
import os
import sys
from collections.abc import Callable


class Ending:
    """Watches one process at a time. Without pidfds nothing is noticed: who needs to know must look as well."""

    def __init__(self) -> None:
        self._pid: int | None = None
        self._descriptor: int | None = None

    @property
    def awaited(self) -> bool:
        """Whether a process is watched that has not ended."""
        return self._pid is not None

    def watch(self, pid: int, ended: Callable[[], None]) -> None:
        """Call `ended`, on the running loop, when this process ends; at once where it has. None before is watched any
        more.
        """
        if pid == self._pid:
            return
        self.forget()
        if sys.platform != "linux":
            return
        loop = asyncio.get_running_loop()
        try:
            self._descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            loop.call_soon(ended)
            return
        except OSError:  # an old kernel, or no descriptor left
            return
        self._pid = pid

        def tell() -> None:
            self.forget()
            ended()

        loop.add_reader(self._descriptor, tell)

    def forget(self) -> None:
        """Watch nothing any more."""
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
        self._pid = self._descriptor = None
