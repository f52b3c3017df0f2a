"""The awslogs driver's work: a container's output into its log stream, nothing lost and nothing twice."""

import asyncio
import logging
import re

from culm.cluster.instance.interface import Logs
from culm.cluster.instance.multiline import FLUSH_SECONDS, Events
from culm.cluster.instance.runtime.interface import Line, Runtime
from culm.cluster.loop import end_if_cancelled
from culm.errors import RuntimeFailure

log = logging.getLogger(__name__)

BATCH = 1000
"""Lines in one append."""
RETRY = 1.0
"""Seconds before a failed runtime is asked again."""


class Forwarder:
    def __init__(
        self, runtime: Runtime, logs: Logs, container: str, where: tuple[str, str], begins: re.Pattern[str] | None
    ) -> None:
        """`where`: log group and stream. `begins`: how an event of several lines begins."""
        self._runtime = runtime
        self._logs = logs
        self._container = container
        self._where = where
        self._begins = begins
        self.done = False
        """The container has ended and its last line is kept."""

    async def run(self) -> None:
        """Keep lines until the container has ended and everything is kept.

        A failure is tried again from the last kept line.
        """
        while not self.done:
            try:
                async with asyncio.TaskGroup() as group:
                    lines: asyncio.Queue[Line | None] = asyncio.Queue(maxsize=2 * BATCH)
                    group.create_task(self._read(lines))
                    await self._keep(lines)
                self.done = True
            except* RuntimeFailure as failures:
                if any(f.name == "NoSuchContainer" for f in failures.exceptions if isinstance(f, RuntimeFailure)):
                    self.done = True
                else:
                    await self._wait(failures)
            except* Exception as failures:  # a full disk: what cannot be kept now stays with the runtime
                await self._wait(failures)

    async def _wait(self, failures: BaseExceptionGroup[Exception]) -> None:
        causes = "; ".join(map(str, failures.exceptions))
        log.warning("the log of %s cannot be kept: %s", self._container, causes)
        end_if_cancelled()
        await asyncio.sleep(RETRY)

    async def _read(self, lines: "asyncio.Queue[Line | None]") -> None:
        after = await self._logs.cursor(self._container)
        async for line in self._runtime.logs(self._container, after, follow=True):
            await lines.put(line)
        await lines.put(None)

    async def _keep(self, lines: "asyncio.Queue[Line | None]") -> None:
        """What has gathered while the last batch was kept is the next batch; an event that may grow waits a while."""
        clock = asyncio.get_running_loop().time
        events, begun_at, open_ended = Events(self._begins), 0.0, True
        while open_ended:
            batch: list[Line] = []
            try:
                async with asyncio.timeout_at(begun_at + FLUSH_SECONDS if events.pending else None):
                    line = await lines.get()
            except TimeoutError:
                batch = events.flush()
            else:
                waited = events.pending
                while line is not None:
                    batch += events.feed(line)
                    if len(batch) >= BATCH or lines.empty():
                        break
                    line = lines.get_nowait()
                if line is None:
                    batch, open_ended = [*batch, *events.flush()], False
                if batch or not waited:
                    begun_at = clock()
            if batch:
                await self._logs.append(*self._where, self._container, batch)
