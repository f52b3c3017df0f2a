"""The stream of an ECS Exec session: between a client's websocket and a command's terminal.

It says what the agent in a container says to AWS's client; `model.data_channel` has the messages.
"""

import asyncio
import contextlib
import json
import shlex
from collections.abc import Callable, MutableMapping
from typing import Any

from culm.cluster.exec import sessions
from culm.cluster.exec.operation import PATH
from culm.cluster.exec.sessions import ExecSession
from culm.cluster.instance.runtime.interface import Runtime, Terminal
from culm.cluster.instance.specs import CONTAINER_NAME, TASK_ARN
from culm.cluster.store.db import Store
from culm.cluster.wire.asgi import Receive, Scope, Send
from culm.core.decide.data_channel import Incoming, Outgoing
from culm.core.model.data_channel import TERMINATE, Message, Payload, decode, encode
from culm.errors import RuntimeFailure

AGENT = "3.3.0.0"
"""The version that clients take the agent for; newer ones ask it for nothing else."""
OPENING_SECONDS = 10.0
HANDSHAKE_SECONDS = 3.0
"""Older clients answer no handshake: then the command begins without."""
AGAIN_EVERY = 0.5
LEAVING_SECONDS = 2.0
"""For a client to read that the session is over, and to hang up."""
PIECE = 1024
"""Bytes of output in a message, as the agent sends them."""
REFUSED = 1008
"""A websocket's close code for what policy forbids: https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"""


class Executions:
    """An ASGI application for websockets under `PATH`."""

    def __init__(self, store: Store, runtime: Runtime, *, now: Callable[[], float], new_id: Callable[[], str]) -> None:
        self._store = store
        self._runtime = runtime
        self._now = now
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await send({"type": "http.response.start", "status": 426, "headers": [(b"upgrade", b"websocket")]})
            await send({"type": "http.response.body", "body": b""})
            return
        await receive()
        await send({"type": "websocket.accept"})
        session = await self._opened(str(scope["path"]).removeprefix(PATH), receive)
        if session is None:
            await send({"type": "websocket.close", "code": REFUSED, "reason": "there is no such session"})
            return
        stream = Stream(session, send, self._now, self._new_id)
        try:
            terminal = await self._terminal(session)
        except (RuntimeFailure, ValueError) as failure:
            await stream.close(str(failure))
            return
        try:
            await stream.carry(terminal, receive)
        finally:
            await terminal.hang_up()

    async def _opened(self, id: str, receive: Receive) -> ExecSession | None:
        """Read the first message, which has the token."""
        try:
            async with asyncio.timeout(OPENING_SECONDS):
                token = json.loads((await receive()).get("text") or "")["TokenValue"]
        except (TimeoutError, ValueError, KeyError, TypeError):
            return None
        now = self._now()
        return await self._store.run(lambda db: sessions.redeem(db, id, str(token), now))

    async def _terminal(self, session: ExecSession) -> Terminal:
        """Raises ValueError: a quotation in the command does not end."""
        words = shlex.split(session.command)
        for container in await self._runtime.list():
            mine = (
                container.labels.get(TASK_ARN) == session.task_arn
                and container.labels.get(CONTAINER_NAME) == session.container
            )
            if mine and container.state == "running":
                return await self._runtime.terminal(container.name, words)
        raise RuntimeFailure("ContainerNotRunning", f"container {session.container} is not running")


class Stream:
    """One session's messages."""

    def __init__(self, session: ExecSession, send: Send, now: Callable[[], float], new_id: Callable[[], str]) -> None:
        self._session = session
        self._send = send
        self._now = now
        self._new_id = new_id
        self._outgoing = Outgoing("output_stream_data", new_id)
        self._incoming = Incoming(new_id)
        self._ready = asyncio.Event()

    async def carry(self, terminal: Terminal, receive: Receive) -> None:
        """Carry bytes until the command has ended or the client has hung up."""
        asked = {"ActionType": "SessionType", "ActionParameters": {"SessionType": "InteractiveCommands"}}
        await self._say(Payload.HANDSHAKE_REQUEST, {"AgentVersion": AGENT, "RequestedClientActions": [asked]})
        listening = asyncio.create_task(self._listen(terminal, receive))
        telling = asyncio.create_task(self._tell(terminal))
        again = asyncio.create_task(self._again())
        tasks = (listening, telling, again)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if telling.done() and not listening.done():
                await self._say_closed("")
                await asyncio.wait([listening], timeout=LEAVING_SECONDS)
                if not listening.done():
                    await self._hang_up()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self, why: str) -> None:
        """Close a stream that has nothing to carry."""
        await self._say_closed(why)
        await self._hang_up()

    async def _say_closed(self, why: str) -> None:
        """Tell the client that the session is over; it hangs up when it has read this."""
        closed = {
            "MessageId": self._new_id(),
            "CreatedDate": str(int(self._now() * 1000)),
            "SessionId": self._session.id,
            "DestinationId": self._session.task_arn,
            "MessageType": "channel_closed",
            "SchemaVersion": 1,
            "Output": why,
        }
        message = Message(
            kind="channel_closed", payload=json.dumps(closed).encode(), id=self._new_id(), created_at=self._now()
        )
        await self._put(encode(message))

    async def _hang_up(self) -> None:
        with contextlib.suppress(OSError):  # it was faster
            await self._send({"type": "websocket.close", "code": 1000})

    async def _tell(self, terminal: Terminal) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await self._ready.wait()
        while data := await terminal.read():
            for at in range(0, len(data), PIECE):
                await self._put(self._outgoing.send(Payload.OUTPUT, data[at : at + PIECE], self._now()))

    async def _again(self) -> None:
        while True:
            await asyncio.sleep(AGAIN_EVERY)
            if (data := self._outgoing.again(self._now())) is not None:
                await self._put(data)

    async def _listen(self, terminal: Terminal, receive: Receive) -> None:
        """Until the client hangs up, or asks to end, or speaks something else."""
        while True:
            event: MutableMapping[str, Any] = await receive()
            if event["type"] == "websocket.disconnect":
                return
            try:
                # a well known client fills the digest with something else, and AWS takes it
                message = decode(event.get("bytes") or b"", checked=False)
            except ValueError:
                return
            if message.kind == "acknowledge":
                self._outgoing.acknowledged(message)
            elif message.kind == "input_stream_data" and self._incoming.accepts(message):
                await self._put(self._incoming.acknowledge(message, self._now()))
                for taken in self._incoming.take(message):
                    if not await self._heard(terminal, taken):
                        return

    async def _heard(self, terminal: Terminal, message: Message) -> bool:
        """Take a message of the client's; returns whether the session goes on."""
        match message.payload_type:
            case Payload.HANDSHAKE_RESPONSE:
                await self._say(Payload.HANDSHAKE_COMPLETE, {"HandshakeTimeToComplete": 0, "CustomerMessage": ""})
            case Payload.SIZE:
                size = message.words
                with contextlib.suppress(KeyError, ValueError, TypeError):
                    await terminal.resize(int(size["cols"]), int(size["rows"]))
            case Payload.FLAG:
                return int.from_bytes(message.payload, "big") != TERMINATE
            case _:
                await terminal.write(message.payload)
        self._ready.set()
        return True

    async def _say(self, payload_type: Payload, words: dict[str, Any]) -> None:
        await self._put(self._outgoing.send(payload_type, json.dumps(words).encode(), self._now()))

    async def _put(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # the client has gone, which `_listen` sees
            await self._send({"type": "websocket.send", "bytes": data})
