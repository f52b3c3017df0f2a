"""HTTPS listeners by real handshakes: with the distribution's HAProxy, and with Python before the wheel's."""

import asyncio
import hashlib
import json
import os
import shutil
import signal
import ssl
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.certificates import a_certificate, an_authority
from tests.traffic import a_group, a_listener, a_rule, a_web, eventually, forward, free_port, on_path, serving

from culm.cluster.balancer.haproxy import binary
from culm.cluster.balancer.haproxy.console import short_path
from culm.cluster.balancer.haproxy.plane import HaproxyPlane
from culm.cluster.balancer.haproxy.render import handover_socket
from culm.cluster.balancer.interface import Certificate, Outcome, Target, Tls
from culm.cluster.balancer.tls import library
from culm.cluster.balancer.tls.front import TlsFront
from culm.cluster.balancer.tls.relay import SOCKET
from culm.core.model.load_balancers import Action, RedirectConfig

ON_PATH = shutil.which("haproxy")


def a_pem(*names: str) -> Certificate:
    pair = a_certificate(*names)
    pem = "\n".join((pair.body, an_authority().body, pair.private_key))
    return Certificate(name=f"certificate-{hashlib.sha256(pem.encode()).hexdigest()[:16]}.pem", pem=pem)


def trusting(*protocols: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=an_authority().body)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


class Answered:
    """What came back over one connection."""

    def __init__(self, text: str, connection: ssl.SSLObject) -> None:
        self.text = text
        self.protocol = connection.selected_alpn_protocol()
        self.version = connection.version()
        certificate = connection.getpeercert() or {}
        self.names = [name for kind, name in certificate["subjectAltName"] if kind == "DNS"]


def nobody_decrypts() -> str | None:
    """Why neither culm's HAProxy nor this Python may terminate TLS."""
    return binary.tls_problem(binary.find()) and library.pythons_problem()


async def ask(port: int, host: str, context: ssl.SSLContext, path: str = "/") -> Answered:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    text = (await reader.read()).decode()
    answered = Answered(text, writer.get_extra_info("ssl_object"))
    writer.close()
    return answered


async def serves(port: int, name: str, context: ssl.SSLContext) -> bool:
    return (await ask(port, "x.example.com", context)).names == [name]


@pytest.fixture(params=["haproxy on PATH", "python before the wheel's haproxy"])
async def plane(tmp_path: Path, request: Any) -> AsyncIterator[HaproxyPlane]:
    distributions = request.param == "haproxy on PATH"
    if distributions and ON_PATH is None:
        pytest.skip("no haproxy on PATH")
    if not distributions and (why := nobody_decrypts()):
        pytest.skip(why)
    made = HaproxyPlane(tmp_path / "lb", executable=Path(ON_PATH) if distributions and ON_PATH else None)
    await made.start()
    yield made
    await made.stop()


async def test_a_listener_speaks_tls_and_tells_targets_so(plane: HaproxyPlane) -> None:
    port = free_port()
    async with a_web() as web:
        tls = Tls(certificates=(a_pem("a.example.com"), a_pem("*.b.example.com", "b.example.com")))
        listener = a_listener(port, a_rule(None, action=forward("web")), tls=tls)
        assert await plane.apply([listener], [a_group("web", web.target)]) == Outcome()
        one = await ask(port, "a.example.com", trusting("http/1.1"))
        assert one.text.startswith("HTTP/1.1 200")
        assert '["x-forwarded-proto", "https"]' in one.text.lower()
        assert (one.protocol, one.names) == ("http/1.1", ["a.example.com"])
        assert (await ask(port, "x.b.example.com", trusting())).names == ["*.b.example.com", "b.example.com"]
        unknown = trusting()
        unknown.check_hostname = False
        assert (await ask(port, "other.example.com", unknown)).names == ["a.example.com"]
    mode = {path.stat().st_mode & 0o777 for path in plane.folder.glob("*.pem")}
    assert mode == {0o600}


