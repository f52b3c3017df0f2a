"""HTTP/2 and gRPC through real listeners with TLS, to targets that speak HTTP/2; and their health checks."""

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.cluster.balancer.test_tls import a_pem, ask, nobody_decrypts, trusting
from tests.http2 import a_grpc_service, an_http2_target, http2, message
from tests.traffic import a_group, a_listener, a_rule, a_web, forward, free_port, on_path, target_of

from culm.cluster.balancer.haproxy.plane import HaproxyPlane
from culm.cluster.balancer.interface import Group, Outcome, Target, Tls
from culm.cluster.balancer.prober import Check, probe
from culm.core.decide.target_health import Answer
from culm.core.model.load_balancers import Matcher, RegisteredTarget, TargetGroup

ON_PATH = shutil.which("haproxy")
HOST = "a.example.com"
GRPC = {"content-type": "application/grpc", "te": "trailers"}
SAY = {":path": "/shop.Echo/Say", **GRPC}


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


def speaking(version: Any, port: int, name: str = "") -> Group:
    target = Target(address="127.0.0.1", port=port)
    return a_group(name or version.lower(), target, protocol_version=version)


async def test_each_protocol_reaches_the_targets_that_speak_it_and_the_others_are_464(plane: HaproxyPlane) -> None:
    """A table of the client's protocol by the target group's: what an application load balancer takes, and 464."""
    port, h2 = free_port(), trusting("h2")
    async with a_web() as web, an_http2_target(a_grpc_service) as grpc, an_http2_target(plain) as modern:
        groups = [speaking("HTTP1", web.port), speaking("HTTP2", modern), speaking("GRPC", grpc)]
        rules = (
            a_rule(1, on_path("/shop.Echo/*"), action=forward("grpc")),
            a_rule(2, on_path("/modern"), action=forward("http2")),
            a_rule(None, action=forward("http1")),
        )
        listener = a_listener(port, *rules, tls=Tls(certificates=(a_pem(HOST),)))
        assert await plane.apply([listener], groups) == Outcome()

        old = (await ask(port, HOST, trusting("http/1.1"))).text
        assert old.startswith("HTTP/1.1 200"), "HTTP/1.1 to HTTP1"
        answer, content = await http2(port, h2, HOST, {":path": "/"})
        assert (answer[":status"], web.name in content.decode()) == ("200", True), "h2 to HTTP1"
        answer, _ = await http2(port, h2, HOST, {":path": "/", **GRPC}, message(b"x"))
        assert answer[":status"] == "464", "gRPC to HTTP1"

        answer, content = await http2(port, h2, HOST, {":path": "/modern"})
        assert (answer[":status"], content) == ("200", b"https"), "h2 to HTTP2"
        assert (await ask(port, HOST, trusting("http/1.1"), "/modern")).text.startswith("HTTP/1.1 464")

        answer, content = await http2(port, h2, HOST, SAY, message(b"hello"))
        assert (answer["grpc-status"], content) == ("0", message(b"https hello")), "gRPC to GRPC, by its path"
        answer, _ = await http2(port, h2, HOST, {**SAY, ":path": "/shop.Echo/Nothing"}, message(b"x"))
        assert answer["grpc-status"] == "12", "the target's own trailers"
        answer, _ = await http2(port, h2, HOST, {":path": "/shop.Echo/Say"})
        assert answer[":status"] == "464", "a GET to GRPC"
        assert (await ask(port, HOST, trusting("http/1.1"), "/shop.Echo/Say")).text.startswith("HTTP/1.1 464")


def plain(fields: Any, body: bytes) -> tuple[Any, bytes, Any]:
    return [(":status", "200")], fields["x-forwarded-proto"].encode(), []


async def test_targets_that_speak_http_2_are_added_and_drained_without_a_reload(plane: HaproxyPlane) -> None:
    port, h2 = free_port(), trusting("h2")
    listener = a_listener(port, a_rule(None, action=forward("grpc")), tls=Tls(certificates=(a_pem(HOST),)))
    async with an_http2_target(a_grpc_service) as first, an_http2_target(a_grpc_service) as second:
        group = speaking("GRPC", first)
        await plane.apply([listener], [group])
        before = (plane.folder / "haproxy.cfg").read_text().splitlines()[2]
        [old] = group.targets
        new = replace(old, port=second)
        for targets in ((old, new), (replace(old, draining=True), new), (new,)):
            assert await plane.apply([listener], [replace(group, targets=targets)]) == Outcome()
            answer, _ = await http2(port, h2, HOST, SAY, message(b"x"))
            assert answer["grpc-status"] == "0"
        assert (plane.folder / "haproxy.cfg").read_text().splitlines()[2] == before


def a_check(port: int, **settings: Any) -> Check:
    group = TargetGroup(target_group_arn="g", target_group_name="g", port=port, **settings)
    target = RegisteredTarget(target_group_arn="g", id="127.0.0.1", port=port, registered_at=0.0)
    return Check(target=target, address="127.0.0.1", group=group)


