import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from tests.certificates import a_certificate, an_authority
from tests.traffic import a_rule, a_web, eventually, forward, free_port, kill_haproxy, on_path, serving, target_of

from culm.cluster.balancer.balancer import Balancer, Facts, Seen, record_facts
from culm.cluster.balancer.fake import FakePlane
from culm.cluster.balancer.haproxy.plane import HaproxyPlane
from culm.cluster.store import certificates
from culm.cluster.store.changes import Signal
from culm.cluster.store.db import Store
from culm.cluster.store.ecs import events, services
from culm.cluster.store.elbv2 import listeners, load_balancers, rules, target_groups, targets
from culm.cluster.store.sealing import Sealer
from culm.core.model.certificates import Certificate
from culm.core.model.load_balancers import Listener, LoadBalancer, TargetGroup
from culm.core.model.services import LoadBalancer as ServiceLoadBalancer
from culm.core.model.services import Service
from culm.errors import PlaneFailure

GROUP = TargetGroup(
    target_group_arn="group",
    target_group_name="web",
    port=80,
    health_check_path="/health",
    health_check_interval_seconds=5,
    attributes={"deregistration_delay.timeout_seconds": "30"},
)


class World:
    """A load balancer with one listener and one group, and the balancer that looks after it."""

    def __init__(self, plane: Any, port: int) -> None:
        self.plane, self.port = plane, port
        self.store = Store(":memory:", Sealer.fresh())
        self.changed = Signal()
        self.now = 1000.0
        self.addresses: dict[str, str] = {}

    async def begin(self) -> None:
        def make(db: Any) -> None:
            load_balancers.save(db, LoadBalancer(load_balancer_arn="lb", load_balancer_name="lb", created_time=0.0))
            listeners.save(db, Listener(listener_arn="listener", load_balancer_arn="lb", port=self.port))
            target_groups.save(db, GROUP)
            rules.save(db, a_rule(None, action=forward("group")))

        await self.store.run(make)

    def balancer(self) -> Balancer:
        return Balancer(
            self.store,
            self.plane,
            address_of=lambda db, id: self.addresses.get(id),
            changed=self.changed,
            now=lambda: self.now,
        )

    @asynccontextmanager
    async def balanced(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.balancer().run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def wish(self, work: Any) -> None:
        await self.store.run(work)
        self.changed.set()

    async def register(self, port: int, id: str = "i-1") -> None:
        self.addresses[id] = "127.0.0.1"
        await self.wish(lambda db: targets.register(db, "group", id=id, port=port, now=self.now))

    async def deregister(self, port: int, id: str = "i-1") -> None:
        await self.wish(lambda db: targets.deregister(db, "group", id=id, port=port, now=self.now))

    async def states(self) -> dict[int, str]:
        return {target.port: target.state for target in await self.store.run(lambda db: targets.in_group(db, "group"))}

    async def become(self, states: dict[int, str], seconds: float = 5.0) -> None:
        async def so() -> bool:
            return await self.states() == states

        await eventually(so, seconds)

    async def problem(self) -> str:
        [listener] = await self.store.run(listeners.list_all)
        return listener.problem


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World(FakePlane(), 8080)
    await made.begin()
    yield made
    made.store.close()


def served(world: World) -> dict[str, bool]:
    """Target names in the fake plane, and whether they get new requests."""
    return {target.name: not target.draining for group in world.plane.groups for target in group.targets}


async def test_a_target_serves_after_one_good_probe(world):
    async with a_web() as web, world.balanced():
        await world.register(web.target.port)
        await world.become({web.target.port: "healthy"})
        await eventually(lambda: served(world) == {web.name: True})


async def test_a_target_that_does_not_listen_yet_serves_as_soon_as_it_does(world):
    port = free_port()
    async with world.balanced():
        await world.register(port)
        await eventually(lambda: served(world) == {f"127.0.0.1:{port}": False})
        assert await world.states() == {port: "initial"}
        async with a_web(port):
            await world.become({port: "healthy"})


async def test_a_target_that_answers_with_an_error_gets_no_requests_while_another_is_healthy(world):
    await world.store.run(lambda db: target_groups.save(db, replace(GROUP, health_check_interval_seconds=0)))
    async with a_web() as good, a_web() as bad, world.balanced():
        bad.status = 500
        await world.register(good.target.port)
        await world.register(bad.target.port)
        await world.become({good.target.port: "healthy", bad.target.port: "unhealthy"})
        await eventually(lambda: served(world) == {good.name: True, bad.name: False})
        rows = await world.store.run(lambda db: targets.in_group(db, "group"))
        [row] = [row for row in rows if row.port == bad.target.port]
        assert row.reason == "Target.ResponseCodeMismatch"
        assert row.description == "Health checks failed with these codes: [500]"
        good.status = 500
        await world.become({good.target.port: "unhealthy", bad.target.port: "unhealthy"})
        await eventually(lambda: served(world) == {good.name: True, bad.name: True})


async def test_an_idle_target_goes_at_once_when_it_is_deregistered(world):
    async with a_web() as web, world.balanced():
        await world.register(web.target.port)
        await world.become({web.target.port: "healthy"})
        await world.deregister(web.target.port)
        await world.become({})
        assert served(world) == {}


async def test_a_busy_target_drains_until_its_requests_have_ended(world):
    async with a_web() as web, world.balanced():
        await world.register(web.target.port)
        await world.become({web.target.port: "healthy"})
        world.plane.in_flight["web", web.name] = 1
        await world.deregister(web.target.port)
        await eventually(lambda: served(world) == {web.name: False})
        assert await world.states() == {web.target.port: "draining"}
        world.plane.in_flight["web", web.name] = 0
        world.changed.set()
        await world.become({})


async def test_a_target_that_stays_busy_goes_when_the_delay_is_over(world):
    async with a_web() as web, world.balanced():
        await world.register(web.target.port)
        await world.become({web.target.port: "healthy"})
        world.plane.in_flight["web", web.name] = 1
        await world.deregister(web.target.port)
        await eventually(lambda: served(world) == {web.name: False})
        world.now += 29.0
        world.changed.set()
        assert await world.states() == {web.target.port: "draining"}
        world.now += 1.0
        world.changed.set()
        await world.become({})


async def test_a_target_stays_until_the_delay_is_over_while_nobody_tells_what_is_in_flight(world, monkeypatch):
    asked = 0

    async def silent():
        nonlocal asked
        asked += 1
        raise PlaneFailure("NotAnswering", "HAProxy does not answer")

    async with a_web() as web, world.balanced():
        await world.register(web.target.port)
        await world.become({web.target.port: "healthy"})
        monkeypatch.setattr(world.plane, "metrics", silent)
        await world.deregister(web.target.port)
        await eventually(lambda: served(world) == {web.name: False})
        world.now += 29.0
        before = asked
        await eventually(lambda: asked > before + 2)
        assert await world.states() == {web.target.port: "draining"}
        world.now += 1.0
        world.changed.set()
        await world.become({})


async def test_a_target_of_an_instance_that_is_gone_is_unused(world):
    async with a_web() as web, world.balanced():
        await world.register(web.target.port)
        await world.become({web.target.port: "healthy"})
        del world.addresses["i-1"]
        world.changed.set()
        await world.become({web.target.port: "unused"})
        [row] = await world.store.run(lambda db: targets.in_group(db, "group"))
        assert (row.reason, served(world)) == ("Target.InvalidState", {})


async def test_a_port_that_is_taken_is_the_listeners_problem_until_it_is_free(world):
    world.plane.taken[8080] = "port 8080 of 127.0.0.1 is taken by nginx (process 7)"
    async with world.balanced():
        await eventually(world.problem)
        assert await world.problem() == "port 8080 of 127.0.0.1 is taken by nginx (process 7)"
        world.plane.taken.clear()
        world.changed.set()

        async def solved() -> bool:
            return not await world.problem()

        await eventually(solved)


async def test_a_plane_that_fails_is_every_listeners_problem(world):
    world.plane.broken = PlaneFailure("CannotStart", "HAProxy did not start: no memory")
    async with world.balanced():
        await eventually(world.problem)
        assert await world.problem() == "HAProxy did not start: no memory"


async def test_a_plane_that_fails_makes_no_target_healthy_and_lets_none_go(world):
    async with a_web() as one, a_web() as two, world.balanced():
        await world.register(one.target.port)
        await world.become({one.target.port: "healthy"})
        world.plane.broken = PlaneFailure("ConfigurationRefused", "no")
        await world.register(two.target.port)
        await world.deregister(one.target.port)
        await eventually(world.problem)
        await eventually(lambda: two.asked > 1)
        assert await world.states() == {one.target.port: "draining", two.target.port: "initial"}


@pytest.mark.parametrize(
    ("arn", "problem"),
    [
        ("rule-None", "the default rule of port 8080 is left out: no"),
        ("group", "target group web is left out: no"),
    ],
)
async def test_what_the_plane_leaves_out_is_the_listeners_problem_until_it_is_carried(world, arn, problem):
    world.plane.refused[arn] = "no"
    async with world.balanced():
        await eventually(world.problem)
        assert await world.problem() == problem
        world.plane.refused.clear()
        world.changed.set()

        async def solved() -> bool:
            return not await world.problem()

        await eventually(solved)


async def test_a_target_that_the_plane_refuses_is_unhealthy_and_says_why(world):
    async with a_web() as good, a_web() as bad, world.balanced():
        world.plane.refused[bad.name] = "HAProxy refuses it"
        await world.register(good.target.port)
        await world.register(bad.target.port)
        await world.become({good.target.port: "healthy", bad.target.port: "unhealthy"})
        rows = await world.store.run(lambda db: targets.in_group(db, "group"))
        [row] = [row for row in rows if row.port == bad.target.port]
        assert (row.reason, row.description) == ("Elb.InternalError", "HAProxy refuses it")


async def test_a_group_that_cannot_be_spelled_out_costs_that_group_alone(world):
    poisoned = replace(
        GROUP, target_group_arn="bad", target_group_name="bad", attributes={"slow_start.duration_seconds": "x"}
    )
    await world.store.run(lambda db: target_groups.save(db, poisoned))
    await world.store.run(lambda db: rules.save(db, a_rule(1, on_path("/bad"), action=forward("bad"))))
    async with a_web() as web, world.balanced():
        await world.register(web.target.port)
        await world.become({web.target.port: "healthy"})
        await eventually(lambda: served(world) == {web.name: True})
        assert (await world.problem()).startswith("target group bad is left out: ValueError: ")


async def test_a_plane_whose_end_is_told_is_asked_again_for_a_change_or_its_end_alone(world):
    balancer = world.balancer()
    world.plane.watched = True
    for _ in range(3):
        await balancer.step()
    assert world.plane.applied == 1
    await world.wish(lambda db: rules.save(db, a_rule(1, on_path("/a"), action=forward("group"))))
    for _ in range(3):
        await balancer.step()
    assert world.plane.applied == 2
    world.plane.running = world.plane.watched = False  # it died
    await balancer.step()
    assert (world.plane.running, world.plane.applied) == (True, 3)
    world.plane.taken[world.port] = "port 8080 of 127.0.0.1 is taken"
    for _ in range(2):
        await balancer.step()
    world.plane.watched = True
    world.plane.taken.clear()
    await balancer.step()
    assert await world.problem() == "", "what is not carried is asked for at every look"


async def test_the_end_of_a_plane_is_looked_at_when_it_is_told(world):
    async with world.balanced():
        await eventually(lambda: world.plane.running)
        world.plane.die()
        await eventually(lambda: world.plane.running)


async def test_services_behind_a_rule_that_is_left_out_are_told(cloud):
    balanced = ServiceLoadBalancer(target_group_arn="group", container_name="web", container_port=80)
    service = Service(
        service_arn="arn:aws:ecs:us-east-1:000000000000:service/default/web", service_name="web", created_at=0.0,
        cluster_arn="arn:aws:ecs:us-east-1:000000000000:cluster/default", task_definition="web:1", desired_count=0,
        load_balancers=(balanced,),
    )  # fmt: skip
    cloud.client("ecs").create_cluster()
    services.create(cloud.db, service)
    listener = Listener(listener_arn="listener", load_balancer_arn="lb", port=80)
    rule = a_rule(7, action=forward("group"))
    look = Seen(
        load_balancers={}, listeners=(listener,), rules={"listener": (rule,)}, groups={}, targets=(), addresses={}
    )
    problems = {"listener": "the rule of priority 7 is left out: no"}
    for _ in range(2):
        record_facts(cloud.db, look, Facts(judged=(), drained=frozenset(), problems=problems), 5.0)
    assert events.of_service(cloud.db, service.service_arn)[0].message == (
        "(service web) its load balancer is impaired: the rule of priority 7 is left out: no"
    )


async def test_nothing_runs_where_nothing_listens(world):
    async with world.balanced():
        await eventually(lambda: world.plane.running)
        await world.wish(lambda db: listeners.delete(db, "listener"))
        await eventually(lambda: not world.plane.running)


async def test_a_new_daemon_goes_on_with_the_health_that_was_found(world):
    async with a_web() as web:
        async with world.balanced():
            await world.register(web.target.port)
            await world.become({web.target.port: "healthy"})
        web.held.clear()
        world.plane = FakePlane()
        async with world.balanced():
            await eventually(lambda: world.plane.running)
            assert served(world) == {web.name: True}


@pytest.fixture
async def real(tmp_path) -> AsyncIterator[World]:
    made = World(HaproxyPlane(tmp_path), free_port())
    await made.begin()
    yield made
    await made.plane.stop()
    made.store.close()


UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
SWITCHED = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
"""The answer to that key, as RFC 6455 computes it."""


async def a_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A target: `/health` answers; an upgrade is taken and echoes; all else is server-sent events without an end."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        if head.startswith(b"GET /health"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        elif b"websocket" in head:
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\n" + SWITCHED)
            while data := await reader.read(100):
                writer.write(data)
                await writer.drain()
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            while True:
                writer.write(b"data: tick\n\n")
                await writer.drain()
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("upgraded", [False, True], ids=["server-sent events", "a websocket"])
async def test_what_streams_goes_on_while_its_target_drains(real, upgraded):
    async with serving(a_stream) as port, real.balanced():
        await real.register(port)
        await real.become({port: "healthy"})
        reader, writer = await asyncio.open_connection("127.0.0.1", real.port)
        writer.write(b"GET /stream HTTP/1.1\r\nHost: a\r\n" + (UPGRADE if upgraded else b"") + b"\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert (b" 101 " if upgraded else b" 200 ") in head

        async def ticks() -> bool:
            if upgraded:
                writer.write(b"ping")
            return bool(await asyncio.wait_for(reader.read(4), 5))

        await real.deregister(port)
        for second in range(1, 30):
            real.now += 1.0
            real.changed.set()
            assert await ticks(), second
            assert await real.states() == {port: "draining"}
        real.now += 1.0
        real.changed.set()
        await real.become({})
        writer.close()


@asynccontextmanager
async def load(url: str, clients: int = 4) -> AsyncIterator[list[int]]:
    """Requests all the time; the statuses that came, with 0 for none at all."""
    seen: list[int] = []

    async def ask() -> None:
        async with httpx2.AsyncClient() as client:
            while True:
                try:
                    seen.append((await client.get(url)).status_code)
                except httpx2.HTTPError:
                    seen.append(0)
                await asyncio.sleep(0.005)

    tasks = [asyncio.create_task(ask()) for _ in range(clients)]
    try:
        yield seen
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_fifty_swaps_of_the_target_under_load_lose_no_request(real):
    url = f"http://127.0.0.1:{real.port}/"
    async with a_web() as one, a_web() as two, real.balanced():
        webs = [one, two]
        await real.register(one.target.port)
        await real.become({one.target.port: "healthy"})
        async with httpx2.AsyncClient() as client:
            await eventually(lambda: target_of_is(client, url, one.name))
        async with load(url) as seen:
            for swap in range(1, 51):
                old, new = webs[(swap + 1) % 2].target.port, webs[swap % 2].target.port
                await real.register(new)
                await real.become({old: "healthy", new: "healthy"})
                await real.deregister(old)
                await real.become({new: "healthy"})
        assert set(seen) == {200}
        assert len(seen) > 100


async def test_a_killed_haproxy_is_healed_in_two_seconds_under_load(real):
    url = f"http://127.0.0.1:{real.port}/"
    async with a_web() as web, real.balanced():
        await real.register(web.target.port)
        await real.become({web.target.port: "healthy"})
        async with httpx2.AsyncClient() as client, load(url, clients=2):
            await eventually(lambda: target_of_is(client, url, web.name))
            await kill_haproxy(real.plane.folder)
            await eventually(lambda: refused(client, url))
            await eventually(lambda: target_of_is(client, url, web.name), seconds=2.0)


async def target_of_is(client: httpx2.AsyncClient, url: str, name: str) -> bool:
    try:
        return await target_of(client, url) == name
    except httpx2.HTTPError:
        return False


async def refused(client: httpx2.AsyncClient, url: str) -> bool:
    try:
        await client.get(url)
    except httpx2.HTTPError:
        return True
    return False


async def test_an_https_listener_is_carried_with_its_certificates_and_without_them_it_is_told(world):
    plane = world.plane
    pair = a_certificate("a.example.com")
    certificate = Certificate(
        certificate_arn="arn:a",
        domain_name="a.example.com",
        subject_alternative_names=("a.example.com",),
        type="IMPORTED",
        body=pair.body,
        chain=an_authority().body,
        serial="",
        subject="",
        issuer="",
        key_algorithm="EC-prime256v1",
        signature_algorithm="",
        not_before=0.0,
        not_after=0.0,
        created_at=0.0,
    )
    listener = Listener(
        listener_arn="listener",
        load_balancer_arn="lb",
        protocol="HTTPS",
        port=8443,
        certificates=("arn:a", "arn:gone"),
        ssl_policy="ELBSecurityPolicy-TLS13-1-3-2021-06",
    )
    await world.store.run(lambda db: certificates.put(db, certificate, pair.private_key))
    await world.store.run(lambda db: listeners.save(db, listener))
    async with world.balanced():
        tls = await eventually(lambda: plane.listeners and plane.listeners[0].tls)
        assert (tls.oldest, tls.newest) == ("TLSv1.3", "TLSv1.3")
        [own] = tls.certificates
        assert own.pem.index(pair.body.strip()) < own.pem.index(an_authority().body.strip())
        assert own.pem.endswith(pair.private_key)
        await world.wish(lambda db: certificates.delete(db, "arn:a"))
        await eventually(world.problem)
        assert "the certificate of port 8443 cannot be read" in await world.problem()
