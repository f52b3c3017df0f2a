"""Values and servers for tests that send real requests: rules, groups, and targets that tell what they were asked."""

import asyncio
import fcntl
import itertools
import json
import os
import signal
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2

from culm.cluster.balancer.haproxy.console import Console
from culm.cluster.balancer.interface import Group, Listener, Target
from culm.core.model.load_balancers import (
    Action,
    Condition,
    FixedResponseConfig,
    ForwardConfig,
    PatternConfig,
    Rule,
    TargetGroupTuple,
)

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

NOT_FOUND = Action(type="fixed-response", fixed_response_config=FixedResponseConfig(status_code="404"))


def _ports() -> Iterator[int]:
    """Ports below those that the kernel gives to outgoing connections; each once, and no other process has them.

    A test binds its port long after it was chosen: so a lock, which ends with the process, holds a block of them.
    """
    folder = Path(tempfile.gettempdir()) / f"culm-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for first in itertools.cycle(range(11_000, 32_000, 250)):
        block = os.open(folder / str(first), os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)  # open as long as we live
        try:
            fcntl.flock(block, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(block)
            continue
        yield from range(first, first + 250)


PORTS = _ports()


def free_port() -> int:
    for port in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("every port is taken")


def forward(*groups: str, weights: tuple[int, ...] = ()) -> Action:
    tuples = [TargetGroupTuple(target_group_arn=arn, weight=1) for arn in groups]
    tuples = [replace(t, weight=w) for t, w in zip(tuples, weights, strict=True)] if weights else tuples
    return Action(type="forward", forward_config=ForwardConfig(target_groups=tuple(tuples)))


def on_path(*patterns: str) -> Condition:
    return Condition(field="path-pattern", path_pattern_config=PatternConfig(values=patterns))


def a_rule(priority: int | None, *conditions: Condition, action: Action) -> Rule:
    return Rule(
        rule_arn=f"rule-{priority}",
        listener_arn="listener",
        priority=priority,
        conditions=conditions,
        actions=(action,),
    )


def a_listener(port: int, *rules: Rule, **settings: Any) -> Listener:
    """With a default rule that answers 404, unless the last rule is a default rule."""
    default = () if rules and rules[-1].priority is None else (a_rule(None, action=NOT_FOUND),)
    return Listener(port=port, rules=(*rules, *default), **settings)


def a_group(name: str, *targets: Target, **settings: Any) -> Group:
    return Group(arn=name, name=name, targets=targets, **settings)


class Web:
    """A target: answers JSON that names itself and what it was asked. `hold` keeps requests to /held waiting."""

    port: int

    def __init__(self) -> None:
        self.held = asyncio.Event()
        self.arrived = asyncio.Event()
        self.holding = 0
        self.status = 200
        self.asked = 0

    @property
    def target(self) -> Target:
        return Target(address="127.0.0.1", port=self.port)

    @property
    def draining(self) -> Target:
        return replace(self.target, draining=True)

    @property
    def name(self) -> str:
        return self.target.name

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            line, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
            uri = line.split(" ")[1]
            if uri.startswith("/held"):
                self.arrived.set()
                self.holding += 1
                await self.held.wait()
                self.holding -= 1
            if uri.startswith("/closes"):
                return
            self.asked += 1
            headers = [each.partition(": ")[::2] for each in lines]
            body = json.dumps({"target": self.name, "line": line, "headers": headers}).encode()
            writer.write(f"HTTP/1.1 {self.status} Said\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()


@asynccontextmanager
async def serving(answer: Answering, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server of 127.0.0.1 that calls `answer` for every connection; the port. Its connections end with it."""
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            connections.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=tls)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


@asynccontextmanager
async def a_web(port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[Web]:
    web = Web()
    async with serving(web.answer, port, tls) as web.port:
        yield web


async def target_of(client: httpx2.AsyncClient, url: str) -> str:
    """The name of the target that answered; the status where the plane answered itself."""
    response = await client.get(url)
    said = response.json() if response.headers.get("content-type") is None and response.content else {}
    return str(said.get("target", response.status_code))


async def kill_haproxy(folder: Path, which: str = "master") -> None:
    """kill -9 of the master or of the worker; the other one follows."""
    [table] = await Console(folder / "master.sock").ask("show proc")
    [pid] = [line.split()[0] for line in table.splitlines() if f" {which} " in line]
    os.kill(int(pid), signal.SIGKILL)


async def haproxy_processes(folder: Path) -> list[int]:
    """Return the process ids of the master and its worker."""
    [table] = await Console(folder / "master.sock").ask("show proc")
    return [int(line.split()[0]) for line in table.splitlines() if " master " in line or " worker " in line]


async def eventually(check: Any, seconds: float = 20.0) -> Any:
    """The first truthy answer of `check`, which may be async; fails when the time is over."""
    async with asyncio.timeout(seconds):
        while True:
            found = check()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.01)
