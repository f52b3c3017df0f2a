"""An hour of accidents and deploys in a minute: whatever happens, no rule is broken and every service ends well.

The whole control plane with its agents, on a runtime in memory, a clock by hand and an event loop that shuffles what is
ready; messages come late, twice, in another order or never; the clock jumps. A seed is a story: CULM_EXAMPLES plays
more of them, and CULM_SEED one alone.
"""

import asyncio
import os
import random
from collections import Counter
from typing import Any

import pytest
from tests.cluster.scheduler.conftest import World
from tests.cluster.scheduler.shuffled import ShuffledLoop, Unreliable

from culm.cluster.instance.runtime.fake import Script
from culm.cluster.store.ecs import services, tasks
from culm.core.decide.roster import HOLDING, limits

SEED = os.environ.get("CULM_SEED")
SEEDS = [int(SEED)] if SEED else range(int(os.environ.get("CULM_EXAMPLES", "1")))
HOUR = 3600.0
MEMORY = {1: 995, 2: 995, 3: 1900}
"""MiB of the instances by number."""
NAMES = ("a", "b", "c", "d")
PERCENTS = ((100, 200), (50, 100), (0, 100), (50, 150))
BREAKER = {"enable": True, "rollback": True}
FAULTS = ("kill", "sicken", "crash", "drain", "stop_task", "shuffled", "late", "twice", "overtaken", "jump")
"""Each has to fire in every story."""
RARE = ("lost", "heard, and nobody knows")
"""One of them has to."""
JUMPS = (-3600.0, -60.0, 60.0, 3600.0)
"""Seconds by which somebody sets the clock."""
WHY = ("was unable to", "is unable to consistently start")


