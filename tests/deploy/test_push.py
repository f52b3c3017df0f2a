"""Pushes that break off: to a small registry, and by a small engine, on real sockets, which fail as they are told."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.engine.servers import on_port

from culm.deploy import push as pushing
from culm.deploy.build.docker import PUSH_PAUSES, DockerBuilder
from culm.deploy.build.oci import OciImage
from culm.deploy.build.port import PushDestination
from culm.deploy.push import PIECE, push
from culm.engine.answers import Refused
from culm.engine.client import Engine
from culm.engine.endpoint import parse
from culm.errors import CulmError

SMALL, LARGE = b"small", b"x" * (2 * PIECE + 1)


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


IMAGE = OciImage(blobs={digest(each): each for each in (SMALL, LARGE)}, manifest=b"{}")


class Registry:
    """What has arrived, and how uploads go: `hang-up`, `silence` or a status, one after the other; then all is well."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: list[str] = []
        self.uploads: list[str] = []
        """The digest of each that was begun, in order."""
        self.failures: list[str | int] = []
        self.over = threading.Event()


def handler(registry: Registry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(200 if self.path.rpartition("/")[2] in registry.blobs else 404)

        def do_POST(self) -> None:
            self.answer(202, Location="/v2/web/blobs/uploads/1")

        def do_PUT(self) -> None:
            if "/manifests/" in self.path:
                self.rfile.read(int(self.headers["Content-Length"]))
                registry.manifests.append(self.path)
                return self.answer(201)
            name = self.path.rpartition("digest=")[2].replace("%3A", ":")
            registry.uploads.append(name)
            failure = registry.failures.pop(0) if name == digest(LARGE) and registry.failures else None
            if failure == "hang-up":
                self.rfile.read(PIECE)
                self.close_connection = True
                return self.connection.close()
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if failure == "silence":
                registry.over.wait(30)
                self.close_connection = True
            elif failure is not None:
                self.answer(int(failure))
            else:
                registry.blobs[digest(data)] = data
                self.answer(201)
            return None

        def answer(self, status: int, **headers: str) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nobody reads it."""

    return Handler


class Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that is broken off is what is tested."""


@pytest.fixture
def registry() -> Iterator[tuple[Registry, PushDestination]]:
    told = Registry()
    server = Server(("127.0.0.1", 0), handler(told))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    where = f"127.0.0.1:{server.server_port}/web"
    yield told, PushDestination(repository=where, tag="one", user="AWS", password="secret", insecure=True)
    told.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


class Listener:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.progress: list[str] = []
        self.pauses: list[float] = []

    def push(self, place: PushDestination) -> None:
        push(IMAGE, place, self.said.append, self.progress.append, self.pauses.append)


@pytest.mark.parametrize("failure", ["hang-up", 503, 429])
def test_a_push_that_breaks_off_goes_on_with_what_has_not_arrived(
    registry: tuple[Registry, PushDestination], failure: str | int
) -> None:
    told, place = registry
    told.failures = [failure, failure]
    listener = Listener()
    listener.push(place)
    assert told.blobs == dict(IMAGE.blobs)
    assert told.manifests == ["/v2/web/manifests/one"]
    assert told.uploads == [digest(SMALL), *[digest(LARGE)] * 3], "what has arrived is not sent again"
    broken = f"the push of {place.repository} broke off: "
    assert [line.startswith(broken) for line in listener.said] == [True, True, False]
    assert [line.rpartition("; ")[2] for line in listener.said[:2]] == ["attempt 2 of 4", "attempt 3 of 4"]
    assert listener.said[2].startswith(f"pushed {place.repository} (")
    assert listener.pauses == [1.0, 3.0]
    assert [line for line in listener.progress if line.endswith("of 2 MiB")] == listener.progress
    assert {"pushing 0 of 2 MiB", "pushing 1 of 2 MiB", "pushing 2 of 2 MiB"} <= set(listener.progress)


def test_a_registry_that_falls_silent_is_given_up_with_how_long_it_was(
    registry: tuple[Registry, PushDestination], monkeypatch: pytest.MonkeyPatch
) -> None:
    told, place = registry
    told.failures = ["silence"] * 4
    monkeypatch.setattr(pushing, "SILENT_SECONDS", 0.05)
    listener = Listener()
    with pytest.raises(CulmError, match=r"cannot push to .*/web: nothing moved for 0\.05 s") as failure:
        listener.push(place)
    assert failure.value.hint == "does the cluster run? culm cluster status"
    assert len(listener.said) == 3


def test_a_refusal_is_not_tried_again_and_a_full_disk_is_asked_after(
    registry: tuple[Registry, PushDestination],
) -> None:
    told, place = registry
    told.failures = [403]
    listener = Listener()
    with pytest.raises(CulmError, match="with status 403"):
        listener.push(place)
    assert listener.said == []
    told.failures = [500] * 4
    with pytest.raises(CulmError, match="with status 500") as failure:
        listener.push(place)
    assert failure.value.hint == "is its disk full?"


def layer(current: int, total: int) -> dict[str, Any]:
    return {"id": "0a1b", "status": "Pushing", "progressDetail": {"current": current * PIECE, "total": total * PIECE}}


PUSHED = [layer(7, 7), {"progressDetail": {}, "aux": {"Tag": "one", "Digest": "sha256:0"}}]
TO = PushDestination(repository="1.dkr.ecr.example/web", tag="one", user="AWS", password="secret", insecure=False)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ([layer(1, 7), {}], "the engine hung up: "),
        ([layer(1, 7), {"error": "Put https://1.dkr.ecr.example/v2/: net/http: TLS handshake timeout"}], "TLS hands"),
    ],
)
def test_a_push_by_the_engine_that_breaks_off_is_begun_again(broken: list[dict[str, Any]], reason: str) -> None:
    listener = Listener()
    with on_port() as (engine, port):
        engine.streams["/images/1.dkr.ecr.example/web/push"] = [broken, PUSHED]
        builder = DockerBuilder(Engine(parse(f"tcp://127.0.0.1:{port}", None, "a test")))
        digest = builder.push(TO, listener.said.append, listener.progress.append, listener.pauses.append)
    assert digest == "sha256:0"
    [said] = listener.said
    assert said.startswith(f"the push of {TO.repository} broke off: ") and reason in said
    assert said.endswith("; attempt 2 of 3")
    assert listener.progress == ["pushing 1 of 7 MiB", "pushing 7 of 7 MiB"]
    assert listener.pauses == [PUSH_PAUSES[0]]


def test_a_push_that_the_registry_refuses_by_the_engine_is_told_at_once() -> None:
    listener = Listener()
    with on_port() as (engine, port):
        engine.streams["/images/1.dkr.ecr.example/web/push"] = [[{"error": "no basic auth credentials"}]]
        builder = DockerBuilder(Engine(parse(f"tcp://127.0.0.1:{port}", None, "a test")))
        with pytest.raises(Refused, match="no basic auth credentials"):
            builder.push(TO, listener.said.append, listener.progress.append, listener.pauses.append)
    assert listener.said == listener.pauses == []
