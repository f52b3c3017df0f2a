"""The stream of a session, over a real websocket; what runs is the fake runtime's."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from culm.cluster import clock
from culm.cluster.daemon.server import Server
from culm.cluster.exec import sessions
from culm.cluster.exec.sessions import ExecSession
from culm.cluster.exec.stream import PATH, Executions
from culm.cluster.instance.runtime.fake import FakeRuntime, Script
from culm.cluster.instance.runtime.interface import Spec
from culm.cluster.instance.specs import CONTAINER_NAME, TASK_ARN
from culm.cluster.store.db import Store
from culm.cluster.wire.http import Response
from culm.core.decide.data_channel import Incoming, Outgoing
from culm.core.model.data_channel import TERMINATE, Message, Payload, decode, opening

TASK = "arn:aws:ecs:us-east-1:000000000000:task/bamboo/1"
COMMANDS = {("echo", "hi there"): (0, b"hi there\n"), ("long",): (0, b"x" * 5000)}


class Stage:
    """A daemon's server with nothing but sessions, and a container that runs."""

    def __init__(self, url: str, store: Store) -> None:
        self.url = url
        self.store = store

    async def session(self, command: str, container: str = "web", id: str = "s-1") -> str:
        """Its token."""
        session = ExecSession(id=id, task_arn=TASK, container=container, command=command, expires_at=clock.now() + 60)
        await self.store.run(lambda db: sessions.save(db, session, "token", clock.now()))
        return "token"

    def stream(self, id: str = "s-1") -> connect:
        return connect(f"{self.url}{PATH}{id}?role=publish_subscribe", proxy=None)