class Chaos:
    """What happens next, by the dice of one seed; and what must hold afterwards."""

    def __init__(self, world: World, seed: int, faults: Counter[str]) -> None:
        self.world = world
        self.faults = faults
        self.dice = random.Random(seed)
        self.revisions: Counter[str] = Counter()
        self.jumped = 0.0
        self.first: list[Any] | None = None
        """What is still to happen before the dice choose alone."""
        self.story: list[str] = []

    async def go(self) -> None:
        """One accident or wish, and the time until the next one."""
        accidents = [self.kill, self.kill, self.sicken, self.crash, self.wait, self.jump]
        wishes = [self.deploy, self.deploy, self.scale, self.recreate, self.drain, self.run_task, self.stop_task]
        if self.first is None:  # each once, so that none is missing in a short story
            self.first = self.dice.sample([*accidents, *wishes], len(accidents) + len(wishes))
        happen = self.first.pop() if self.first else self.dice.choice([*accidents, *wishes])
        self.faults[happen.__name__] += 1
        self.story.append(f"{self.world.cloud.clock.now:.0f} {happen.__name__}")
        await happen()
        await self.world.settle()
        await self.check()
        await self.world.advance(self.dice.choice([0, 1, 5, 20, 45]))
        await self.check()

    # Accidents.

    async def kill(self) -> None:
        for seen in self.some(await self.world.containers()):
            self.world.runtime.exit(seen.name, self.dice.choice([0, 1, 137]))

    async def sicken(self) -> None:
        for seen in self.some(await self.world.containers()):
            self.world.runtime.set_health(seen.name, "UNHEALTHY")

    async def crash(self) -> None:
        """kill -9 of the control plane and the agents: containers go on, and some end meanwhile."""
        await self.world.crash()
        await self.kill()
        self.start_agents()

    async def wait(self) -> None:
        await self.world.advance(120)

    async def jump(self) -> None:
        """Somebody sets the clock, an hour of which the story does not count."""
        seconds = self.dice.choice(JUMPS)
        self.jumped += seconds
        await self.world.advance(seconds)

    # Wishes.

    async def drain(self) -> None:
        ecs = self.world.ecs
        arns = ecs.list_container_instances()["containerInstanceArns"]
        states = {i["containerInstanceArn"]: i["status"] for i in self.described(arns)}
        for arn in self.some(sorted(arns)):
            turned = "ACTIVE" if states[arn] == "DRAINING" else "DRAINING"
            ecs.update_container_instances_state(containerInstances=[arn], status=turned)

    async def deploy(self) -> None:
        name = self.dice.choice(NAMES)
        self.register(name, broken=self.dice.random() < 0.3)
        if self.exists(name):
            self.world.ecs.update_service(service=name, taskDefinition=name)
        else:
            self.create(name)

    async def scale(self) -> None:
        name = self.dice.choice(NAMES)
        if self.exists(name):
            self.world.ecs.update_service(service=name, desiredCount=self.dice.randrange(4))

    async def recreate(self) -> None:
        name = self.dice.choice(NAMES)
        if self.exists(name):
            self.world.ecs.delete_service(service=name, force=True)
        elif name not in [s.service_name for s in self.services()]:
            self.create(name)

    async def run_task(self) -> None:
        """A job that ends when somebody kills it."""
        self.world.ecs.run_task(taskDefinition="job", count=self.dice.randrange(1, 3))

    async def stop_task(self) -> None:
        for task in self.some(self.world.tasks()):
            self.world.ecs.stop_task(task=task["taskArn"])

    # What must hold.

    async def check(self) -> None:
        assert await self.world.lost() == set(), self.told()
        live = list(tasks.select(self.world.cloud.db, "last_status != 'STOPPED'", ()))
        for instance in self.described(self.world.ecs.list_container_instances()["containerInstanceArns"]):
            on = [t for t in live if t.container_instance_arn == instance["containerInstanceArn"]]
            numbers = {r["name"]: r for r in instance["registeredResources"]}
            left = {r["name"]: r for r in instance["remainingResources"]}
            used = sum(int(t.memory or 0) for t in on)
            assert used <= numbers["MEMORY"]["integerValue"], self.told()
            assert left["MEMORY"]["integerValue"] == numbers["MEMORY"]["integerValue"] - used, self.told()
            ports = Counter(b.host_port for t in on for c in t.containers for b in c.network_bindings)
            assert all(count == 1 for count in ports.values()), self.told()
        for service in self.services():
            own = [t for t in live if t.group == f"service:{service.service_name}"]
            staying = [t for t in own if t.desired_status == "RUNNING" and t.last_status in HOLDING]
            assert len(staying) <= max(limits(service, service.desired_count)[1], service.desired_count), self.told()

    async def calm(self) -> None:
        """No more accidents: every service comes to rest, or says why it cannot."""
        arns = self.world.ecs.list_container_instances()["containerInstanceArns"]
        self.world.ecs.update_container_instances_state(containerInstances=arns, status="ACTIVE")
        for _ in range(30):
            await self.world.advance(60)
        await self.check()
        for service in self.services():
            shown = self.world.service(service.service_name)
            primary = shown["deployments"][0]
            told = " ".join(event["message"] for event in shown["events"][:10])
            steady = shown["runningCount"] == shown["desiredCount"] and primary["rolloutState"] == "COMPLETED"
            assert steady or primary["rolloutState"] == "FAILED" or any(why in told for why in WHY), self.told()

    # Hands.

    def some(self, things: list[Any]) -> list[Any]:
        return self.dice.sample(things, min(len(things), self.dice.randrange(1, 3)))

    def start_agents(self) -> None:
        for number, memory in MEMORY.items():
            self.world.add_instance(number, memory=memory)

    def register(self, name: str, *, broken: bool) -> None:
        self.revisions[name] += 1
        image = f"{name}:{self.revisions[name]}"
        ends = self.dice.choice([Script(exit_code=1), Script(health="UNHEALTHY")])
        self.world.runtime.scripts[image] = ends if broken else Script()
        ports = [{"containerPort": 80, "hostPort": 8080 if name == "a" else 0}]
        check = {"command": ["CMD", "true"]}
        self.world.register(
            name, image=image, memory=self.dice.choice([128, 256]), portMappings=ports, healthCheck=check
        )

    def create(self, name: str) -> None:
        if not self.revisions[name]:
            self.register(name, broken=False)
        low, high = self.dice.choice(PERCENTS)
        percents = {"minimumHealthyPercent": low, "maximumPercent": high}
        self.world.ecs.create_service(
            serviceName=name,
            taskDefinition=name,
            desiredCount=self.dice.randrange(1, 4),
            deploymentConfiguration={**percents, "deploymentCircuitBreaker": BREAKER},
        )

    def exists(self, name: str) -> bool:
        return any(s.service_name == name and s.status == "ACTIVE" for s in self.services())

    def services(self) -> list[Any]:
        return list(services.in_cluster(self.world.cloud.db, "default"))

    def described(self, arns: list[str]) -> list[dict[str, Any]]:
        return list(self.world.ecs.describe_container_instances(containerInstances=arns)["containerInstances"])

    def told(self) -> str:
        return "\n".join(self.story[-40:])


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_an_hour_of_chaos_breaks_no_rule_and_ends_well(cloud: Any, seed: int) -> None:
    faults: Counter[str] = Counter()
    dice = random.Random(seed)
    try:
        with asyncio.Runner(loop_factory=lambda: ShuffledLoop(dice, faults)) as runner:
            runner.run(play(cloud, seed, faults))
        assert all(faults[kind] for kind in FAULTS), f"a fault never fired: {faults}"
        assert any(faults[kind] for kind in RARE), f"no line ever broke: {faults}"
    except BaseException as error:
        error.add_note(f"again: CULM_SEED={seed} .venv/bin/pytest {os.path.relpath(__file__)}")
        raise


async def play(cloud: Any, seed: int, faults: Counter[str]) -> None:
    world, between = World(cloud), random.Random(-seed - 1)
    world.between = lambda control: Unreliable(control, between, faults, world.under_way)
    world.ecs.create_cluster()
    chaos = Chaos(world, seed, faults)
    chaos.start_agents()
    world.register("job", memory=64)
    for name in NAMES:
        chaos.create(name)
    await world.settle()
    end = cloud.clock.now + HOUR
    while cloud.clock.now - chaos.jumped < end:
        await chaos.go()
    await chaos.calm()
    await world.crash()
