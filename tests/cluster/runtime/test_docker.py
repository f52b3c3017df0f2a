"""The Docker runtime without an engine, or with one that goes away: a small server on a socket stands in for it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from culm.cluster.instance.runtime.docker.orders import creation, snapshot_of, usage
from culm.cluster.instance.runtime.docker.runtime import DockerRuntime
from culm.cluster.instance.runtime.interface import Mount, Port, Probe, Spec
from culm.engine.answers import Refused
from culm.engine.asynchronous import AsyncEngine
from culm.errors import RuntimeFailure

SPEC = Spec(name="one", image="r.test/app@sha256:1", address="127.77.0.11", environment={}, labels={"task": "t"})


class Stub:
    """Answers each path with what is in `answers`; `/events` stays open until `hang_up`."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.answers: dict[str, tuple[int, object]] = {"/_ping": (200, "OK"), "/containers/json": (200, [])}
        self.asked: list[str] = []
        self.listening = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._answer, str(self.socket))

    async def hang_up(self) -> None:
        self._server.close()
        self.listening.clear()
        for writer in self._writers:
            writer.close()
        self.socket.unlink(missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        path = (await reader.readline()).split()[1].decode().partition("?")[0]
        self.asked.append(path)
        while await reader.readline() not in (b"\r\n", b""):
            pass
        if path == "/events":
            event = json.dumps({"Actor": {"Attributes": {"name": "told"}}}).encode() + b"\n"
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(event), event))
            self.listening.set()
            await writer.drain()
            return
        status, answer = self.answers.get(path, (404, {"message": f"no such thing: {path}"}))
        body = json.dumps(answer).encode()
        head = [
            f"HTTP/1.1 {status} X",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stub]:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/engine.sock")
    stub = Stub(tmp_path / "engine.sock")
    await stub.start()
    yield stub
    await stub.hang_up()


@pytest.fixture
async def runtime(stub: Stub) -> AsyncIterator[DockerRuntime]:
    runtime = DockerRuntime("here")
    yield runtime
    await runtime.close()


async def test_an_engine_that_went_away_is_a_failure_by_name(stub: Stub, runtime: DockerRuntime):
    assert await runtime.list() == []
    await stub.hang_up()
    name = SPEC.name
    for call in (runtime.list(), runtime.start(SPEC), runtime.stop(name, 1), runtime.remove(name), runtime.stats(name)):
        with pytest.raises(RuntimeFailure, match="DockerTimeoutError: no container engine answers"):
            await call


async def test_changes_are_heard_again_when_the_engine_is_back(stub: Stub, runtime: DockerRuntime):
    changes = runtime.changes()
    async with asyncio.timeout(10):
        assert await anext(changes) == "told"
        await stub.hang_up()
        waiting = asyncio.ensure_future(anext(changes))
        await stub.start()
        assert await waiting == "told"
    await changes.aclose()  # type: ignore[attr-defined]


async def test_a_name_that_another_container_has_is_a_failure_by_name(stub: Stub, runtime: DockerRuntime):
    stub.answers["/images/r.test/app@sha256:1/json"] = (200, {})
    stub.answers["/networks/create"] = (409, {"message": "network with name culm already exists"})
    stub.answers["/containers/create"] = (409, {"message": 'the name "/one" is already in use'})
    with pytest.raises(RuntimeFailure, match=r"CannotCreateContainerError: the name .* is already in use"):
        await runtime.start(SPEC)


async def test_a_network_that_somebody_removed_is_made_anew(stub: Stub, runtime: DockerRuntime):
    """As `docker network prune` does, or another cluster that stops."""
    stub.answers["/images/r.test/app@sha256:1/json"] = (200, {})
    stub.answers["/networks/create"] = stub.answers["/containers/create"] = (201, {})
    stub.answers["/containers/one/start"] = (404, {"message": "network culm not found"})
    with pytest.raises(RuntimeFailure, match="network culm not found"):
        await runtime.start(SPEC)
    assert stub.asked.count("/networks/create") == 2
    assert stub.asked.count("/containers/one/start") == 2
    stub.asked.clear()
    stub.answers["/containers/one/start"] = (404, {"message": "no such container"})
    with pytest.raises(RuntimeFailure, match="no such container"):
        await runtime.start(SPEC)
    assert stub.asked.count("/containers/one/start") == 1


async def test_a_full_disk_is_named_first(stub: Stub, runtime: DockerRuntime):
    stub.answers["/images/create"] = (500, {"message": "write /var/x: no space left on device"})
    with pytest.raises(RuntimeFailure, match=r"CannotPullContainerError: .*: no space left on device; free some"):
        await runtime.start(SPEC)


async def test_an_answer_that_says_no_carries_its_reason(stub: Stub):
    engine = AsyncEngine()
    with pytest.raises(Refused, match="no such thing: /nowhere"):
        await engine.get("/nowhere")
    await engine.close()