@pytest.fixture
async def stage(tmp_path) -> AsyncIterator[Stage]:
    store = Store(tmp_path / "state.db")
    runtime = FakeRuntime(clock.now, {"web": Script(commands=COMMANDS)})
    labels = {TASK_ARN: TASK, CONTAINER_NAME: "web"}
    await runtime.start(Spec(name="web-1", image="web", address="127.0.0.1", environment={}, labels=labels))
    server = Server(
        Executions(store, runtime, now=clock.now, new_id=clock.new_id), lambda request: Response(status=404)
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        yield Stage(f"ws://127.0.0.1:{listening.getsockname()[1]}", store)
        server.should_exit = True
        await serving
    store.close()


class Client:
    """A client as AWS's own behaves."""

    def __init__(self, line: ClientConnection) -> None:
        self.line = line
        self.outgoing = Outgoing("input_stream_data", clock.new_id)
        self.incoming = Incoming(clock.new_id)

    async def say(self, payload_type: Payload, payload: bytes) -> None:
        await self.line.send(self.outgoing.send(payload_type, payload, clock.now()))

    async def hear(self) -> Message:
        """The next message of the session; acknowledged, as it must be."""
        while True:
            data = await asyncio.wait_for(self.line.recv(), 10)
            assert isinstance(data, bytes)
            message = decode(data)
            if message.kind == "acknowledge":
                self.outgoing.acknowledged(message)
                continue
            if message.kind == "output_stream_data":
                await self.line.send(self.incoming.acknowledge(message, clock.now()))
            return message

    async def shake_hands(self) -> None:
        asked = await self.hear()
        assert asked.payload_type == Payload.HANDSHAKE_REQUEST
        [action] = asked.words["RequestedClientActions"]
        assert (action["ActionType"], action["ActionParameters"]["SessionType"]) == (
            "SessionType",
            "InteractiveCommands",
        )
        done = [{"ActionType": "SessionType", "ActionStatus": 1, "ActionResult": None, "Error": ""}]
        answer = {"ClientVersion": "1.2.0.0", "ProcessedClientActions": done, "Errors": []}
        await self.say(Payload.HANDSHAKE_RESPONSE, json.dumps(answer).encode())
        assert (await self.hear()).payload_type == Payload.HANDSHAKE_COMPLETE

    async def everything(self) -> tuple[bytes, Message]:
        """All output, and the message that closes the channel."""
        output = b""
        while (message := await self.hear()).kind != "channel_closed":
            assert message.payload_type == Payload.OUTPUT
            output += message.payload
        return output, message


async def test_a_session_from_its_handshake_to_its_end(stage: Stage):
    token = await stage.session("echo 'hi there'")
    async with stage.stream() as line:
        await line.send(opening(token, "client", "request"))
        client = Client(line)
        await client.shake_hands()
        output, closed = await client.everything()
        assert output == b"hi there\r\n"
        assert (closed.words["SessionId"], closed.words["Output"]) == ("s-1", "")


async def test_output_comes_in_pieces_and_whole(stage: Stage):
    token = await stage.session("long")
    async with stage.stream() as line:
        await line.send(opening(token, "client", "request"))
        client = Client(line)
        await client.shake_hands()
        output, _ = await client.everything()
        assert output == b"x" * 5000


async def test_a_client_that_knows_no_handshake_gets_its_output_when_it_types(stage: Stage):
    token = await stage.session("echo 'hi there'")
    async with stage.stream() as line:
        await line.send(opening(token, "client", "request"))
        client = Client(line)
        await client.hear()
        await client.say(Payload.SIZE, b'{"cols": 80, "rows": 24}')
        output, _ = await client.everything()
        assert output == b"hi there\r\n"


async def test_what_is_not_acknowledged_is_said_again(stage: Stage):
    token = await stage.session("echo 'hi there'")
    async with stage.stream() as line:
        await line.send(opening(token, "client", "request"))
        first = decode(await line.recv())
        assert decode(await asyncio.wait_for(line.recv(), 10)) == first


@pytest.mark.parametrize("first", ["no JSON", "{}", '{"TokenValue": "another"}', b"\0"])
async def test_without_the_token_nothing_is_said(stage: Stage, first: str | bytes):
    await stage.session("echo 'hi there'")
    async with stage.stream() as line:
        await line.send(first)
        with pytest.raises(websockets.ConnectionClosedError):
            await asyncio.wait_for(line.recv(), 10)
        assert line.close_code == 1008


async def test_a_token_opens_one_stream(stage: Stage):
    token = await stage.session("echo 'hi there'")
    async with stage.stream() as line, stage.stream() as second:
        await line.send(opening(token, "client", "request"))
        assert decode(await line.recv()).payload_type == Payload.HANDSHAKE_REQUEST
        await second.send(opening(token, "client", "request"))
        with pytest.raises(websockets.ConnectionClosedError):
            await asyncio.wait_for(second.recv(), 10)


@pytest.mark.parametrize(
    ("command", "container", "why"),
    [
        ("echo 'hi", "web", "No closing quotation"),
        ("sh", "other", "ContainerNotRunning: container other is not running"),
    ],
)
async def test_what_cannot_be_started_is_told_at_the_close(stage: Stage, command: str, container: str, why: str):
    token = await stage.session(command, container)
    async with stage.stream() as line:
        await line.send(opening(token, "client", "request"))
        _, closed = await Client(line).everything()
        assert closed.words["Output"] == why
        await line.wait_closed()
        assert line.close_code == 1000


@pytest.mark.parametrize("how", ["flag", "noise"])
async def test_a_client_can_end_it(stage: Stage, how: str):
    token = await stage.session("echo 'hi there'")
    async with stage.stream() as line:
        await line.send(opening(token, "client", "request"))
        client = Client(line)
        await client.hear()
        if how == "flag":
            await client.say(Payload.FLAG, TERMINATE.to_bytes(4, "big"))
        else:
            await line.send(b"noise")
        with pytest.raises(websockets.ConnectionClosed):
            while True:
                await asyncio.wait_for(line.recv(), 10)


async def test_plain_http_is_asked_to_speak_websocket(stage: Stage):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(stage.url.rpartition(":")[2]))
    writer.write(f"GET {PATH}s-1 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert b" 426 " in await reader.readline()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
