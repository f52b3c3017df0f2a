"""What every ring of tests may use: `cloud`, the AWS API in process."""

import gc
import itertools
import os
import signal
import socket
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import hypothesis
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from tests import ring
from tests.bamboo import around as around
from tests.bamboo import live as live
from tests.bamboo import project as project
from tests.browser import browser as browser
from tests.outcome import pytest_sessionfinish as pytest_sessionfinish
from tests.share import ELSEWHERE, SECOND_PYTHON
from xdist.scheduler import LoadScopeScheduling

from culm.cluster import clock, operations
from culm.cluster.daemon.server import Server
from culm.cluster.store import db as state_db
from culm.cluster.store.db import Store, connect, transact
from culm.cluster.store.sealing import Sealer
from culm.cluster.wire.api import Api, Ready
from culm.cluster.wire.asgi import answering, application
from culm.cluster.wire.http import Request, Response
from culm.cluster.wire.keyring import AccessKey, Keyring
from culm.core.model.agent import RoleCredentials
from culm.engine.client import unavailable

REGION = "us-east-1"

collect_ignore = [path for paths in ELSEWHERE.values() for path in paths] if SECOND_PYTHON else []

# Most of what a process of tests makes lives as long as it does: modules, botocore's models, moto's accounts. Going
# through all of it again and again for what might be garbage took a fifth of the processors' time.
gc.set_threshold(50_000, 20, 50)

# A shell that starts us in the background lets us ignore SIGINT, and so would every program that the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How fast a property is tried depends on what else the machine does; that it holds does not.
hypothesis.settings.register_profile(
    "culm",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    max_examples=10 if SECOND_PYTHON else 100,
)
hypothesis.settings.load_profile("culm")
OPERATOR = AccessKey(access_key_id="AKIAEXAMPLE", secret_access_key="secret")


