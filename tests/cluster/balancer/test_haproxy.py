"""What HAProxy does as an application load balancer does it, beyond what every data plane must."""

import asyncio
import contextlib
import os
import re
import resource
import signal
import socket
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx2
import pytest
from tests.traffic import (
    a_group,
    a_listener,
    a_rule,
    a_web,
    eventually,
    forward,
    free_port,
    haproxy_processes,
    kill_haproxy,
    on_path,
    serving,
    target_of,
)

from culm.cluster.balancer.haproxy import binary, console
from culm.cluster.balancer.haproxy.plane import HaproxyPlane
from culm.cluster.balancer.interface import Outcome, Target, typical_seconds
from culm.core.model.load_balancers import (
    Action,
    Condition,
    FixedResponseConfig,
    ForwardConfig,
    HttpHeaderConfig,
    RedirectConfig,
    Rewrite,
    RewriteConfig,
    Rule,
    TargetGroupStickinessConfig,
    TargetGroupTuple,
    Transform,
)
from culm.errors import PlaneFailure


@pytest.fixture
async def plane(tmp_path):
    made = HaproxyPlane(tmp_path / ("a folder with a name as long as pytest's often are " * 2) / "lb")
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def client():
    async with httpx2.AsyncClient() as made:
        yield made


async def web_listener(plane, *webs, port=0, **settings):
    port = port or free_port()
    listener = a_listener(port, a_rule(None, action=forward("web")), **settings)
    await plane.apply([listener], [a_group("web", *(web.target for web in webs))])
    return f"http://127.0.0.1:{port}"


async def test_a_target_sees_who_asked_and_the_uri_as_it_was_sent(plane, client):
    async with a_web() as web:
        url = await web_listener(plane, web)
        uri = "/a%2Fb//c/%61?x=%20&y"
        said = (await client.get(url + uri, headers={"X-Forwarded-For": "10.1.2.3"})).json()
        headers = dict(said["headers"])
        assert said["line"] == f"GET {uri} HTTP/1.1"
        assert headers["x-forwarded-for"] == "10.1.2.3, 127.0.0.1"
        assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("http", url.rsplit(":", 1)[1])
        assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", headers["x-amzn-trace-id"])
        alone = dict((await client.get(url)).json()["headers"])
        assert alone["x-forwarded-for"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("asked", "arrives"),
    [
        ("/shop/a%2Fb?x=1%25", "/a%2Fb?x=1%25"),
        ("/shop/", "/"),
        ("/shop", "/"),
        ("/shop?q", "/?q"),
        ("/other/shop/a", "/other/shop/a"),
    ],
)
async def test_a_url_rewrite_takes_the_beginning_of_a_path_away(plane, client, asked, arrives):
    rewrite = Transform(
        type="url-rewrite",
        url_rewrite_config=RewriteConfig(rewrites=(Rewrite(regex="^/shop/?(.*)$", replace="/$1"),)),
    )
    async with a_web() as web:
        port = free_port()
        stripped = replace(a_rule(1, on_path("/shop", "/shop/*"), action=forward("web")), transforms=(rewrite,))
        listener = a_listener(port, stripped, a_rule(None, action=forward("web")))
        await plane.apply([listener], [a_group("web", web.target)])
        said = (await client.get(f"http://127.0.0.1:{port}{asked}")).json()
        assert said["line"] == f"GET {arrives} HTTP/1.1"


@pytest.mark.parametrize(
    ("asked", "arrives"),
    [
        ("a.example.com", "a.internal"),
        ("a.example.com:8080", "a.internal"),
        ("b.test", "b.internal"),
        ("a.example.org", "a.example.org"),
    ],
)
async def test_a_host_rewrite_gives_targets_another_host(plane, client, asked, arrives):
    rewrite = Rewrite(regex=r"^(.*)\.example\.com|(b)\.test$", replace="$1$2.internal")
    transform = Transform(type="host-header-rewrite", host_header_rewrite_config=RewriteConfig(rewrites=(rewrite,)))
    async with a_web() as web:
        port = free_port()
        rewritten = replace(a_rule(1, on_path("/*"), action=forward("web")), transforms=(transform,))
        await plane.apply([a_listener(port, rewritten)], [a_group("web", web.target)])
        answered = (await client.get(f"http://127.0.0.1:{port}/", headers={"Host": asked})).json()
        assert dict(answered["headers"])["host"] == arrives


