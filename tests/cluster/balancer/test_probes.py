"""What an application load balancer does, as a table of probes that each protocol of clients has to pass.

The rules are one list for an HTTP and an HTTPS listener; TLS is HAProxy's own or Python's, by what this machine has.
"""

import asyncio
import json
import re
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.balancer.test_tls import a_pem, nobody_decrypts, trusting
from tests.http2 import http2, message
from tests.traffic import a_group, a_listener, a_rule, a_web, eventually, forward, free_port, on_path

from culm.cluster.balancer.haproxy.console import short_path
from culm.cluster.balancer.haproxy.plane import HaproxyPlane
from culm.cluster.balancer.haproxy.render import handover_socket
from culm.cluster.balancer.interface import Outcome, Tls
from culm.core.model.load_balancers import (
    Action,
    Condition,
    FixedResponseConfig,
    HttpHeaderConfig,
    PatternConfig,
    QueryString,
    QueryStringConfig,
    RedirectConfig,
    Rule,
    ValuesConfig,
)

HOST = "shop.example.com"
TRACE = "1-67891233-abcdef012345678912345678"
GRPC = {":method": "POST", "content-type": "application/grpc", "te": "trailers"}
OWN_PAGE = {"server": "awselb/2.0", "content-type": "text/html"}


def fixed(status: int, body: str = "") -> Action:
    config = FixedResponseConfig(status_code=str(status), message_body=body, content_type="text/plain")
    return Action(type="fixed-response", fixed_response_config=config)


def rules() -> tuple[Rule, ...]:
    away = RedirectConfig(protocol="HTTPS", port="443", path="/new/#{path}", status_code="HTTP_301")
    header = HttpHeaderConfig(http_header_name="X-Kind", values=("a*",))
    query = QueryStringConfig(values=(QueryString(key="v", value="2"),))
    v6 = ValuesConfig(values=("2001:db8::/32",))
    return (
        a_rule(1, on_path("/old"), action=Action(type="redirect", redirect_config=away)),
        a_rule(2, on_path("/fixed"), action=fixed(418, "short and stout")),
        a_rule(3, on_path("/empty"), action=forward("empty")),
        a_rule(4, on_path("/closes"), action=forward("web")),
        a_rule(5, on_path("/held"), action=forward("impatient")),
        a_rule(6, on_path("/refused"), action=forward("refused")),
        a_rule(
            7,
            Condition(field="host-header", host_header_config=PatternConfig(values=("*.API.example.com",))),
            action=fixed(201),
        ),
        a_rule(8, Condition(field="http-header", http_header_config=header), action=fixed(202)),
        a_rule(9, Condition(field="query-string", query_string_config=query), action=fixed(203)),
        a_rule(
            10,
            Condition(field="http-request-method", http_request_method_config=ValuesConfig(values=("PUT",))),
            action=fixed(205),
        ),
        a_rule(11, Condition(field="source-ip", source_ip_config=v6), action=fixed(206)),
        a_rule(12, on_path("/both/?"), Condition(field="http-header", http_header_config=header), action=fixed(207)),
        a_rule(13, on_path("/empty-grpc"), action=forward("empty-grpc")),
        a_rule(None, action=forward("web")),
    )