class Clock:
    """A clock that stands still until a test moves it; epoch seconds."""

    def __init__(self, now: float = 1_767_225_600.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Cloud:
    """The AWS API in process: boto3's own clients, the wire's own code, SQLite in memory.

    `clock.advance(30)` moves time, ids count up (`00000001...`), `woken` counts the calls that woke the loops.
    """

    def __init__(self, clients: "Clients") -> None:
        self.db: sqlite3.Connection = connect(":memory:", Sealer.fresh())
        self.clock = Clock()
        self.woken = 0
        self.heard: Request | None = None
        """The last request."""
        self._ids = itertools.count(1)
        self._clients = clients
        self.keys = Keyring(OPERATOR, b"a key of the tests' own, 32 bytes")
        self.api = self._api(verified=True)
        self.open_api = self._api(verified=False)

    def _api(self, *, verified: bool) -> Api:
        return Api(
            region=REGION,
            endpoint="http://127.0.0.1:4566",
            now=self.clock,
            new_id=self.new_id,
            keys=self.keys,
            verified=verified,
        )

    @property
    def now(self) -> float:
        return self.clock.now

    def new_id(self) -> str:
        return f"{next(self._ids):08x}{'0' * 24}"

    def answer(self, request: Request, *, verified: bool = False) -> Response:
        """What the daemon would send back; to anybody, unless `verified`."""
        self.heard = request
        ready = (self.api if verified else self.open_api).prepare(request)
        if isinstance(ready, Response):
            return ready
        assert isinstance(ready, Ready)
        try:
            response = transact(self.db, ready.work)
        except Exception as error:
            return ready.fail(error)
        self.woken += ready.wakes
        if (outgoing := response.outgoing) is None:
            return response
        body = b"".join(transact(self.db, step) for step in outgoing.steps())
        transact(self.db, outgoing.release)
        return replace(response, body=body, outgoing=None)

    def client(self, service: str, region: str = REGION, keys: RoleCredentials | None = None) -> Any:
        """A boto3 client whose requests are answered here; no retries, so that an error is seen once.

        It signs as the operator, or with these `keys`.
        """
        return self._clients.client(self, service, region, keys)


class Clients:
    """boto3 clients are slow to make: each is made once, and answered by the cloud of the test that runs."""

    def __init__(self) -> None:
        self._cloud: Cloud | None = None
        self._made: dict[tuple[str, str, RoleCredentials | None], Any] = {}
        self._session = botocore.session.Session()

    def client(self, cloud: Cloud, service: str, region: str, keys: RoleCredentials | None) -> Any:
        self._cloud = cloud
        made = service, region, keys
        if made not in self._made:
            client = self._session.create_client(
                service,
                region_name=region,
                endpoint_url="http://127.0.0.1:4566",
                aws_access_key_id=keys.access_key_id if keys else OPERATOR.access_key_id,
                aws_secret_access_key=keys.secret_access_key if keys else OPERATOR.secret_access_key,
                aws_session_token=keys.session_token if keys else None,
                config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
            )
            client.meta.events.register("before-send", self._send)
            self._made[made] = client
        return self._made[made]

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        parts = urlsplit(request.url)
        body = request.body or b""
        if hasattr(body, "read"):
            body = body.read()
        headers = {"host": parts.netloc} | {
            name.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        assert self._cloud is not None
        response = self._cloud.answer(
            Request(
                method=request.method,
                path=parts.path or "/",
                query=parts.query,
                headers=headers,
                body=body.encode() if isinstance(body, str) else bytes(body),
            ),
            verified=True,
        )
        return AWSResponse(request.url, response.status, response.headers, Raw(response.body))


class Raw:
    """A response's body, as botocore takes it from urllib3."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._body

    def read(self, amount: int | None = None) -> bytes:
        taken, self._body = (self._body, b"") if amount is None else (self._body[:amount], self._body[amount:])
        return taken


@pytest.fixture(scope="session", autouse=True)
def schema_is_copied() -> Iterator[None]:
    """An empty state in memory gets a copy of the schema: its scripts take a hundredth of a second for each test."""
    template = connect(":memory:", Sealer.fresh())
    migrate = state_db.migrate

    def copied(state: sqlite3.Connection) -> None:
        (_, _, file) = state.execute("PRAGMA database_list").fetchone()
        if not file and not state.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            template.backup(state)
        migrate(state)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state_db, "migrate", copied)
        yield
    template.close()


@pytest.fixture(scope="session")
def clients() -> Clients:
    return Clients()


@pytest.fixture
def cloud(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    operations.load()
    made = Cloud(clients)

    def signing_time(remove_tzinfo: bool = True) -> datetime:
        """botocore cannot be handed a clock; it signs by the cloud's."""
        now = datetime.fromtimestamp(made.now, UTC)
        return now.replace(tzinfo=None) if remove_tzinfo else now

    monkeypatch.setattr("botocore.auth.get_current_datetime", signing_time)
    yield made
    made.db.close()


@pytest.fixture(scope="session")
def completed_moto() -> Iterator[None]:
    """moto with what it lacks, patched once in a process, however many rings ask for it."""
    from tests.aws.completed import complete  # moto takes a second to import

    with pytest.MonkeyPatch.context() as patch:
        complete(patch)
        yield


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """The base URL of the AWS API on a real socket, for clients that are programs."""
    operations.load()
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    store = Store(tmp_path / "state.db", Sealer.fresh())
    api = Api(region=REGION, endpoint=url, now=clock.now, new_id=clock.new_id)
    answer = answering(api, store, wake=lambda service: None)
    server = Server(application(answer), answer)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield url
    server.should_exit = True
    thread.join()
    listener.close()
    store.close()


class ByFileOrEngine(LoadScopeScheduling):
    """A file's tests share a worker, and what names docker shares one: there is one network for all clusters."""

    def _split_scope(self, nodeid: str) -> str:
        return "docker" if "docker" in nodeid else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return ByFileOrEngine(config, log)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Pass over what has no test of the ring that is asked for: else each worker reads all tests, for ten seconds."""
    return True if ring.is_elsewhere(collection_path, config.option.markexpr) else None


def pytest_collection_finish() -> None:
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where no Docker engine answers, its tests are skipped by name; CULM_REQUIRE_ENGINE lets them fail instead."""
    wanting = [item for item in items if item.get_closest_marker("docker")]
    if not wanting or os.environ.get("CULM_REQUIRE_ENGINE"):
        return
    problem = unavailable()
    for item in wanting if problem else ():
        item.add_marker(pytest.mark.skip(reason=str(problem)))
