"""An engine is found as the docker command finds it, whoever asks: the builder or the cluster."""

import asyncio
import hashlib
import json
import socket
import time
from pathlib import Path

import pytest
from tests.engine.servers import make_certificates, on_port, on_socket, serving_context

from culm.engine import endpoint
from culm.engine.answers import NoEngine
from culm.engine.asynchronous import AsyncEngine
from culm.engine.client import Engine, unavailable
from culm.errors import RuntimeFailure


def make_context(home: Path, name: str, host: str, *, skip_verification: bool = False) -> Path:
    """A docker context as `docker context create` writes it; returns the folder of its TLS material."""
    identity = hashlib.sha256(name.encode()).hexdigest()
    meta = home / ".docker" / "contexts" / "meta" / identity
    meta.mkdir(parents=True)
    docker = {"Host": host, "SkipTLSVerify": skip_verification}
    described = {"Name": name, "Metadata": {}, "Endpoints": {"docker": docker}}
    (meta / "meta.json").write_text(json.dumps(described))
    return home / ".docker" / "contexts" / "tls" / identity / "docker"


def use_context(home: Path, name: str) -> None:
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker" / "config.json").write_text(json.dumps({"currentContext": name}))


async def both_reach(where: endpoint.Endpoint) -> None:
    assert await asyncio.to_thread(Engine(where).version) == "Docker 27.1"
    running = AsyncEngine(where)
    assert (await running.get("/version"))["Version"] == "27.1"
    await running.close()


@pytest.mark.parametrize(
    "path",
    [
        ".docker/run/docker.sock",
        ".docker/desktop/docker.sock",
        ".colima/default/docker.sock",
        ".config/colima/default/docker.sock",
        ".rd/docker.sock",
        ".orbstack/run/docker.sock",
        "run/docker.sock",
        "run/podman/podman.sock",
        ".local/share/containers/podman/machine/podman.sock",
    ],
)
async def test_an_engine_that_has_only_its_usual_socket_is_found(home: Path, path: str):
    with on_socket(home / path):
        assert endpoint.find().socket == str(home / path)
        await both_reach(endpoint.find())
        assert unavailable() is None


def test_a_socket_that_an_engine_left_behind_does_not_hide_one_that_answers(home: Path):
    left = home / ".docker" / "run" / "docker.sock"
    left.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left))
    with on_socket(home / ".colima" / "default" / "docker.sock"):
        assert endpoint.find().socket == str(home / ".colima" / "default" / "docker.sock")


def test_docker_host_comes_before_any_context(home: Path, monkeypatch: pytest.MonkeyPatch):
    make_context(home, "work", "unix:///work.sock")
    monkeypatch.setenv("DOCKER_CONTEXT", "work")
    monkeypatch.setenv("DOCKER_HOST", "unix:///named.sock")
    assert endpoint.find().socket == "/named.sock"


async def test_the_current_context_is_spoken_to(home: Path):
    with on_socket(home / "c.sock"):
        make_context(home, "colima", f"unix://{home}/c.sock")
        use_context(home, "colima")
        await both_reach(endpoint.find())
        assert endpoint.find().environment() == {"DOCKER_CONTEXT": "colima"}


def test_docker_context_comes_before_the_current_one(home: Path, monkeypatch: pytest.MonkeyPatch):
    make_context(home, "one", "unix:///one.sock")
    make_context(home, "two", "unix:///two.sock")
    use_context(home, "one")
    monkeypatch.setenv("DOCKER_CONTEXT", "two")
    assert endpoint.find().socket == "/two.sock"
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert endpoint.find().context is None


def test_docker_config_moves_the_folder(home: Path, monkeypatch: pytest.MonkeyPatch):
    make_context(home, "moved", "unix:///moved.sock")
    use_context(home, "moved")
    (home / ".docker").rename(home / "elsewhere")
    monkeypatch.setenv("DOCKER_CONFIG", str(home / "elsewhere"))
    assert endpoint.find().socket == "/moved.sock"


def test_a_context_that_does_not_exist_is_named(home: Path):
    use_context(home, "gone")
    with pytest.raises(
        NoEngine, match=r"config\.json names the docker context gone, which .* does not hold"
    ) as problem:
        endpoint.find()
    assert "docker context ls" in problem.value.hint
    assert unavailable() is not None


