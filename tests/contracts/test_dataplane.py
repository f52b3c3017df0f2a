"""What every data plane does: the fake, and HAProxy by real requests over real sockets."""

import asyncio
import os
import shutil
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.traffic import Web, a_group, a_listener, a_rule, a_web, eventually, forward, free_port, kill_haproxy, on_path

from culm.cluster.balancer import sessions
from culm.cluster.balancer.fake import Carried, FakePlane
from culm.cluster.balancer.haproxy.console import short_path
from culm.cluster.balancer.haproxy.plane import HaproxyPlane
from culm.cluster.balancer.interface import DataPlane, Outcome, SignIn, Target
from culm.core.decide.listener_rules import Request
from culm.core.model.load_balancers import Action, RedirectConfig


class Fake:
    def __init__(self) -> None:
        self.plane: DataPlane = FakePlane()

    async def get(self, port: int, path: str, cookie: str = "") -> Carried:
        headers = [("host", "x"), ("cookie", cookie)]
        request = Request(method="GET", path=path, query=None, headers=headers, source="127.0.0.1")
        assert isinstance(self.plane, FakePlane)
        return self.plane.carry(port, request)

    def at(self, now: float) -> None:
        assert isinstance(self.plane, FakePlane)
        self.plane.now = now

    async def crash(self) -> None:
        assert isinstance(self.plane, FakePlane)
        self.plane.die()

    def occupy(self, port: int) -> None:
        assert isinstance(self.plane, FakePlane)
        self.plane.taken[port] = f"port {port} of 127.0.0.1 is taken by another process"

    def forget(self) -> None:
        """The daemon dies and another begins; a fake has no life outside it."""

    async def close(self) -> None:
        pass


class Haproxy:
    def __init__(self, folder: Path, executable: Path | None) -> None:
        self.folder, self.executable = folder, executable
        self.plane: DataPlane = HaproxyPlane(folder, executable=executable)
        self._client = httpx2.AsyncClient()
        self._occupied: list[socket.socket] = []

    async def get(self, port: int, path: str, cookie: str = "") -> Carried:
        response = await self._client.get(f"http://127.0.0.1:{port}{path}", headers={"cookie": cookie})
        answered = response.headers.get("server") is None and response.content
        return Carried(status=response.status_code, target=response.json()["target"] if answered else None)

    def at(self, now: float) -> None:
        """It has a clock of its own, which is later."""

    async def crash(self) -> None:
        await kill_haproxy(self.folder)

    def occupy(self, port: int) -> None:
        self._occupied.append(socket.create_server(("127.0.0.1", port)))

    def forget(self) -> None:
        self.plane = HaproxyPlane(self.folder, executable=self.executable)

    async def close(self) -> None:
        await self._client.aclose()
        for each in self._occupied:
            each.close()
        await self.plane.stop()


@pytest.fixture(params=["fake", "haproxy of the wheel", "haproxy on PATH"])
async def under_test(request: Any, tmp_path: Path) -> AsyncIterator[Any]:
    on_path_too = shutil.which("haproxy")
    if request.param == "haproxy on PATH" and on_path_too is None:
        pytest.skip("no haproxy on PATH")
    if request.param == "fake":
        made: Any = Fake()
    else:
        made = Haproxy(tmp_path / "lb", Path(on_path_too) if "PATH" in request.param and on_path_too else None)
    await made.plane.start()
    yield made
    await made.close()


async def test_the_first_rule_that_holds_decides_and_the_default_is_last(under_test):
    port = free_port()
    async with a_web() as one, a_web() as two:
        rules = (
            a_rule(10, on_path("/api/v2/*"), action=forward("two")),
            a_rule(20, on_path("/api/*"), action=forward("one")),
        )
        groups = [a_group("one", one.target), a_group("two", two.target)]
        assert await under_test.plane.apply([a_listener(port, *rules)], groups) == Outcome()
        assert (await under_test.get(port, "/api/v2/x")).target == two.name
        assert (await under_test.get(port, "/api/x")).target == one.name
        assert await under_test.get(port, "/other") == Carried(status=404)


async def test_a_rule_that_asks_for_users_lets_those_pass_who_have_a_session(under_test):
    port, key = free_port(), b"k" * 32
    user = SignIn(cookie="S", binding="b", key=key, unknown="deny")
    lives = f"S-0={sessions.session(user, 4e9, {'sub': 'jo'}, 'token', 'data')}"
    ended = f"S-0={sessions.session(user, 1.0, {'sub': 'jo'}, 'token', 'data')}"
    foreign = f"S-0={sessions.session(replace(user, binding='c'), 4e9, {'sub': 'jo'}, 'token', 'data')}"
    forged = f"S-0={sessions.session(replace(user, key=b'x' * 32), 4e9, {'sub': 'jo'}, 'token', 'data')}"
    under_test.at(2.0)
    async with a_web() as web:
        rule = a_rule(None, action=forward("web"))
        guarded = replace(rule, actions=(Action(type="authenticate-oidc", order=1), *rule.actions))
        for unknown, status in ("deny", 401), ("allow", 200):
            judged = {rule.rule_arn: replace(user, unknown=unknown)}
            await under_test.plane.apply([a_listener(port, guarded, sign_ins=judged)], [a_group("web", web.target)])
            seen = [await under_test.get(port, "/", cookie) for cookie in ("", "S-0=x", ended, foreign, forged, lives)]
            assert [each.status for each in seen] == [status] * 5 + [200]