async def test_http_2_is_offered_and_old_versions_are_not_taken(plane: HaproxyPlane) -> None:
    port = free_port()
    tls = Tls(certificates=(a_pem("a.example.com"),), oldest="TLSv1.3", newest="TLSv1.3")
    await plane.apply([a_listener(port, tls=tls)], [])
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=trusting("h2", "http/1.1"), server_hostname="a.example.com"
    )
    connection = writer.get_extra_info("ssl_object")
    assert (connection.selected_alpn_protocol(), connection.version()) == ("h2", "TLSv1.3")
    writer.close()
    old = trusting()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionResetError)):  # asyncio hangs up without an alert
        await ask(port, "a.example.com", old)


async def test_http_2_is_offered_unless_it_is_turned_off(plane: HaproxyPlane) -> None:
    port = free_port()
    tls = Tls(certificates=(a_pem("a.example.com"),), http2=False)
    await plane.apply([a_listener(port, tls=tls)], [])
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=trusting("h2", "http/1.1"), server_hostname="a.example.com"
    )
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    writer.close()


async def test_http_is_redirected_to_https_and_back_to_itself_by_its_own_protocol(plane: HaproxyPlane) -> None:
    http, https = free_port(), free_port()
    up = RedirectConfig(protocol="HTTPS", port=str(https), status_code="HTTP_301")
    same = RedirectConfig(path="/new", query="", status_code="HTTP_302")
    tls = Tls(certificates=(a_pem("a.example.com"),))
    rule = a_rule(10, on_path("/old"), action=Action(type="redirect", redirect_config=same))
    redirecting = a_rule(None, action=Action(type="redirect", redirect_config=up))
    await plane.apply([a_listener(http, redirecting), a_listener(https, rule, tls=tls)], [])
    reader, writer = await asyncio.open_connection("127.0.0.1", http)
    writer.write(b"GET /x?y=1 HTTP/1.1\r\nHost: a.example.com\r\nConnection: close\r\n\r\n")
    assert f"location: https://a.example.com:{https}/x?y=1" in (await reader.read()).decode().lower()
    writer.close()
    answered = await ask(https, "a.example.com", trusting(), "/old")
    assert f"location: https://a.example.com:{https}/new\r\n" in answered.text.lower()


async def test_a_changed_certificate_is_served_without_a_lost_request(plane: HaproxyPlane) -> None:
    port = free_port()
    async with a_web() as web:
        rule, groups = a_rule(None, action=forward("web")), [a_group("web", web.target)]
        names = [f"{letter}.example.com" for letter in "abc"]
        context = trusting()
        context.check_hostname = False
        stopped = asyncio.Event()
        statuses: list[str] = []

        async def go_on() -> None:
            while not stopped.is_set():
                statuses.append((await ask(port, "x.example.com", context)).text.partition("\r\n")[0])

        await plane.apply([a_listener(port, rule, tls=Tls(certificates=(a_pem(names[0]),)))], groups)
        client = asyncio.create_task(go_on())
        for name in names[1:]:
            await plane.apply([a_listener(port, rule, tls=Tls(certificates=(a_pem(name),)))], groups)
            await eventually(partial(serves, port, name, context))
        stopped.set()
        await client
    assert set(statuses) == {"HTTP/1.1 200 Said"}
    assert len(list(plane.folder.glob("*.pem"))) == 1