@pytest.mark.parametrize(
    ("mode", "client_port", "came", "arrives"),
    [
        ("append", False, "10.1.2.3", r"10\.1\.2\.3, 127\.0\.0\.1"),
        ("append", True, "10.1.2.3", r"10\.1\.2\.3, 127\.0\.0\.1:\d+"),
        ("append", True, None, r"127\.0\.0\.1:\d+"),
        ("preserve", False, "10.1.2.3", r"10\.1\.2\.3"),
        ("preserve", False, None, None),
        ("remove", False, "10.1.2.3", None),
    ],
)
async def test_forwarded_for_is_what_the_load_balancers_attributes_say(plane, client, mode, client_port, came, arrives):
    async with a_web() as web:
        port = free_port()
        rule = a_rule(None, action=forward("web"))
        listener = a_listener(port, rule, forwarded_for=mode, client_port=client_port)
        adds = mode == "append" and not client_port
        await plane.apply([listener], [a_group("web", web.target, adds_client=adds)])
        headers = {"X-Forwarded-For": came} if came else {}
        answered = (await client.get(f"http://127.0.0.1:{port}/", headers=headers)).json()
        there = dict(answered["headers"]).get("x-forwarded-for")
        assert there is None if arrives is None else re.fullmatch(arrives, there)


async def test_responses_get_and_lose_the_headers_that_the_listeners_attributes_name(plane, client):
    wished = (("strict-transport-security", "max-age=1; 100%"), ("server", ""))
    async with a_web() as web:
        url = await web_listener(plane, web, response_headers=wished)
        answered = await client.get(url)
        assert answered.headers["strict-transport-security"] == "max-age=1; 100%"
    refused = await client.get(url)
    assert (refused.status_code, "server" in refused.headers) == (502, False)


async def test_a_trace_that_was_begun_is_gone_on_with(plane, client):
    async with a_web() as web:
        url = await web_listener(plane, web)
        root = "Root=1-67891233-abcdef012345678912345678"
        headers = dict((await client.get(url, headers={"X-Amzn-Trace-Id": root})).json()["headers"])
        assert re.fullmatch(rf"Self=1-[0-9a-f]{{8}}-[0-9a-f]{{24}};{root}", headers["x-amzn-trace-id"])


async def test_failures_have_the_load_balancers_statuses_and_pages(plane, client):
    async with a_web() as web:
        url = await web_listener(plane, web)
        closed = await client.get(url + "/closes")
        web.status = 503
        own = await client.get(url)
    refused = await client.get(url)
    await web_listener(plane, port=int(url.rsplit(":", 1)[1]))
    nobody = await client.get(url)
    assert (closed.status_code, refused.status_code, nobody.status_code) == (502, 502, 503)
    assert "<h1>502 Bad Gateway</h1>" in closed.text
    assert closed.text == refused.text
    assert "<h1>503 Service Temporarily Unavailable</h1>" in nobody.text
    assert {each.headers["server"] for each in (closed, refused, nobody)} == {"awselb/2.0"}
    assert (own.status_code, own.json()["target"]) == (503, web.name)
    await plane.metrics()
    assert plane.failures() == {"web": 4}, "its own answers are counted, too"


async def test_a_target_that_says_nothing_until_the_idle_timeout_is_504(plane, client):
    async with a_web() as web:
        port = free_port()
        group = a_group("web", web.target, idle_timeout_seconds=1)
        await plane.apply([a_listener(port, a_rule(None, action=forward("web")))], [group])
        answer = await client.get(f"http://127.0.0.1:{port}/held")
        assert (answer.status_code, "<h1>504 Gateway Time-out</h1>" in answer.text) == (504, True)


