"""A command in an engine's container, on a terminal of its own."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence

from culm.cluster.instance.runtime.interface import Terminal
from culm.cluster.instance.runtime.process.terminal import LastWords
from culm.engine.answers import Refused
from culm.engine.asynchronous import AsyncEngine, hang_up
from culm.errors import RuntimeFailure

_PIECE = 1 << 16
_PATIENCE_SECONDS = 2.0
"""From SIGHUP to SIGKILL."""


async def open_terminal(engine: AsyncEngine, name: str, command: Sequence[str]) -> Terminal:
    """Run the command on a pseudo-terminal in the container. Raises RuntimeFailure if it does not run."""
    body = {"AttachStdin": True, "AttachStdout": True, "AttachStderr": True, "Tty": True, "Cmd": list(command)}
    try:
        created = await engine.call("POST", f"/containers/{name}/exec", body=body)
    except Refused as refused:
        raise RuntimeFailure("ContainerNotRunning", f"{name}: {refused.message}") from refused
    try:
        reader, writer = await engine.hijack(f"/exec/{created['Id']}/start", {"Detach": False, "Tty": True})
    except Refused as refused:
        return LastWords(127, f"{refused.message}\n".encode())
    return DockerTerminal(engine, created["Id"], reader, writer)


class DockerTerminal:
    def __init__(
        self, engine: AsyncEngine, exec_id: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._engine = engine
        self._id = exec_id
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        try:
            data = await self._reader.read(_PIECE)
        except OSError:
            data = b""
        if not data:
            await hang_up(self._writer)
        return data

    async def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._writer.write(data)
            await self._writer.drain()

    async def resize(self, columns: int, rows: int) -> None:
        with contextlib.suppress(Refused):  # it has ended meanwhile
            await self._engine.call("POST", f"/exec/{self._id}/resize", {"w": columns, "h": rows})

    async def wait(self) -> int:
        """Wait for the exit code: the engine closes the connection a little before it knows it."""
        while True:
            state = await self._engine.get(f"/exec/{self._id}/json")
            if not state["Running"]:
                return int(state["ExitCode"])
            await asyncio.sleep(0.05)

    async def hang_up(self) -> None:
        """End the process on this machine, where it is this machine's: the engine has no call for it."""
        await hang_up(self._writer)
        for number, seconds in ((signal.SIGHUP, _PATIENCE_SECONDS), (signal.SIGKILL, 0.0)):
            state = await self._engine.get(f"/exec/{self._id}/json")
            if not state["Running"] or not state.get("Pid"):
                return
            with contextlib.suppress(OSError):
                os.kill(state["Pid"], number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.wait()
