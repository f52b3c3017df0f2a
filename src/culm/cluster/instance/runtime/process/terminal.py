"""A host process on a terminal of its own: what the process runtime gives for a `Terminal`."""

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import termios
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence

_LOOK_SECONDS = 0.5
"""Between two looks whether the container is still there."""
_PATIENCE_SECONDS = 2.0
"""From SIGHUP to SIGKILL."""
_PIECE = 1 << 16


async def open_terminal(argv: Sequence[str], is_alive: Callable[[], bool]) -> "HostTerminal":
    """Start `argv` as the leader of a new session; it makes the terminal its own (`shim.main` does)."""
    master, slave = os.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
    except BaseException:
        os.close(master)
        raise
    finally:
        os.close(slave)
    os.set_blocking(master, False)
    return HostTerminal(process, master, is_alive)


class HostTerminal:
    def __init__(self, process: Process, master: int, is_alive: Callable[[], bool]) -> None:
        self._process = process
        self._master = master
        self._is_alive = is_alive
        self._ended = asyncio.ensure_future(process.wait())
        self._closed = False

    async def read(self) -> bytes:
        """Read a piece; a child that is left in the background keeps the terminal open, and does not keep it going."""
        while not self._closed:
            ended = self._ended.done()
            try:
                data = os.read(self._master, _PIECE)
            except BlockingIOError:
                if ended:
                    return b""
                await self._readable()
                if not self._ended.done() and not self._is_alive():
                    await self.hang_up()
            except OSError:  # Linux says EIO when nobody has the other end any more
                await asyncio.wait([self._ended])
                return b""
            else:
                return data
        return b""

    async def _readable(self) -> None:
        """Until there is something to read, or it has ended, or it is time to look at the container."""
        loop = asyncio.get_running_loop()
        readable = loop.create_future()
        loop.add_reader(self._master, _tell, readable)
        try:
            await asyncio.wait([readable, self._ended], timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loop.remove_reader(self._master)
            readable.cancel()

    async def write(self, data: bytes) -> None:
        while data and not self._closed and not self._ended.done():
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                await self._writable()
            except OSError:
                return

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        writable = loop.create_future()
        loop.add_writer(self._master, _tell, writable)
        try:
            await asyncio.wait([writable, self._ended], return_when=asyncio.FIRST_COMPLETED)
        finally:
            loop.remove_writer(self._master)
            writable.cancel()

    async def resize(self, columns: int, rows: int) -> None:
        if not self._closed:
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def wait(self) -> int:
        code = await asyncio.shield(self._ended)
        return code if code >= 0 else 128 - code

    async def hang_up(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._signal(signal.SIGHUP)
        done, _ = await asyncio.wait([self._ended], timeout=_PATIENCE_SECONDS)
        if not done:
            self._signal(signal.SIGKILL)
            await asyncio.wait([self._ended])
        os.close(self._master)

    def _signal(self, number: int) -> None:
        """To it and to what runs before it on the terminal."""
        if self._ended.done():
            return
        groups = {self._process.pid}
        with contextlib.suppress(OSError):
            groups.add(os.tcgetpgrp(self._master))
        for group in groups:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)


def _tell(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


class LastWords:
    """The terminal of a command that could not be run: it says why, and is over."""

    def __init__(self, exit_code: int, output: bytes) -> None:
        self._exit_code = exit_code
        self._told = output.replace(b"\n", b"\r\n")

    async def read(self) -> bytes:
        output, self._told = self._told, b""
        return output

    async def write(self, data: bytes) -> None:
        """Drop what is typed: nobody reads it."""

    async def resize(self, columns: int, rows: int) -> None:
        """Drop the size: nobody sees it."""

    async def wait(self) -> int:
        return self._exit_code

    async def hang_up(self) -> None:
        """Do nothing: it is over."""
