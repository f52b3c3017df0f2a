"""What `decide.simulate` says of a roll is what the real control plane then does, on a runtime in memory.

The world does as it is told in both: after each look every task that was started runs, and every one that was stopped
has stopped. Then the plan's moves, their order and the instances are the cluster's own.
"""

import asyncio
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cluster.scheduler.conftest import World
from tests.conftest import Cloud
from tests.share import examples

from culm.cluster.scheduler.observe import observe
from culm.cluster.store.db import connect
from culm.core.decide.schedule import next_look
from culm.core.decide.simulate import Simulation, simulate
from culm.core.decide.state import ClusterState
from culm.core.model.arn import last
from culm.core.model.tasks import Task

LOOKS = 200
"""More than any of these rolls needs."""
ZONE = "attribute:ecs.availability-zone"
STRATEGIES: list[list[dict[str, str]]] = [
    [],
    [{"type": "spread", "field": ZONE}, {"type": "spread", "field": "instanceId"}],
    [{"type": "spread", "field": "instanceId"}],
    [{"type": "binpack", "field": "memory"}],
    [{"type": "spread", "field": ZONE}, {"type": "binpack", "field": "cpu"}],
    [{"type": "random"}],
]
CONSTRAINTS: list[list[dict[str, str]]] = [
    [],
    [],
    [{"type": "distinctInstance"}],
    [{"type": "memberOf", "expression": "runningTasksCount < 3"}],
]
PERCENTS = [(100, 200), (50, 100), (0, 100), (100, 150), (75, 125), (50, 200)]
Plan = dict[str, Any]


@st.composite
def wishes(draw: st.DrawFn, name: str) -> Plan:
    """A service, and how it is to be changed afterwards."""
    daemon = draw(st.integers(0, 5)) == 0
    return {
        "name": name,
        "daemon": daemon,
        "desired": draw(st.integers(0, 4)),
        "percents": draw(st.sampled_from(PERCENTS[1:3] if daemon else PERCENTS)),
        "strategy": [] if daemon else draw(st.sampled_from(STRATEGIES)),
        "constraints": [] if daemon else draw(st.sampled_from(CONSTRAINTS)),
        "memory": draw(st.sampled_from([64, 128, 256, 400])),
        "checked": draw(st.booleans()),
        "port": draw(st.sampled_from([0, 0, 0, 8080])),
        "then": draw(st.sampled_from(["roll", "roll", "grow", "shrink", "nothing"])),
    }


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[int], list[Plan]]:
    """The instances' MiB, and the services."""
    memories = draw(st.lists(st.sampled_from([300, 916, 995, 1900]), min_size=1, max_size=4))
    return memories, [draw(wishes(f"s{n}")) for n in range(draw(st.integers(1, 4)))]


def create(world: World, plan: Plan) -> None:
    register(world, plan, 1)
    low, high = plan["percents"]
    asked: dict[str, Any] = {
        "serviceName": plan["name"],
        "taskDefinition": f"{plan['name']}:1",
        "deploymentConfiguration": {"minimumHealthyPercent": low, "maximumPercent": high},
        "placementConstraints": plan["constraints"],
    }
    if plan["daemon"]:
        world.ecs.create_service(**asked, schedulingStrategy="DAEMON")
    else:
        world.ecs.create_service(**asked, desiredCount=plan["desired"], placementStrategy=plan["strategy"])


def register(world: World, plan: Plan, revision: int) -> None:
    check = {"command": ["CMD", "true"]}
    world.register(
        plan["name"],
        memory=plan["memory"],
        cpu=16,
        image=f"{plan['name']}:{revision}",
        portMappings=[{"containerPort": 80, "hostPort": plan["port"]}],
        **({"healthCheck": check} if plan["checked"] else {}),
    )


def change(world: World, plan: Plan) -> None:
    match plan["then"]:
        case "roll":
            register(world, plan, 2)
            world.ecs.update_service(service=plan["name"], taskDefinition=f"{plan['name']}:2")
        case "grow" if not plan["daemon"]:
            world.ecs.update_service(service=plan["name"], desiredCount=plan["desired"] + 2)
        case "shrink" if not plan["daemon"]:
            world.ecs.update_service(service=plan["name"], desiredCount=plan["desired"] // 2)


def seen(world: World) -> ClusterState:
    arns = world.ecs.list_services()["serviceArns"]
    return observe(world.cloud.db, "default", arns, world.cloud.clock.now)


async def live(world: World) -> list[str]:
    """Let the real thing come to rest, look by look; gives what it did, each look's starts before its stops."""
    moves: list[str] = []
    for _ in range(LOOKS):
        before = {t.task_arn: t for t in seen(world).tasks}
        done = await world.store.run(world.reconciler.decide)
        after = seen(world).tasks
        moves += [line("start", t) for t in after if t.task_arn not in before]
        told = (t for t in after if t.task_arn in before and t.desired_status != before[t.task_arn].desired_status)
        moves += [line("stop", t) for t in told]
        acted = await world.obey()
        if not done and not acted:
            look = next_look(seen(world))
            if look is None:
                return moves
            world.cloud.clock.now = look
    raise AssertionError("it never comes to rest")


def line(verb: str, task: Task) -> str:
    return f"{verb} {last(task.task_definition_arn)} on {last(task.container_instance_arn or '')}"


def moves_of(outcome: Simulation) -> list[str]:
    return [
        f"{m.verb} {last(m.task_definition_arn)} on {last(m.container_instance_arn)}"
        for m in outcome.moves
        if m.verb != "gone"
    ]


def sitting(state: ClusterState) -> Counter[tuple[str, str | None]]:
    """Where which revision runs, how often."""
    return Counter((t.task_definition_arn, t.container_instance_arn) for t in state.tasks if t.last_status == "RUNNING")


def states(state: ClusterState) -> dict[str, tuple[str, str]]:
    primaries = {s.service_name: s.primary for s in state.services}
    return {name: (last(p.task_definition), p.rollout_state) for name, p in primaries.items() if p}


async def play(cloud: Cloud, memories: list[int], plans: list[Plan]) -> None:
    cloud.db.close()
    cloud.db = connect(":memory:")
    world = World(cloud)
    try:
        world.ecs.create_cluster()
        for number, memory in enumerate(memories, start=1):
            world.add_instance(number, memory=memory)
        await world.settle()
        for act in (create, change):
            for plan in plans:
                act(world, plan)
            planned = simulate(seen(world), looks=LOOKS)
            assert planned.settled
            assert moves_of(planned) == await live(world)
            assert sitting(planned.state) == sitting(seen(world))
            assert states(planned.state) == states(seen(world))
            assert await world.lost() == set()
            cloud.clock.advance(60)
    finally:
        await world.crash()
        cloud.db.close()


@settings(max_examples=examples(15), deadline=None, suppress_health_check=list(HealthCheck))
@given(stories())
def test_what_is_planned_is_what_happens(cloud: Cloud, story: tuple[list[int], list[Plan]]) -> None:
    asyncio.run(play(cloud, *story))
