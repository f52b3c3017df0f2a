"""What the load balancer carried, as CloudWatch has it."""

from typing import Any

from tests.traffic import a_rule, forward

from culm.cluster.balancer.fake import FakePlane
from culm.cluster.balancer.interface import Group, Listener
from culm.cluster.balancer.interface import Target as PlaneTarget
from culm.cluster.balancer.traffic import Meter
from culm.cluster.store import metrics
from culm.cluster.store.db import Store
from culm.core.decide.listener_rules import Request
from culm.core.model.load_balancers import RegisteredTarget, TargetGroup
from culm.core.model.metrics import Point, metric

GROUP = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/web/1"
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/shop/2"
OF_BALANCER = {"LoadBalancer": "app/shop/2"}
OF_GROUP = {**OF_BALANCER, "TargetGroup": "targetgroup/web/1"}
A_REQUEST = Request(method="GET", path="/", query=None, headers=(), source="127.0.0.1")


class World:
    def __init__(self) -> None:
        self.store = Store(":memory:")
        self.plane = FakePlane()
        self.meter = Meter(self.store, self.plane)
        self.targets = [
            RegisteredTarget(target_group_arn=GROUP, id=f"i-{n}", port=80, state=state, registered_at=0.0)
            for n, state in enumerate(("healthy", "unhealthy"))
        ]

    async def begin(self) -> None:
        rule = a_rule(None, action=forward(GROUP))
        group = Group(arn=GROUP, name="web", targets=(PlaneTarget(address="127.0.0.1", port=80),))
        await self.plane.apply([Listener(port=80, rules=(rule,))], [group])

    async def look(self, now: float) -> None:
        groups = {GROUP: TargetGroup(target_group_arn=GROUP, target_group_name="web", port=80)}
        await self.meter.look(groups, {GROUP: BALANCER}, self.targets, now)

    async def points(self, name: str, dimensions: dict[str, str]) -> Any:
        about = metric("AWS/ApplicationELB", name, **dimensions)
        return await self.store.run(lambda db: metrics.find(db, about, 0, 1e10))


async def test_requests_since_the_last_look_are_counted_once() -> None:
    world = World()
    await world.begin()
    world.plane.carry(80, A_REQUEST)
    await world.look(0.0)
    for _ in range(3):
        world.plane.carry(80, A_REQUEST)
    await world.look(60.0)
    await world.look(120.0)
    for dimensions in (OF_BALANCER, OF_GROUP):
        for name in ("RequestCount", "HTTPCode_Target_2XX_Count"):
            assert await world.points(name, dimensions) == [
                Point(at=60, samples=1, sum=3, minimum=3, maximum=3, unit="Count")
            ]
        [time] = await world.points("TargetResponseTime", dimensions)
        assert (time.samples, time.unit) == (3, "Seconds")
    [each] = await world.points("RequestCountPerTarget", OF_GROUP)
    assert each.sum == 1.5
    assert await world.points("HTTPCode_Target_5XX_Count", OF_GROUP) == []
    world.store.close()


async def test_healthy_and_other_targets_are_counted_at_every_look_that_is_due() -> None:
    world = World()
    await world.begin()
    for now in (0.0, 1.0, 4.9, 5.0):
        await world.look(now)
    [healthy] = await world.points("HealthyHostCount", OF_GROUP)
    [unhealthy] = await world.points("UnHealthyHostCount", OF_GROUP)
    assert (healthy.samples, healthy.sum, unhealthy.sum) == (2, 2, 2)
    world.store.close()


async def test_answers_that_the_load_balancer_fails_by_itself_are_counted_apart_from_those_of_tasks() -> None:
    world = World()
    world.plane.failed["web"] = 100
    await world.begin()
    await world.look(0.0)
    world.plane.failed["web"] += 7
    await world.look(60.0)
    world.plane.failed.clear()
    await world.look(120.0)
    [point] = await world.points("HTTPCode_ELB_5XX_Count", OF_BALANCER)
    assert (point.at, point.sum) == (60, 7)
    world.store.close()


async def test_a_plane_that_does_not_answer_for_a_look_has_its_requests_counted_once() -> None:
    world = World()
    await world.begin()
    await world.look(0.0)
    for now, running in ((60.0, True), (120.0, False), (180.0, True)):
        world.plane.running = True
        world.plane.carry(80, A_REQUEST)
        world.plane.running = running
        await world.look(now)
    assert [point.sum for point in await world.points("RequestCount", OF_BALANCER)] == [1, 2]
    world.store.close()