@pytest.mark.parametrize(
    ("config", "uri", "location"),
    [
        ({"protocol": "HTTPS", "port": "443"}, "/x?a=1", "https://example.com:443/x?a=1"),
        ({"protocol": "HTTPS", "port": "443"}, "/x", "https://example.com:443/x"),
        ({"host": "www.#{host}"}, "/x", "http://www.example.com:{port}/x"),
        (
            {"path": "/new/#{path}", "query": "from=#{host}&#{query}"},
            "/old?b",
            "http://example.com:{port}/new/old?from=example.com&b",
        ),
        ({"path": "/100%[src]", "query": ""}, "/x?y", "http://example.com:{port}/100%[src]"),
    ],
)
async def test_redirects_keep_what_they_do_not_change(plane, client, config, uri, location):
    port = free_port()
    action = Action(type="redirect", redirect_config=RedirectConfig(**config, status_code="HTTP_302"))
    await plane.apply([a_listener(port, a_rule(None, action=action))], [])
    answer = await client.get(f"http://127.0.0.1:{port}{uri}", headers={"Host": f"example.com:{port}"})
    assert answer.status_code == 302
    assert answer.headers["location"] == location.replace("{port}", str(port))


async def test_a_fixed_response_is_given_byte_for_byte(plane, client):
    port = free_port()
    body = 'it\'s "50 %" of $HOME \\ #1 %[src]\r\n\tgrün'
    config = FixedResponseConfig(status_code="418", message_body=body, content_type="text/html")
    await plane.apply(
        [a_listener(port, a_rule(None, action=Action(type="fixed-response", fixed_response_config=config)))], []
    )
    answer = await client.get(f"http://127.0.0.1:{port}/")
    assert (answer.status_code, answer.content.decode()) == (418, body)
    assert answer.headers["content-type"] == "text/html"


async def test_weights_share_the_requests(plane, client):
    async with a_web() as one, a_web() as two:
        port = free_port()
        listener = a_listener(port, a_rule(None, action=forward("one", "two", weights=(1, 3))))
        await plane.apply([listener], [a_group("one", one.target), a_group("two", two.target)])
        for _ in range(200):
            await client.get(f"http://127.0.0.1:{port}/")
        assert 20 <= one.asked <= 80


async def test_a_sticky_client_keeps_its_target(plane):
    async with a_web() as one, a_web() as two:
        port = free_port()
        listener = a_listener(port, a_rule(None, action=forward("web")))
        await plane.apply([listener], [a_group("web", one.target, sticky_seconds=60)])
        await plane.apply([listener], [a_group("web", one.target, two.target, sticky_seconds=60)])
        for _ in range(4):
            async with httpx2.AsyncClient() as client:
                first = await client.get(f"http://127.0.0.1:{port}/")
                assert set(first.cookies) == {"AWSALB", "AWSALBCORS"}
                again = {(await target_of(client, f"http://127.0.0.1:{port}/")) for _ in range(4)}
                assert again == {first.json()["target"]}
        assert one.asked and two.asked