async def test_requests_go_round_the_targets(under_test):
    port = free_port()
    async with a_web() as one, a_web() as two:
        listener = a_listener(port, a_rule(None, action=forward("web")))
        await under_test.plane.apply([listener], [a_group("web", one.target, two.target)])
        seen = Counter([(await under_test.get(port, "/")).target for _ in range(10)])
        assert seen == {one.name: 5, two.name: 5}


async def test_a_group_without_a_target_answers_503(under_test):
    port = free_port()
    async with a_web() as one:
        listener = a_listener(port, a_rule(None, action=forward("web")))
        for targets in (), (one.draining,):
            await under_test.plane.apply([listener], [a_group("web", *targets)])
            assert await under_test.get(port, "/") == Carried(status=503)


async def test_a_draining_target_gets_nothing_new_until_it_is_ready_again(under_test):
    port = free_port()
    async with a_web() as one, a_web() as two:
        listener = a_listener(port, a_rule(None, action=forward("web")))
        await under_test.plane.apply([listener], [a_group("web", one.target, two.target)])
        await under_test.plane.apply([listener], [a_group("web", one.draining, two.target)])
        assert {(await under_test.get(port, "/")).target for _ in range(6)} == {two.name}
        await under_test.plane.apply([listener], [a_group("web", one.target)])
        assert {(await under_test.get(port, "/")).target for _ in range(6)} == {one.name}


async def test_weights_decide_between_groups_and_zero_is_none(under_test):
    port = free_port()
    async with a_web() as one, a_web() as two:
        listener = a_listener(port, a_rule(None, action=forward("one", "two", weights=(0, 5))))
        await under_test.plane.apply([listener], [a_group("one", one.target), a_group("two", two.target)])
        assert {(await under_test.get(port, "/")).target for _ in range(6)} == {two.name}


async def test_redirects_are_answered_by_the_plane(under_test):
    port = free_port()
    redirect = RedirectConfig(protocol="HTTPS", port="443", status_code="HTTP_301")
    rule = a_rule(1, on_path("/old/*"), action=Action(type="redirect", redirect_config=redirect))
    await under_test.plane.apply([a_listener(port, rule)], [])
    assert (await under_test.get(port, "/old/x")).status == 301


async def test_a_taken_port_is_named_and_the_others_are_served(under_test):
    taken, free = free_port(), free_port()
    under_test.occupy(taken)
    problems = (await under_test.plane.apply([a_listener(taken), a_listener(free)], [])).ports
    assert list(problems) == [taken]
    assert f"port {taken} of 127.0.0.1 is taken by" in problems[taken]
    assert (await under_test.get(free, "/")).status == 404


async def test_a_listener_that_is_left_out_frees_its_port(under_test):
    first, second = free_port(), free_port()
    await under_test.plane.apply([a_listener(first), a_listener(second)], [])
    await under_test.plane.apply([a_listener(second)], [])
    socket.create_server(("127.0.0.1", first)).close()
    assert (await under_test.get(second, "/")).status == 404


async def test_it_is_started_again_after_a_crash_with_what_is_wished(under_test):
    port = free_port()
    async with a_web() as one:
        listener, group = a_listener(port, a_rule(None, action=forward("web"))), a_group("web", one.target)
        for _ in range(2):
            await under_test.plane.apply([listener], [group])
            await under_test.crash()
            assert await under_test.plane.apply([listener], [group]) == Outcome()
            assert (await under_test.get(port, "/")).target == one.name


@pytest.mark.skipif(sys.platform != "linux", reason="pidfds are Linux's")
async def test_its_death_is_told_at_once_every_time_and_its_stop_is_not(under_test):
    listener, deaths = a_listener(free_port()), []
    under_test.plane.watch(lambda: deaths.append("dead"))
    for count in (1, 2):
        await under_test.plane.apply([listener], [])
        await under_test.plane.apply([listener], [])
        assert len(deaths) == count - 1
        await under_test.crash()
        await eventually(lambda count=count: len(deaths) == count)
    await under_test.plane.apply([listener], [])
    await under_test.plane.stop()
    assert len(deaths) == 2


