"""Edges that are sockets: the daemon's port with all that answers there, and the endpoint that tasks have.

Bytes are sent as they are; when nothing more is said, the other side hears that nothing more comes. It may answer what
it likes but 500, in HTTP that can be read, and has to hang up then.
"""

import asyncio
import contextlib
import http.client
import io
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import OPERATOR, REGION

from culm.cluster import clock, operations
from culm.cluster.daemon import health, live_tails
from culm.cluster.daemon.server import Server
from culm.cluster.daemon.task_endpoint import TaskEndpoint
from culm.cluster.exec import sessions
from culm.cluster.exec.operation import PATH as EXECUTIONS
from culm.cluster.exec.sessions import ExecSession
from culm.cluster.exec.stream import Executions
from culm.cluster.instance.credentials import PATH as CREDENTIALS
from culm.cluster.instance.credentials import Credentials
from culm.cluster.instance.metadata import Metadata
from culm.cluster.instance.runtime.fake import FakeRuntime
from culm.cluster.instance.specs import METADATA
from culm.cluster.registry.app import application as registry_application
from culm.cluster.registry.registry import Registry
from culm.cluster.store.db import Store
from culm.cluster.store.sealing import Sealer
from culm.cluster.wire.api import Api
from culm.cluster.wire.asgi import answering, application
from culm.cluster.wire.keyring import Keyring
from culm.core.model.agent import RoleCredentials

LONGEST_SECONDS = 10.0
"""Of the clock: the machine may be busy with others. What our own processor takes is measured by the tests."""
QUIET_SECONDS = 0.1
EDGES = ("HTTP", "registry", "websocket", "metadata", "task endpoint")
"""Each has a corpus; all but the last are of one port."""


class Ports:
    """The daemon's server with everything that is mounted there, as `daemon.Components` puts it together."""

    def __init__(self, folder: Path, *, keys: Keyring | None) -> None:
        """`keys`: verify who asks; None for whoever got past that."""
        operations.load()
        self.listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.port, self.task_port = (int(each.getsockname()[1]) for each in self.listening)
        self.store = Store(folder / "state.db", Sealer.fresh())
        api = Api(
            region=REGION, endpoint=f"http://127.0.0.1:{self.port}", now=clock.now, new_id=clock.new_id, keys=keys
        )
        registry = Registry(self.store, folder / "registry", now=clock.now, new_id=clock.new_id)
        executions = Executions(self.store, FakeRuntime(clock.now), now=clock.now, new_id=clock.new_id)
        credentials = Credentials()
        mounts = [
            (lambda scope: scope["path"].startswith(CREDENTIALS), credentials),
            (lambda scope: scope["path"].startswith(METADATA), Metadata(clock.now)),
            (lambda scope: scope["path"].startswith(EXECUTIONS), executions),
            (lambda scope: scope["path"].startswith("/v2/"), registry_application(registry)),
            (health.claims, health.page),
            (live_tails.claims, live_tails.LiveTails(api, self.store, now=clock.now)),
        ]
        answer = answering(api, self.store, lambda service: None)
        self.server = Server(application(answer, mounts, api.refuse_head, folder), answer)
        self._balancer = folder / "nobody.sock"
        credentials.put(
            "arn:aws:ecs:us-east-1:000000000000:task/c/1",
            RoleCredentials(
                credentials_id="1",
                role_arn="arn:aws:iam::000000000000:role/r",
                access_key_id="A",
                secret_access_key="S",
                session_token="T",
                expiration=2e9,
            ),
        )
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()

    async def _serve(self) -> None:
        session = ExecSession(id="s-1", task_arn="t", container="web", command="echo", expires_at=clock.now() + 1e6)
        await self.store.run(lambda db: sessions.save(db, session, "token", clock.now()))
        for_tasks = asyncio.create_task(TaskEndpoint(self.port, self._balancer).serve(self.listening[1]))
        await self.server.serve([self.listening[0]])
        for_tasks.cancel()
        await asyncio.gather(for_tasks, return_exceptions=True)

    def close(self) -> None:
        self.server.should_exit = True
        self._thread.join()
        self.store.close()


@contextlib.contextmanager
def ports(folder: Path, *, verified: bool) -> Iterator[Ports]:
    made = Ports(folder, keys=Keyring(OPERATOR, b"a key of the tests' own, 32 bytes") if verified else None)
    try:
        yield made
    finally:
        made.close()


def send(port: int, data: bytes) -> bytes:
    """All that is answered to these bytes. Raises TimeoutError when the other side does not hang up in the end."""
    said = b""
    with socket.create_connection(("127.0.0.1", port), LONGEST_SECONDS) as line, contextlib.suppress(ConnectionError):
        line.sendall(data)
        line.settimeout(QUIET_SECONDS)
        with contextlib.suppress(TimeoutError):  # it waits for more
            while piece := line.recv(1 << 16):
                said += piece
        line.settimeout(LONGEST_SECONDS)
        line.shutdown(socket.SHUT_WR)
        while piece := line.recv(1 << 16):
            said += piece
    return said


def judge(said: bytes) -> None:
    """Whether an answer, if there is one, is HTTP and no error of ours."""
    if not said:
        return
    status = re.match(rb"HTTP/1\.[01] (\d{3}) ", said)
    assert status, said[:200]
    assert status[1] != b"500", said[:2000]
    answer = http.client.HTTPResponse(Recorded(said))  # type: ignore[arg-type]
    answer.begin()
    with contextlib.suppress(http.client.IncompleteRead):  # of what is a HEAD, and what is cut off
        answer.read()


class Recorded:
    """What http.client takes for a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)
