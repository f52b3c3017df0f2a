"""Carries a session of ECS Exec between a websocket and this process's own input and output.

It speaks as AWS's client does (`model.data_channel`), so Amazon's agents and the local cluster's take it alike.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import termios
import tty
import uuid
from collections.abc import Iterator

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from culm.core.decide.data_channel import Incoming, Outgoing
from culm.core.model.data_channel import TERMINATE, Message, Payload, decode, opening
from culm.errors import CulmError
from culm.operate.exec.task_session import TaskSession
from culm.operate.exec.wrapping import INTERRUPT, Input, Output
from culm.target.clock import now

AGAIN_EVERY = 0.5
"""Seconds between two looks at what has not been acknowledged."""
PIECE = 1024
"""Bytes typed in one message, as AWS's client sends them."""
AHEAD = 64
"""Messages of input that may wait for their acknowledgement before more is read: a slow command slows its pipe down."""
BROKEN_OFF = 130


def carry(session: TaskSession, *, terminal: bool) -> int:
    """Carry input and output until the command ends. Returns its exit status."""
    with raw(sys.stdin.fileno()) if terminal else contextlib.nullcontext():
        return asyncio.run(Carrier(session, terminal=terminal).run())


@contextlib.contextmanager
def raw(descriptor: int) -> Iterator[None]:
    """Send every key to the other side, Ctrl-C too; when this ends, however it ends, the terminal is as it was."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor, termios.TCSADRAIN)  # what was typed ahead is kept
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def new_id() -> str:
    """Return a random UUID in hex, as the data channel's messages have it."""
    return uuid.UUID(bytes=os.urandom(16), version=4).hex


class Carrier:
    def __init__(self, session: TaskSession, *, terminal: bool) -> None:
        self._session = session
        self._terminal = terminal
        self._outgoing = Outgoing("input_stream_data", new_id)
        self._incoming = Incoming(new_id)
        self._output = Output(session.nonce)
        self._open = asyncio.Event()
        """Set when the command may be typed to."""
        self._heeded = asyncio.Event()
        """Set when something has been acknowledged."""
        self._closed = ""
        self._interrupted = 0

    async def run(self) -> int:
        """Carry the session until its command ends. Returns its exit status; raises CulmError when it breaks."""
        try:
            async with connect(self._session.url, max_size=None, proxy=True, open_timeout=20) as line:
                self._line: ClientConnection = line
                await line.send(opening(self._session.token, str(uuid.UUID(new_id())), str(uuid.UUID(new_id()))))
                return await self._carry()
        except (OSError, WebSocketException) as error:
            raise CulmError(
                f"the session's stream broke: {error}", "is the network there? then the same again"
            ) from None

    async def _carry(self) -> int:
        loop = asyncio.get_running_loop()
        hearing = asyncio.create_task(self._hear())
        others = [asyncio.create_task(self._type()), asyncio.create_task(self._again())]
        if self._terminal:
            loop.add_signal_handler(signal.SIGWINCH, lambda: others.append(asyncio.create_task(self._size())))
        else:
            loop.add_signal_handler(signal.SIGINT, lambda: others.append(asyncio.create_task(self._interrupt())))
        try:
            await hearing
        finally:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            loop.remove_signal_handler(signal.SIGWINCH if self._terminal else signal.SIGINT)
        self._show(self._output.rest())
        if self._interrupted > 1:
            return BROKEN_OFF
        if self._output.status is None:
            why = self._closed or "its task has stopped, or the image has no sh"
            raise CulmError(f"the session ended without an exit status: {why}")
        return self._output.status

    async def _hear(self) -> None:
        """Until the channel is closed, or the command has said that it has ended."""
        with contextlib.suppress(ConnectionClosed):
            async for data in self._line:
                message = decode(data) if isinstance(data, bytes) else None
                if message is None:
                    continue
                if message.kind == "channel_closed":
                    self._closed = str(message.words.get("Output", ""))
                    return
                if message.kind == "acknowledge":
                    self._outgoing.acknowledged(message)
                    self._heeded.set()
                elif message.kind == "output_stream_data" and self._incoming.accepts(message):
                    await self._line.send(self._incoming.acknowledge(message, now()))
                    for received in self._incoming.take(message):
                        await self._heard(received)
                    if self._output.status is not None or self._interrupted > 1:
                        await self._say(Payload.FLAG, TERMINATE.to_bytes(4, "big"))
                        return

    async def _heard(self, message: Message) -> None:
        match message.payload_type:
            case Payload.HANDSHAKE_REQUEST:
                await self._shake_hands(message)
            case Payload.HANDSHAKE_COMPLETE:
                if self._terminal:
                    await self._size()
                    self._open.set()
            case Payload.OUTPUT:
                self._show(self._output.feed(message.payload))
                if self._output.ready:
                    self._open.set()

    async def _shake_hands(self, request: Message) -> None:
        """Answer the handshake: accept the session's type, refuse encryption by a KMS key, which we do not have."""
        done = []
        for action in request.words.get("RequestedClientActions", ()):
            known = action.get("ActionType") == "SessionType"
            done.append(
                {
                    "ActionType": action.get("ActionType"),
                    "ActionStatus": 1 if known else 3,
                    "ActionResult": None,
                    "Error": "" if known else f"Unsupported action {action.get('ActionType')}",
                }
            )
        errors = [each["Error"] for each in done if each["Error"]]
        answer = {"ClientVersion": "1.2.0.0", "ProcessedClientActions": done, "Errors": errors}
        await self._say(Payload.HANDSHAKE_RESPONSE, json.dumps(answer).encode())

    async def _type(self) -> None:
        """Our input, to its end."""
        await self._open.wait()
        pipe = None if self._terminal else Input()
        while True:
            data = await read(sys.stdin.fileno())
            typed = pipe.feed(data) if pipe else data
            for at in range(0, len(typed), PIECE):
                await self._say(Payload.OUTPUT, typed[at : at + PIECE])
                while self._outgoing.waiting > AHEAD:
                    self._heeded.clear()
                    await self._heeded.wait()
            if not data:
                return

    async def _size(self) -> None:
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
        await self._say(Payload.SIZE, json.dumps({"cols": columns, "rows": rows}).encode())

    async def _interrupt(self) -> None:
        """Ctrl-C is the command's, the first time; the second time it is ours."""
        self._interrupted += 1
        if self._interrupted > 1:
            await self._line.close()
        else:
            await self._say(Payload.OUTPUT, INTERRUPT)

    async def _again(self) -> None:
        while True:
            await asyncio.sleep(AGAIN_EVERY)
            if (data := self._outgoing.again(now())) is not None:
                await self._line.send(data)

    async def _say(self, payload_type: Payload, payload: bytes) -> None:
        with contextlib.suppress(ConnectionClosed):  # `_hear` sees it
            await self._line.send(self._outgoing.send(payload_type, payload, now()))

    def _show(self, data: bytes) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


async def read(descriptor: int) -> bytes:
    """Return what there is to read; it may be a terminal, a pipe or a file, which an event loop cannot all wait for."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(descriptor, readable.set)
    except (PermissionError, ValueError):  # a file is always ready
        return os.read(descriptor, PIECE)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, PIECE)