async def test_a_client_keeps_its_target_once_the_application_has_set_its_cookie(plane):
    """Targets answer /login with a cookie of their own; the load balancer's cookie comes with that, and not before."""

    async def answer(name: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            cookie = b"Set-Cookie: session=1; Path=/\r\n" if b" /login " in head else b""
            writer.write(b"HTTP/1.1 200 OK\r\n" + cookie + b"Content-Length: 1\r\n\r\n" + name)
            await writer.drain()

    async with serving(partial(answer, b"a")) as first, serving(partial(answer, b"b")) as second:
        port = free_port()
        targets = [Target(address="127.0.0.1", port=each) for each in (first, second)]
        listener = a_listener(port, a_rule(None, action=forward("web")))
        sticky = {"sticky_seconds": 60, "app_cookie": "session"}
        await plane.apply([listener], [a_group("web", targets[0], **sticky)])
        await plane.apply([listener], [a_group("web", *targets, **sticky)])  # the second comes at run time
        for _ in range(3):
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                assert {(await client.get("/")).text for _ in range(8)} == {"a", "b"}
                assert not client.cookies
                login = await client.get("/login")
                assert set(login.cookies) == {"session", "AWSALBAPP-0"}
                assert {(await client.get("/")).text for _ in range(4)} == {login.text}


async def test_a_sticky_client_keeps_its_target_group(plane):
    async with a_web() as one, a_web() as two:
        port = free_port()
        groups = tuple(TargetGroupTuple(target_group_arn=arn, weight=1) for arn in ("one", "two"))
        sticky = TargetGroupStickinessConfig(enabled=True, duration_seconds=60)
        config = ForwardConfig(target_groups=groups, target_group_stickiness_config=sticky)
        listener = a_listener(port, a_rule(None, action=Action(type="forward", forward_config=config)))
        await plane.apply([listener], [a_group("one", one.target), a_group("two", two.target)])
        for _ in range(8):
            async with httpx2.AsyncClient() as client:
                first = await client.get(f"http://127.0.0.1:{port}/")
                again = {(await target_of(client, f"http://127.0.0.1:{port}/")) for _ in range(4)}
                assert again == {first.json()["target"]}


def unreadable(priority: int | None) -> Rule:
    """A rule that the API would refuse, and HAProxy does."""
    header = HttpHeaderConfig(http_header_name='X-"a b', values=("x",))
    return a_rule(priority, Condition(field="http-header", http_header_config=header), action=forward("web"))


async def test_a_rule_that_haproxy_refuses_costs_that_rule_alone(plane, client):
    async with a_web() as one, a_web() as two:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        others = [a_rule(n, on_path(f"/{n}"), action=forward("web")) for n in range(1, 9)]
        for bad in unreadable(5), unreadable(1), unreadable(8):
            rules = [bad if rule.priority == bad.priority else rule for rule in others]
            for web in one, two:
                outcome = await plane.apply([a_listener(port, *rules)], [a_group("web", web.target)])
                assert list(outcome.rules) == [bad.rule_arn]
                assert "req.fhdr" in outcome.rules[bad.rule_arn]
                kept = [rule.priority for rule in others if rule.priority != bad.priority]
                assert [await target_of(client, f"{url}/{n}") for n in kept] == [web.name] * 7
                assert await target_of(client, f"{url}/{bad.priority}") == "404"
        assert await plane.apply([a_listener(port, *others)], [a_group("web", two.target)]) == Outcome()
        assert await target_of(client, f"{url}/8") == two.name


async def test_a_refused_rule_is_left_out_when_haproxy_is_launched_and_by_the_next_daemon(plane, client):
    async with a_web() as web:
        port = free_port()
        rules = (unreadable(1), a_rule(None, action=forward("web")))
        for daemon in plane, HaproxyPlane(plane.folder):
            await daemon.start()
            outcome = await daemon.apply([a_listener(port, *rules)], [a_group("web", web.target)])
            assert list(outcome.rules) == ["rule-1"]
            assert await target_of(client, f"http://127.0.0.1:{port}/") == web.name


async def test_a_group_that_haproxy_refuses_costs_that_group_alone(plane, client):
    async with a_web() as web:
        port = free_port()
        bad = a_listener(
            port,
            a_rule(1, on_path("/x"), action=forward("no name")),
            a_rule(2, on_path("/y"), action=forward("web")),
        )
        outcome = await plane.apply([bad], [a_group("no name", web.target), a_group("web", web.target)])
        assert list(outcome.groups) == ["no name"]
        assert await target_of(client, f"http://127.0.0.1:{port}/y") == web.name
        assert await target_of(client, f"http://127.0.0.1:{port}/x") == "503"


async def test_a_target_that_haproxy_refuses_costs_that_target_alone(plane, client):
    async with a_web() as web:
        port = free_port()
        url, bad = f"http://127.0.0.1:{port}/", Target(address="no address", port=80)
        listener = a_listener(port, a_rule(None, action=forward("web")))
        for targets in (bad, web.target), (web.target,), (web.target, bad):  # by the file, and by command
            outcome = await plane.apply([listener], [a_group("web", *targets)])
            assert list(outcome.targets) == [("web", bad.name)] * (bad in targets)
            assert await target_of(client, url) == web.name


async def test_a_request_in_flight_outlives_a_change_of_rules_and_the_deregistering_of_its_target(plane, client):
    async with a_web() as one, a_web() as two:
        url = await web_listener(plane, one)
        port = int(url.rsplit(":", 1)[1])
        slow = asyncio.create_task(client.get(url + "/held"))
        await one.arrived.wait()
        more = a_listener(port, a_rule(1, on_path("/new"), action=forward("web")), a_rule(None, action=forward("web")))
        await plane.apply([more], [a_group("web", one.target, two.target)])
        await plane.apply([more], [a_group("web", one.draining, two.target)])
        in_flight = {each.target: each.in_flight for each in await plane.metrics()}
        assert in_flight == {one.name: 1, two.name: 0}
        one.held.set()
        assert (await slow).json()["target"] == one.name


async def test_an_idle_connection_from_before_a_change_of_rules_meets_the_new_rules(plane):
    async with a_web() as one, a_web() as two:
        url = await web_listener(plane, one)
        port = int(url.rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def ask() -> str:
            writer.write(b"GET /x HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            return (await reader.readexactly(int(found[1]))).decode()

        assert one.name in await ask()
        rules = (a_rule(1, on_path("/x"), action=forward("web")), a_rule(None, action=forward("web")))
        await plane.apply([a_listener(port, *rules)], [a_group("web", one.target)])
        await plane.apply([a_listener(port, *rules)], [a_group("web", two.target)])
        said = await ask()
        assert two.name in said
        assert '["x-forwarded-for", "9.9.9.9, 127.0.0.1"]' in said
        writer.close()


async def test_a_removed_target_loses_what_it_still_had(plane, client):
    async with a_web() as one:
        url = await web_listener(plane, one)
        slow = asyncio.create_task(client.get(url + "/held"))
        await one.arrived.wait()
        await web_listener(plane, port=int(url.rsplit(":", 1)[1]))
        assert (await slow).status_code == 502


async def test_an_address_that_is_not_there_yet_is_bound_all_the_same(tmp_path, client):
    port = free_port()
    plane = HaproxyPlane(tmp_path, ["127.0.0.1", "192.0.2.77"])
    await plane.start()
    assert await plane.apply([a_listener(port)], []) == Outcome()
    assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 404
    await plane.stop()


async def test_a_taken_port_names_the_process_that_has_it(plane):
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        problems = (await plane.apply([a_listener(port)], [])).ports
    assert re.search(rf"port {port} of 127.0.0.1 is taken by \S+ \(process \d+\)", problems[port])


async def test_another_cluster_on_the_same_port_is_refused_and_not_shared(plane, tmp_path):
    port = free_port()
    await plane.apply([a_listener(port)], [])
    other = HaproxyPlane(tmp_path / "other")
    await other.start()
    problems = (await other.apply([a_listener(port)], [])).ports
    assert "is taken by haproxy (process" in problems[port]
    await other.stop()


async def test_the_file_tells_the_targets_of_now_so_that_a_restart_has_them(plane, client):
    async with a_web() as one, a_web() as two:
        url = await web_listener(plane, one)
        await web_listener(plane, two, port=int(url.rsplit(":", 1)[1]))
        text = (plane.folder / "haproxy.cfg").read_text()
        assert f"server {two.name}" in text
        assert f"server {one.name}" not in text
        await kill_haproxy(plane.folder)
        await eventually(lambda: refused(client, url))
        await web_listener(plane, two, port=int(url.rsplit(":", 1)[1]))
        assert await target_of(client, url) == two.name


async def test_a_thousand_targets_can_come_and_go_at_once(plane, client):
    async with a_web() as web:
        url = await web_listener(plane, web)
        listener = a_listener(int(url.rsplit(":", 1)[1]), a_rule(None, action=forward("web")))
        crowd = [Target(address="127.77.0.11", port=port, draining=port % 2 == 0) for port in range(30_000, 31_000)]
        await plane.apply([listener], [a_group("web", web.target, *(replace(t, draining=False) for t in crowd))])
        assert len(await plane.metrics()) == 1001
        await plane.apply([listener], [a_group("web", web.target, *crowd)])
        await plane.apply([listener], [a_group("web", web.target)])
        assert [each.target for each in await plane.metrics()] == [web.name]
        assert await target_of(client, url) == web.name


@pytest.mark.parametrize("which", ["master", "worker"])
async def test_it_comes_back_whichever_half_is_killed(plane, client, which):
    async with a_web() as web:
        url = await web_listener(plane, web)
        await kill_haproxy(plane.folder, which)
        await eventually(lambda: refused(client, url))
        await web_listener(plane, web, port=int(url.rsplit(":", 1)[1]))
        assert await target_of(client, url) == web.name


async def test_one_that_runs_and_is_silent_is_not_one_without_requests(plane, client, monkeypatch):
    async with a_web() as web:
        await web_listener(plane, web)
        processes = await haproxy_processes(plane.folder)
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        monkeypatch.setattr(console, "ANSWER_SECONDS", 0.1)
        with pytest.raises(PlaneFailure, match="does not answer"):
            await plane.metrics()
        monkeypatch.undo()
        for process in processes:
            os.kill(process, signal.SIGCONT)
        assert [each.target for each in await plane.metrics()] == [web.name]
        await plane.stop()
        assert not await plane.metrics()


async def test_stopping_while_it_is_launched_leaves_nothing_behind(plane, client):
    port = free_port()
    launching = asyncio.create_task(plane.apply([a_listener(port)], []))
    await eventually(lambda: (plane.folder / "haproxy.log").exists())
    launching.cancel()
    await asyncio.gather(launching, return_exceptions=True)
    await plane.stop()
    assert await refused(client, f"http://127.0.0.1:{port}/")


async def refused(client, url):
    try:
        await client.get(url)
    except httpx2.HTTPError:
        return True
    return False


async def test_a_binary_that_is_missing_or_too_old_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("CULM_HAPROXY", str(tmp_path / "nothing"))
    with pytest.raises(PlaneFailure, match=r"BinaryNotFound: CULM_HAPROXY names .*nothing, which is not a file"):
        await HaproxyPlane(tmp_path).start()
    old = tmp_path / "haproxy"
    old.write_text("#!/bin/sh\necho 'HAProxy version 2.4.1 2021/06/17'\n")
    old.chmod(0o755)
    with pytest.raises(PlaneFailure, match=r"is HAProxy 2\.4: put HAProxy 2\.6 or newer"):
        await HaproxyPlane(tmp_path, executable=old).start()
    with pytest.raises(PlaneFailure, match="does not run"):
        await HaproxyPlane(tmp_path, executable=tmp_path / "nothing").start()


def test_the_named_binary_goes_before_the_wheels(tmp_path, monkeypatch):
    named = tmp_path / "haproxy"
    named.touch()
    monkeypatch.setenv("CULM_HAPROXY", str(named))
    assert binary.find() == named
    monkeypatch.delenv("CULM_HAPROXY")
    assert Path(binary.find()).name == "haproxy"


@pytest.mark.parametrize("algorithm", ["round_robin", "least_outstanding_requests"])
async def test_of_two_targets_one_that_died_costs_no_request(plane, client, algorithm):
    """Nobody has told the load balancer yet: its connections are refused, and the requests go to the other."""
    port = free_port()
    listener = a_listener(port, a_rule(None, action=forward("web")))
    async with a_web() as lives:
        async with a_web(free_port()) as dies:
            await plane.apply([listener], [a_group("web", lives.target, dies.target, algorithm=algorithm)])
            both = {await target_of(client, f"http://127.0.0.1:{port}/") for _ in range(4)}
            assert both == {lives.name, dies.name}
        for method in ("GET", "POST", "PUT", "DELETE") * 3:
            answer = await client.request(method, f"http://127.0.0.1:{port}/", content=b"once")
            assert (answer.status_code, answer.json()["target"]) == (200, lives.name), method


async def test_a_request_that_reached_a_target_is_not_sent_again(plane, client):
    async with a_web() as one, a_web() as other:
        url = await web_listener(plane, one, other)
        for method in ("GET", "POST"):
            assert (await client.request(method, url + "/closes")).status_code == 502
        assert one.asked + other.asked == 0


async def test_a_sticky_client_of_a_target_that_died_gets_another(plane, client):
    port = free_port()
    async with a_web() as lives:
        async with a_web(free_port()) as dies:
            targets = lives.target, dies.target
            group = a_group("web", *targets, sticky_seconds=60)
            await plane.apply([a_listener(port, a_rule(None, action=forward("web")))], [group])
            url = f"http://127.0.0.1:{port}/"
            while await target_of(client, url) != dies.name:
                client.cookies.clear()
            assert [await target_of(client, url) for _ in range(3)] == [dies.name] * 3
        assert [await target_of(client, url) for _ in range(3)] == [lives.name] * 3


@pytest.mark.parametrize(
    ("uri", "headers", "status"),
    [
        ("/", {f"X-{number}": "v" * 4000 for number in range(15)}, 200),  # 60 KB
        ("/", {f"X-{number}": "v" for number in range(150)}, 200),
        ("/" + "p" * 16_000, {}, 200),
        ("/" + "p" * 17_000, {}, 400),
        ("/", {f"X-{number}": "v" * 4000 for number in range(17)}, 400),  # 68 KB
    ],
)
async def test_requests_are_as_long_as_an_application_load_balancer_takes_them(plane, client, uri, headers, status):
    async with a_web() as web:
        url = await web_listener(plane, web)
        assert (await client.get(url + uri, headers=headers)).status_code == status


async def test_thousands_of_half_requests_keep_nobody_out(plane, client):
    async with a_web() as web:
        url = await web_listener(plane, web)
        port = int(url.rsplit(":", 1)[1])
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = min(3000, hard - 500)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 500), hard))
        with contextlib.ExitStack() as slow:
            for _ in range(count):
                half = slow.enter_context(socket.create_connection(("127.0.0.1", port)))
                half.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Never: en")
            assert (await client.get(url, timeout=5)).status_code == 200
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_responses_are_counted_in_classes_of_the_time_that_their_target_took(plane, client):
    async with a_web() as web:
        url = await web_listener(plane, web)
        for _ in range(3):
            await client.get(url)
        [traffic] = await plane.metrics()
        assert (traffic.requests, sum(traffic.response_times)) == (3, 3)
        slowest = max(number for number, count in enumerate(traffic.response_times) if count)
        assert typical_seconds(slowest) < 5
        again = await web_listener(plane, web)  # another listener: a reload, whose worker begins at zero
        await client.get(again)
        [traffic] = await plane.metrics()
        assert sum(traffic.response_times) == 4


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        b"Content-Length: 0\r\nContent-Length: 38\r\n",
        b"Content-Length: +38\r\n",
        b"Content-Length: 0, 38\r\n",
        b"Content-Length:\r\n",
        b"Content-Length : 38\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: identity, chunked, identity\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"X: y\r\n Transfer-Encoding: chunked\r\n",
        b": x\r\nContent-Length: 0\r\n",
    ],
)
async def test_a_target_and_the_proxy_agree_where_a_request_ends(plane, head):
    """A request whose length can be read in two ways is refused, or arrives in the one way that was answered."""
    heads: list[bytes] = []
    lines: list[asyncio.StreamWriter] = []

    async def answer(reader, writer):
        lines.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                heads.append(head)
                if re.search(rb"\ntransfer-encoding: chunked\r", head):
                    await reader.readuntil(b"0\r\n\r\n")
                elif length := re.search(rb"\ncontent-length: (\d+)\r", head):
                    await reader.readexactly(int(length[1]))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = free_port()
    target = Target(address="127.0.0.1", port=server.sockets[0].getsockname()[1])
    await plane.apply([a_listener(port, a_rule(None, action=forward("web")))], [a_group("web", target)])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n" + head + b"\r\n0\r\n\r\n" + SMUGGLED)
    writer.write_eof()
    answers = await asyncio.wait_for(reader.read(), 20)
    for line in (writer, *lines):
        line.close()
    server.close()
    await asyncio.gather(*(line.wait_closed() for line in (writer, *lines)), return_exceptions=True)
    assert answers.count(b"HTTP/1.1 200") == len(heads), (answers, heads)
    for each in heads:
        assert each.startswith((b"post / ", b"get /smuggled "))
        assert not (b"\ntransfer-encoding:" in each and b"\ncontent-length:" in each)