async def test_health_checks_speak_what_the_group_speaks() -> None:
    path = {"health_check_path": "/AWS.ALB/healthcheck"}
    async with an_http2_target(a_grpc_service) as port:
        assert await probe(a_check(port, protocol_version="GRPC", **path)) == Answer(status=12)
        assert await probe(a_check(port, protocol_version="HTTP1")) == Answer(), "it is no HTTP/1.1"
    async with an_http2_target(lambda fields, body: ([(":status", "204")], b"", [])) as port:
        assert await probe(a_check(port, protocol_version="HTTP2")) == Answer(status=204)
        assert await probe(a_check(port, protocol_version="GRPC")) == Answer(), "it has no gRPC status"
    async with a_web() as web:
        assert await probe(a_check(web.port, protocol_version="HTTP2", matcher=Matcher())) == Answer()
    assert await probe(a_check(free_port(), protocol_version="GRPC")) == Answer(), "nobody is there"


def showing(tmp_path: Path, *protocols: str) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that nobody has to trust and for a name that nobody asks for."""
    certificate = tmp_path / "target.pem"
    certificate.write_text(a_pem("inside.example.com").pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(list(protocols))
    return context


async def test_targets_of_https_groups_are_spoken_to_and_checked_with_tls(tmp_path: Path) -> None:
    """By plain HTTP from the client; targets come at run time, too, and a group of the same name changes its kind."""
    port, plane = free_port(), HaproxyPlane(tmp_path / "lb")
    secure, modern = showing(tmp_path, "http/1.1"), showing(tmp_path, "h2")
    await plane.start()
    try:
        async with (
            a_web(tls=secure) as web,
            a_web(tls=secure) as later,
            a_web() as clear,
            httpx2.AsyncClient() as http,
        ):
            url = f"http://127.0.0.1:{port}/"
            listener = a_listener(port, a_rule(None, action=forward("web")))
            assert await plane.apply([listener], [a_group("web", web.target, tls=True)]) == Outcome()
            assert await target_of(http, url) == web.target.name
            assert await plane.apply([listener], [a_group("web", later.target, tls=True)]) == Outcome()
            assert await target_of(http, url) == later.target.name
            assert await plane.apply([listener], [a_group("web", clear.target)]) == Outcome()
            assert await target_of(http, url) == clear.target.name

            https = {"health_check_protocol": "HTTPS"}
            assert await probe(a_check(web.port, **https)) == Answer(status=200)
            assert (await probe(a_check(free_port(), **https))) == Answer(), "nobody is there"
            assert await probe(a_check(web.port, protocol="HTTPS")) == Answer(), "checks in the clear are the default"
        async with an_http2_target(a_grpc_service, tls=modern) as target:
            check = a_check(target, protocol_version="GRPC", health_check_path="/AWS.ALB/healthcheck", **https)
            assert await probe(check) == Answer(status=12)
    finally:
        await plane.stop()


async def test_a_grpc_client_calls_and_streams(plane: HaproxyPlane) -> None:
    """Google's own client and server, where they are installed."""
    grpc = pytest.importorskip("grpc", reason="grpcio is not installed: pip install grpcio")
    from grpc import aio

    def handler() -> Any:
        async def say(request: bytes, context: Any) -> bytes:
            return b"said " + request

        async def chat(requests: Any, context: Any) -> Any:
            async for each in requests:
                yield b"heard " + each

        methods = {
            "Say": grpc.unary_unary_rpc_method_handler(say),
            "Chat": grpc.stream_stream_rpc_method_handler(chat),
        }
        return grpc.method_handlers_generic_handler("shop.Echo", methods)

    from tests.certificates import an_authority

    server = aio.server()
    server.add_generic_rpc_handlers((handler(),))
    served = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    port = free_port()
    listener = a_listener(port, a_rule(None, action=forward("grpc")), tls=Tls(certificates=(a_pem(HOST),)))
    await plane.apply([listener], [speaking("GRPC", served)])
    credentials = grpc.ssl_channel_credentials(an_authority().body.encode())
    options = (("grpc.ssl_target_name_override", HOST),)
    try:
        async with asyncio.timeout(60), aio.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
            assert await channel.unary_unary("/shop.Echo/Say")(b"hello") == b"said hello"
            call = channel.stream_stream("/shop.Echo/Chat")()
            for number in range(3):
                await call.write(b"%d" % number)
                assert await call.read() == b"heard %d" % number, "while the stream is open"
            await call.done_writing()
            with pytest.raises(aio.AioRpcError) as failed:
                await channel.unary_unary("/shop.Echo/Nothing")(b"")
            assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED
            health = await probe(a_check(served, protocol_version="GRPC", health_check_path="/AWS.ALB/healthcheck"))
            assert health == Answer(status=12)
    finally:
        await server.stop(None)