async def test_a_new_daemon_adopts_what_runs_and_brings_it_to_what_is_wished(under_test):
    port = free_port()
    async with a_web() as one, a_web() as two:
        listener = a_listener(port, a_rule(None, action=forward("web")))
        await under_test.plane.apply([listener], [a_group("web", one.target)])
        under_test.forget()
        await under_test.plane.start()
        assert (await under_test.get(port, "/")).target == one.name
        assert await under_test.plane.apply([listener], [a_group("web", two.target)]) == Outcome()
        assert (await under_test.get(port, "/")).target == two.name
        assert await under_test.plane.apply([a_listener(port)], []) == Outcome()
        assert (await under_test.get(port, "/")).status == 404


async def test_requests_are_counted_by_target_across_a_change_of_rules(under_test):
    port = free_port()
    async with a_web() as one:
        listener, group = a_listener(port, a_rule(None, action=forward("web"))), a_group("web", one.target)
        await under_test.plane.apply([listener], [group])
        for _ in range(3):
            await under_test.get(port, "/")
        more = a_listener(port, a_rule(1, on_path("/new"), action=forward("web")), *listener.rules)
        await under_test.plane.apply([more], [group])
        for _ in range(2):
            await under_test.get(port, "/")
        [traffic] = await under_test.plane.metrics()
        assert (traffic.group, traffic.target, traffic.requests) == ("web", one.name, 5)


async def test_stopping_is_repeatable_and_frees_the_port(under_test):
    port = free_port()
    await under_test.plane.stop()
    await under_test.plane.apply([a_listener(port)], [])
    await under_test.plane.stop()
    await under_test.plane.stop()
    socket.create_server(("127.0.0.1", port)).close()
    assert not await under_test.plane.metrics()
    await under_test.plane.apply([a_listener(port)], [])
    assert (await under_test.get(port, "/")).status == 404


async def test_the_configuration_can_be_read_beforehand(under_test):
    text = under_test.plane.render([a_listener(8080)], [a_group("web")])
    assert "listener-8080" in text or "listener 8080" in text
    assert not os.path.exists(getattr(under_test, "folder", "/nowhere") / Path("haproxy.cfg"))


async def test_a_socket_answers_in_place_of_targets_and_keeps_its_requests_when_it_gets_no_more(
    tmp_path: Path,
) -> None:
    plane, port = HaproxyPlane(tmp_path / "plane"), free_port()
    listener = a_listener(port, a_rule(1, on_path("/*"), action=forward("shop")))
    stands_in = Target(address="waker", port=0, socket="wake.sock")
    stand_in = Web()
    stand_in.port = 0
    try:
        await plane.start()
        async with a_web() as web, httpx2.AsyncClient() as client:
            await plane.apply([listener], [a_group("shop", web.target)])
            with short_path(tmp_path / "plane" / "wake.sock") as socket_path:
                server = await asyncio.start_unix_server(one_answer(stand_in), socket_path)
            async with server:
                url = f"http://127.0.0.1:{port}"
                await plane.apply([listener], [a_group("shop", stands_in)])
                assert (await client.get(f"{url}/")).json()["target"] == "127.0.0.1:0"
                held = asyncio.create_task(client.get(f"{url}/held"))
                await stand_in.arrived.wait()
                await plane.apply([listener], [a_group("shop", web.target, replace(stands_in, draining=True))])
                assert (await client.get(f"{url}/")).json()["target"] == web.name
                stand_in.held.set()
                assert (await held).json()["target"] == "127.0.0.1:0"
                await plane.apply([listener], [a_group("shop", web.target)])
                assert (await client.get(f"{url}/")).json()["target"] == web.name
    finally:
        await plane.stop()


def one_answer(web: Web) -> Any:
    """Serve one connection after the other as `web` does, until each ends."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            await web.answer(reader, writer)
        writer.close()

    return serve


async def test_requests_that_do_not_count_are_left_out_by_agent_and_by_path(under_test: Any) -> None:
    port = free_port()
    listener = a_listener(port, a_rule(1, on_path("/shop/*"), action=forward("shop")))
    async with a_web() as web:
        group = a_group("shop", web.target, uncounted=("python-HTTPX", "/shop/ping"))
        await under_test.plane.apply([listener], [group, a_group("other")])
        for path in ("/shop/ping", "/shop/", "/shop/ping/me"):
            assert (await under_test.get(port, path)).status == 200
        agents = sum(each.requests for each in (await under_test.plane.attended()).values())
        group = a_group("shop", web.target, uncounted=("UptimeRobot", "/shop/ping"))
        await under_test.plane.apply([listener], [group, a_group("other")])
        for path in ("/shop/ping", "/shop/", "/shop/a?b=/shop/ping", "/shop/ping/me"):
            assert (await under_test.get(port, path)).status == 200
        attended = await under_test.plane.attended()
        assert set(attended) == {"shop"}
        assert attended["shop"].requests - (agents if isinstance(under_test, Fake) else 0) == 2
        assert attended["shop"].in_flight == 0