async def test_tls_of_the_environment_is_verified_both_ways(home: Path, monkeypatch: pytest.MonkeyPatch):
    folder = make_certificates(home / "certs")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(folder))
    with on_port(serving_context(folder)) as (_, port):
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
        await both_reach(endpoint.find())
        (folder / "ca.pem").write_bytes((make_certificates(home / "others") / "ca.pem").read_bytes())
        problem = await asyncio.to_thread(unavailable)
        assert problem is not None and "certificate verify failed" in problem.what.lower()
        running = AsyncEngine()
        with pytest.raises(RuntimeFailure, match=r"(?i)DockerTimeoutError: .*certificate.verify.failed"):
            await running.get("/version")
        await running.close()


async def test_tls_of_a_context_is_its_own(home: Path):
    folder = make_certificates(home / "certs")
    with on_port(serving_context(folder)) as (_, port):
        files = make_context(home, "remote", f"tcp://127.0.0.1:{port}")
        make_certificates(files.parent)
        folder.rename(files)
        use_context(home, "remote")
        await both_reach(endpoint.find())


async def test_a_context_may_ask_not_to_verify(home: Path):
    folder = make_certificates(home / "certs")
    with on_port(serving_context(folder)) as (_, port):
        files = make_context(home, "remote", f"tcp://127.0.0.1:{port}", skip_verification=True)
        files.mkdir(parents=True)
        for name in ("cert.pem", "key.pem"):
            (folder / name).rename(files / name)
        use_context(home, "remote")
        await both_reach(endpoint.find())


def test_tls_material_that_is_none_is_named(home: Path, monkeypatch: pytest.MonkeyPatch):
    (home / "certs").mkdir()
    (home / "certs" / "ca.pem").write_text("not a certificate")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(home / "certs"))
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    problem = unavailable()
    assert problem is not None and str(home / "certs" / "ca.pem") in problem.what


def test_ssh_is_refused_with_the_tunnel_that_does_the_same(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@build.example")
    problem = unavailable()
    assert problem is not None
    assert problem.what == "DOCKER_HOST is ssh://me@build.example: culm does not speak to an engine through ssh"
    assert "ssh -nNT -L /tmp/engine.sock:" in problem.hint and "me@build.example" in problem.hint


@pytest.mark.parametrize("address", ["npipe:////./pipe/docker_engine", "fd://", "ftp://x", "tcp://127.0.0.1:port"])
def test_an_address_of_no_use_is_named(home: Path, monkeypatch: pytest.MonkeyPatch, address: str):
    monkeypatch.setenv("DOCKER_HOST", address)
    problem = unavailable()
    assert problem is not None and problem.what.startswith(f"DOCKER_HOST is {address}") and problem.hint


@pytest.mark.parametrize(
    ("address", "host", "port", "prefix"),
    [
        ("tcp://10.0.0.5", "10.0.0.5", 2375, ""),
        ("10.0.0.5:99", "10.0.0.5", 99, ""),
        ("tcp://[::1]:2375", "::1", 2375, ""),
        ("https://engine.example", "engine.example", 2376, ""),
        ("tcp://proxy:80/engine/", "proxy", 80, "/engine"),
    ],
)
def test_addresses_are_read_as_docker_reads_them(address: str, host: str, port: int, prefix: str):
    found = endpoint.parse(address, None, "DOCKER_HOST")
    assert (found.host, found.port, found.prefix) == (host, port, prefix)


def test_no_engine_is_told_at_once_and_says_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch):
    for address in (f"unix://{home}/none.sock", "tcp://127.0.0.1:9"):
        monkeypatch.setenv("DOCKER_HOST", address)
        began = time.monotonic()
        problem = unavailable()
        assert time.monotonic() - began < 10, "sockets wait a minute"
        assert problem is not None and f"no container engine answers at {address}" in problem.what
        assert "--runtime process" in problem.hint


def test_an_engine_that_refuses_says_why(home: Path):
    with on_socket(home / ".docker" / "run" / "docker.sock") as engine:
        engine.answers["/version"] = (403, {"message": "not for you"})
        problem = unavailable()
    assert problem is not None and problem.what.endswith("refuses: not for you")


async def test_a_proxy_of_the_environment_has_no_part_in_it(home: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with on_port() as (_, port):
        await both_reach(endpoint.parse(f"tcp://127.0.0.1:{port}", None, "a test"))