def test_memory_is_a_hard_limit_in_bytes_and_cpu_a_share():
    host_config = creation(replace(SPEC, memory=256, cpu=128), "here", "culm", None)["HostConfig"]
    assert (host_config["Memory"], host_config["MemorySwap"], host_config["CpuShares"]) == (268435456, 268435456, 128)
    without = creation(SPEC, "here", "culm", None)["HostConfig"]
    assert "Memory" not in without and without["CpuShares"] == 0


def test_what_the_task_does_not_say_the_image_says():
    body = creation(SPEC, "here", "culm", "sha256:1")
    assert not body.keys() & {"Entrypoint", "Cmd", "WorkingDir", "User"}
    assert body["Healthcheck"] == {"Test": ["NONE"]}
    assert body["Labels"] == {"task": "t", "culm.home": "here", "culm.image-digest": "sha256:1"}
    said = creation(replace(SPEC, entry_point=(), command=("x",), user="7"), "here", "culm", None)
    assert (said["Entrypoint"], said["Cmd"], said["User"]) == ([], ["x"], "7")


def test_ports_probes_and_mounts_are_the_engines():
    ports = (Port(container_port=8080), Port(container_port=53, host_port=5353, protocol="udp"))
    probe = Probe(command=("CMD-SHELL", "true"), interval=5, timeout=2, retries=1, start_period=3)
    mounts = (Mount(source="/a", container_path="/b", read_only=True),)
    body = creation(replace(SPEC, ports=ports, probe=probe, mounts=mounts), "here", "culm", None)
    assert body["HostConfig"]["PortBindings"] == {
        "8080/tcp": [{"HostIp": "127.77.0.11", "HostPort": ""}],
        "53/udp": [{"HostIp": "127.77.0.11", "HostPort": "5353"}],
    }
    assert body["Healthcheck"]["Interval"] == 5_000_000_000 and body["Healthcheck"]["StartPeriod"] == 3_000_000_000
    assert body["HostConfig"]["Mounts"][0] == {"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": True}


def test_a_container_that_the_kernel_killed_was_out_of_memory():
    state = {
        "Status": "exited",
        "ExitCode": 137,
        "OOMKilled": True,
        "StartedAt": "2026-11-23T12:00:00.123456789Z",
        "FinishedAt": "2026-11-23T12:00:01Z",
    }
    config = {"Labels": {"culm.home": "here", "culm.image-digest": "sha256:1", "task": "t"}}
    bindings = {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    told = {"Name": "/one", "Id": "f00", "State": state, "Config": config, "HostConfig": {"PortBindings": bindings}}
    container = snapshot_of(told)
    assert (container.name, container.state, container.exit_code, container.out_of_memory) == (
        "one",
        "stopped",
        137,
        True,
    )
    assert (container.image_digest, container.labels) == ("sha256:1", {"task": "t"})
    assert container.started_at is not None and container.stopped_at is not None
    assert 0.8 < container.stopped_at - container.started_at < 0.9


def test_usage_leaves_idle_file_pages_out_and_remembers_the_peak():
    mebibyte = 1024 * 1024
    cpu = {"cpu_usage": {"total_usage": 1_500_000_000}}
    version_2 = {"usage": 50 * mebibyte, "stats": {"inactive_file": 10 * mebibyte}}
    told = usage({"memory_stats": version_2, "cpu_stats": cpu}, peak=60.0)
    assert told is not None and (told.memory, told.memory_peak, told.cpu_seconds) == (40.0, 60.0, 1.5)
    version_1 = {"usage": 50 * mebibyte, "max_usage": 70 * mebibyte, "stats": {"total_inactive_file": 0}}
    told = usage({"memory_stats": version_1, "cpu_stats": cpu}, peak=60.0)
    assert told is not None and (told.memory, told.memory_peak) == (50.0, 70.0)
    assert usage({"memory_stats": {}, "cpu_stats": cpu}, peak=0.0) is None


def test_a_container_sees_the_hosts_processes_where_its_task_asks_for_it():
    assert creation(SPEC, "c", "culm", None)["HostConfig"]["PidMode"] == ""
    seeing = creation(replace(SPEC, host_processes=True), "c", "culm", None)
    assert seeing["HostConfig"]["PidMode"] == "host"


def test_one_container_of_a_task_publishes_the_ports_of_all_and_the_others_join_its_network():
    web, api = Port(container_port=80, host_port=80), Port(container_port=9000, host_port=9000)
    holder = creation(replace(SPEC, ports=(web,), peers=(api,), network_of="one"), "c", "culm", None)
    assert holder["HostConfig"]["NetworkMode"] == "culm"
    assert holder["HostConfig"]["PortBindings"].keys() == holder["ExposedPorts"].keys() == {"80/tcp", "9000/tcp"}
    given = replace(SPEC, name="two", ports=(api,), peers=(web,), network_of="one", hosts={"db": "127.0.0.1"})
    joins = creation(replace(given, hostname="two"), "c", "culm", None)
    assert joins["HostConfig"]["NetworkMode"] == "container:one"
    assert (
        not joins["HostConfig"]["PortBindings"] and not joins["ExposedPorts"] and not joins["HostConfig"]["ExtraHosts"]
    )
    assert "Hostname" not in joins