Probe = tuple[dict[str, str], dict[str, Any]]
"""Fields of the request, and what its answer has; `sees`: what the target sees, as regular expressions."""
PROBES: dict[str, Probe] = {
    "default rule": ({}, {"status": 200, "sees": {"x-forwarded-for": r"127\.0\.0\.1"}}),
    "trace begun": ({}, {"status": 200, "sees": {"x-amzn-trace-id": r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}"}}),
    "trace gone on with": (
        {"x-amzn-trace-id": f"Root={TRACE}"},
        {"status": 200, "sees": {"x-amzn-trace-id": rf"Self=1-[0-9a-f]{{8}}-[0-9a-f]{{24}};Root={TRACE}"}},
    ),
    "forwarded appended": (
        {"x-forwarded-for": "10.1.2.3"},
        {"status": 200, "sees": {"x-forwarded-for": r"10\.1\.2\.3, 127\.0\.0\.1"}},
    ),
    "forged protocol": ({"x-forwarded-proto": "ftp"}, {"status": 200, "sees": {"x-forwarded-proto": "{scheme}"}}),
    "port": ({}, {"status": 200, "sees": {"x-forwarded-port": "{port}"}}),
    "redirect": ({":path": "/old?a=1"}, {"status": 301, "location": f"https://{HOST}:443/new/old?a=1"}),
    "fixed response": ({":path": "/fixed"}, {"status": 418, "body": "short and stout", "content-type": "text/plain"}),
    "paths are case-sensitive": ({":path": "/FIXED"}, {"status": 200}),
    "no target": ({":path": "/empty"}, {"status": 503, **OWN_PAGE}),
    "target hangs up": ({":path": "/closes"}, {"status": 502, **OWN_PAGE}),
    "target refuses": ({":path": "/refused"}, {"status": 502, **OWN_PAGE}),
    "target is silent": ({":path": "/held"}, {"status": 504, **OWN_PAGE}),
    "host, any case": ({":authority": "V1.api.example.com"}, {"status": 201}),
    "header": ({"x-kind": "Abc"}, {"status": 202}),
    "header, another value": ({"x-kind": "bc"}, {"status": 200}),
    "query string": ({":path": "/x?u=1&V=2"}, {"status": 203}),
    "method": ({":method": "PUT"}, {"status": 205}),
    "the lower number first": ({":path": "/both/x", "x-kind": "a"}, {"status": 202}),
}


async def http1(port: int, context: ssl.SSLContext | None, fields: Mapping[str, str]) -> dict[str, Any]:
    names = {"server_hostname": HOST} if context else {}
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, **names)
    lines = [f"{name}: {value}" for name, value in fields.items() if not name.startswith(":")]
    first = f"{fields[':method']} {fields[':path']} HTTP/1.1"
    head = "\r\n".join([first, f"Host: {fields[':authority']}", "Connection: close", *lines, "", ""])
    writer.write(head.encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    first, *lines = head.split("\r\n")
    return {**{k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}, **answer(first.split()[1], body)}


def answer(status: str, body: str) -> dict[str, Any]:
    return {"status": int(status), "body": body}


async def ask(protocol: str, ports: Mapping[str, int], probe: Mapping[str, str]) -> dict[str, Any]:
    fields = {":method": "GET", ":path": "/", ":authority": HOST, **probe}
    if protocol in ("HTTP/1.1", "HTTPS"):
        secure = protocol == "HTTPS"
        context = trusting("http/1.1") if secure else None
        return await http1(ports["https" if secure else "http"], context, fields)
    if protocol == "gRPC":
        got, body = await http2(ports["https"], trusting("h2"), HOST, {**fields, **GRPC}, message(b"x"))
    else:
        got, body = await http2(ports["https"], trusting("h2"), HOST, fields)
    return {**got, **answer(got.get(":status", "0"), body.decode(errors="replace"))}


def mistakes(expected: Mapping[str, Any], got: Mapping[str, Any], scheme: str, port: int) -> dict[str, Any]:
    wrong = {k: (v, got.get(k)) for k, v in expected.items() if k != "sees" and got.get(k) != v}
    if "sees" in expected and not wrong:
        headers = dict(json.loads(got["body"])["headers"])
        for name, pattern in expected["sees"].items():
            pattern = pattern.replace("{scheme}", scheme).replace("{port}", str(port))
            if not re.fullmatch(pattern, headers.get(name, "")):
                wrong[name] = (pattern, headers.get(name))
    return wrong


async def test_every_protocol_of_clients_passes_the_table(tmp_path: Path) -> None:
    if why := nobody_decrypts():
        pytest.skip(why)
    plane = HaproxyPlane(tmp_path / "lb")
    await plane.start()
    ports = {"http": free_port(), "https": free_port()}
    tls = Tls(certificates=(a_pem(HOST, "*.example.com"),))
    wrong: dict[tuple[str, str], Any] = {}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(plane.stop)
        web = await stack.enter_async_context(a_web())
        gone = web.target.__class__(address="127.0.0.1", port=free_port())
        groups = [
            a_group("web", web.target),
            a_group("impatient", web.target, idle_timeout_seconds=1),
            a_group("refused", gone),
            a_group("empty"),
            a_group("empty-grpc", protocol_version="GRPC"),
        ]
        strict = replace(a_listener(ports["http"], *rules()), drops_invalid_headers=True)
        listeners = [strict, a_listener(ports["https"], *rules(), tls=tls)]
        assert await plane.apply(listeners, groups) == Outcome()
        for protocol, scheme in (("HTTP/1.1", "http"), ("HTTPS", "https"), ("h2", "https")):
            answers = await asyncio.gather(*(ask(protocol, ports, fields) for fields, _ in PROBES.values()))
            for (name, (_, expected)), got in zip(PROBES.items(), answers, strict=True):
                if (protocol, name) == ("h2", "target hangs up"):
                    expected = {"status": 0}  # HAProxy resets the stream, as docs/guide/limits.md says
                if found := mistakes(expected, got, scheme, ports[scheme]):
                    wrong[protocol, name] = found
        for path, status in (("/old", 301), ("/fixed", 418), ("/empty-grpc", 503), ("/", 464), ("/FIXED", 464)):
            if (got := await ask("gRPC", ports, {":path": path}))["status"] != status:
                wrong["gRPC", path] = (status, got["status"])
        for protocol, dropped in (("HTTP/1.1", True), ("HTTPS", False)):
            got = await ask(protocol, ports, {"x_odd": "1", "x-plain-2": "1"})
            sees = dict(json.loads(got["body"])["headers"])
            if ("x_odd" in sees) is dropped or "x-plain-2" not in sees:
                wrong[protocol, "header with an underscore"] = sees
        if (got := await from_ipv6(plane.folder, ports["http"]))[9:12] != b"206":
            wrong["HTTP/1.1", "source-ip of IPv6"] = got
    assert wrong == {}


async def from_ipv6(folder: Path, port: int) -> bytes:
    """The answer to a client whose address, by the PROXY protocol, is of IPv6."""
    with short_path(folder / handover_socket(port)) as path:
        reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"PROXY TCP6 2001:db8::7 ::1 40000 80\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    got = await reader.read()
    writer.close()
    return got


async def test_a_hundred_rules_are_told_apart(tmp_path: Path) -> None:
    plane, port = HaproxyPlane(tmp_path / "lb"), free_port()
    await plane.start()
    try:
        hundred = [a_rule(n, on_path(f"/r{n}/*", f"/r{n}"), action=fixed(400 + n % 90, str(n))) for n in range(1, 101)]
        await plane.apply([a_listener(port, *hundred)], [])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for n in range(1, 101):
            writer.write(f"GET /r{n}/x HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            assert length, head
            body = await reader.readexactly(int(length[1]))
            assert (head[9:12].decode(), body.decode()) == (str(400 + n % 90), str(n))
        writer.close()
    finally:
        await plane.stop()


async def test_a_new_target_of_a_group_with_slow_start_begins_with_few_requests(tmp_path: Path) -> None:
    plane, port = HaproxyPlane(tmp_path / "lb"), free_port()
    await plane.start()
    listener = a_listener(port, a_rule(None, action=forward("web")))
    try:
        async with a_web() as old, a_web() as new:
            for targets in ((old.target,), (old.target, new.target)):
                await plane.apply([listener], [a_group("web", *targets, slow_start_seconds=900)])
            for _ in range(60):
                await http1(port, None, {":method": "GET", ":path": "/", ":authority": "x"})
            assert new.asked < 15 < old.asked, "half of them, without a slow start"
    finally:
        await plane.stop()


async def test_the_target_with_the_fewest_requests_under_way_gets_the_next(tmp_path: Path) -> None:
    plane, port = HaproxyPlane(tmp_path / "lb"), free_port()
    await plane.start()
    listener = a_listener(port, a_rule(None, action=forward("web")))
    request = {":method": "GET", ":path": "/", ":authority": "x"}
    try:
        async with a_web() as one, a_web() as two:
            group = a_group("web", one.target, two.target, algorithm="least_outstanding_requests")
            await plane.apply([listener], [group])
            # many, so that a request whose end HAProxy has not noted yet does not even things out
            held = [asyncio.create_task(http1(port, None, {**request, ":path": "/held"})) for _ in range(16)]
            await eventually(lambda: one.holding + two.holding == len(held))
            assert one.holding and two.holding
            busy, idle = (one, two) if one.holding > two.holding else (two, one)
            idle.held.set()
            await eventually(lambda: sum(task.done() for task in held) == len(held) - busy.holding)
            before = idle.asked
            for _ in range(6):
                await http1(port, None, request)
            assert (busy.asked, idle.asked - before) == (0, 6)
            busy.held.set()
            assert {answer["status"] for answer in await asyncio.gather(*held)} == {200}
    finally:
        await plane.stop()