async def test_libraries_that_nobody_looks_after_terminate_no_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where neither HAProxy's nor Python's gets fixes, plain listeners are served; the others are left out and told."""
    bundled = binary.find()
    if binary.tls_problem(bundled) is None:
        pytest.skip("this HAProxy may terminate TLS")
    monkeypatch.setattr(library, "pythons_problem", lambda: "OpenSSL 1.1.1 inside of this Python is old")
    plane = HaproxyPlane(tmp_path / "lb", executable=bundled)
    await plane.start()
    plain, secure = free_port(), free_port()
    tls = Tls(certificates=(a_pem("a.example.com"),))
    outcome = await plane.apply([a_listener(plain), a_listener(secure, tls=tls)], [])
    await plane.stop()
    assert set(outcome.ports) == {secure}
    assert "gets no security fixes any more, so it does not terminate TLS" in outcome.ports[secure]
    assert "CULM_HAPROXY=" in outcome.ports[secure]
    assert "inside of this Python" in outcome.ports[secure]


@pytest.mark.parametrize(
    ("version", "mapped", "mended"),
    [
        ((3, 6, 0), "", True),
        ((3, 0, 19), "7f0-7f1 r-xp 00 08:01 12 /usr/lib/x86_64-linux-gnu/libssl.so.3", True),
        ((3, 0, 15), "7f0-7f1 r-xp 00 08:01 12 /home/x/.venv/lib/python3.11/ssl.libs/libssl-6f.so.3", False),
        ((1, 1, 1), "", False),
    ],
)
def test_pythons_library_is_the_distributions_or_of_a_branch_that_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], mapped: str, mended: bool
) -> None:
    (tmp_path / "maps").write_text(mapped)
    monkeypatch.setattr(ssl, "OPENSSL_VERSION_INFO", version)
    assert (library.pythons_problem(tmp_path / "maps") is None) is mended


async def test_the_relay_outlives_the_daemon_gives_a_port_back_and_comes_again_when_it_dies(tmp_path: Path) -> None:
    if binary.tls_problem(binary.find()) is None:
        pytest.skip("this HAProxy terminates TLS itself")
    if why := nobody_decrypts():
        pytest.skip(why)
    port, tls = free_port(), Tls(certificates=(a_pem("a.example.com"),))
    front = TlsFront(tmp_path / "lb", lambda port: ["127.0.0.1"], handover_socket)
    async with a_web() as web:
        groups, rule = [a_group("web", web.target)], a_rule(None, action=forward("web"))
        for _ in range(2):  # the second is the next daemon's
            plane = HaproxyPlane(tmp_path / "lb")
            await plane.start()
            assert await plane.apply([a_listener(port, rule, tls=tls)], groups) == Outcome()
        assert (await ask(port, "a.example.com", trusting())).text.startswith("HTTP/1.1 200")
        assert await front.keep([a_listener(port)]) == {port}

        assert await plane.apply([a_listener(port, rule)], groups) == Outcome(), "now it is plain"
        async with httpx2.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 200
        assert not await front.keep([])

        assert await plane.apply([a_listener(port, rule, tls=tls)], groups) == Outcome(), "and TLS again"
        await kill_relay(tmp_path / "lb")
        assert await plane.apply([a_listener(port, rule, tls=tls)], groups) == Outcome()
        assert (await ask(port, "a.example.com", trusting())).text.startswith("HTTP/1.1 200")
        await plane.stop()
    assert not await front.keep([])


async def kill_relay(folder: Path) -> None:
    with short_path(folder / SOCKET) as path:
        reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"{}\n")
    pid = json.loads(await reader.readline())["pid"]
    os.kill(pid, signal.SIGKILL)
    assert await reader.read() == b"", "it has ended"
    writer.close()


async def test_a_large_body_passes_the_relay_whole_both_ways(plane: HaproxyPlane) -> None:
    port, body = free_port(), bytes(range(256)) * 4096 * 4  # 4 MB: more than any buffer on its way

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        got = await reader.readexactly(len(body))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(got) + got)
        await writer.drain()

    async with serving(answer) as served:
        tls = Tls(certificates=(a_pem("a.example.com"),))
        target = Target(address="127.0.0.1", port=served)
        await plane.apply([a_listener(port, a_rule(None, action=forward("web")), tls=tls)], [a_group("web", target)])
        async with httpx2.AsyncClient(verify=trusting()) as client:
            said = await client.post(
                f"https://127.0.0.1:{port}/",
                content=body,
                headers={"Host": "a.example.com"},
                extensions={"sni_hostname": "a.example.com"},
            )
    assert said.content == body


def test_the_distributions_library_is_looked_after() -> None:
    if ON_PATH is None:
        pytest.skip("no haproxy on PATH")
    assert binary.tls_problem(Path(ON_PATH)) is None


def test_a_private_key_is_in_no_description() -> None:
    assert "PRIVATE" not in repr(Tls(certificates=(a_pem("a.example.com"),)))
