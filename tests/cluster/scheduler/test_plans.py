"""What is planned is what happens: `plan_moves` on the state read through boto3, then the same calls on the cluster.

The cluster is the real one: operations, reconciler and agents, on a runtime in memory.
"""

import random
from dataclasses import replace
from typing import Any

import pytest
from tests.cluster.scheduler.conftest import World
from tests.conftest import Cloud
from tests.share import examples

from culm.core.decide.state import ClusterState, is_gone
from culm.core.model.services import Service
from culm.plan import described
from culm.plan.moves import plan_moves
from culm.plan.waves import Moves, Wanted, Wave
from culm.project.sizes import Roll
from culm.render import percents

ROLLS: list[Roll] = ["auto", "auto", "start-first", "stop-first", (50, 100)]
STRATEGIES = [
    [{"type": "spread", "field": "instanceId"}],
    [{"type": "binpack", "field": "memory"}],
    [{"type": "spread", "field": "attribute:ecs.availability-zone"}, {"type": "binpack", "field": "cpu"}],
    [{"type": "random"}],
    [],
]


class Stage:
    """A random cluster with random services on it, and what a deploy wants of them."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.dice = random.Random(seed)
        self.names: list[str] = []
        self.single = self.dice.random() < 0.5
        """Whether every service wants one task."""

    async def set(self) -> None:
        for number in range(1, self.dice.randint(1, 4) + 1):
            self.world.add_instance(number, memory=self.dice.choice([600, 995, 995, 1901]))
        await self.world.settle()
        for number in range(self.dice.randint(1, 6)):
            self.names.append(f"s{number}")
            self.create(self.names[-1], self.world.register(self.names[-1], memory=self.size(), cpu=128))
            self.world.cloud.clock.advance(1)
            await self.world.settle()
        await self.steady()

    def size(self) -> int:
        return self.dice.choice([128, 256, 256, 300, 512])

    def create(self, name: str, revision: str) -> None:
        self.world.ecs.create_service(
            serviceName=name,
            taskDefinition=revision,
            desiredCount=1 if self.single else self.dice.randint(1, 3),
            placementStrategy=self.dice.choice(STRATEGIES),
            availabilityZoneRebalancing="DISABLED",  # as culm's own services, which may roll stop-first
        )

    async def steady(self) -> None:
        """Tasks that nobody checks count as healthy after 40 s."""
        for _ in range(6):
            await self.world.advance(41)

    def state(self) -> ClusterState:
        ecs = self.world.ecs
        instances = ecs.describe_container_instances(
            containerInstances=ecs.list_container_instances()["containerInstanceArns"]
        )["containerInstances"]
        services = ecs.describe_services(services=self.names)["services"]
        tasks = self.world.tasks()
        arns = {t["taskDefinitionArn"] for t in tasks} | {s["taskDefinition"] for s in services}
        definitions = [ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"] for arn in arns]
        return described.cluster_state(self.world.cloud.now, instances, tasks, services, definitions)

    def wanted(self) -> list[Wanted]:
        """New revisions of some, some with migrations, and a service that is not there yet."""
        found = {s["serviceName"]: s for s in self.world.ecs.describe_services(services=self.names)["services"]}
        wanted = []
        for name, live in found.items():
            if self.dice.random() < 0.3:
                continue
            service = described.service(live)
            if not self.single:
                service = replace(service, desired_count=max(1, service.desired_count + self.dice.choice([-1, 0, 1])))
            wanted.append(self.of(service, name))
        fresh = described.service(next(iter(found.values())))
        wanted.append(self.of(replace(fresh, service_name="fresh", service_arn=f"{fresh.service_arn}-fresh"), "fresh"))
        return wanted

    def of(self, service: Service, name: str) -> Wanted:
        size = self.size()
        definition = self.definition(self.world.register(name, memory=size, cpu=128, command=[str(size)]))
        migrates = self.dice.random() < 0.4
        migration = self.definition(self.world.register(f"{name}-migrate", memory=size)) if migrates else None
        return Wanted(
            service=service,
            definition=definition,
            migration=migration,
            roll=self.dice.choice(ROLLS),
        )

    def definition(self, arn: str) -> Any:
        answer = self.world.ecs.describe_task_definition(taskDefinition=arn)
        return described.task_definition(answer["taskDefinition"])

    async def deploy(self, wanted: list[Wanted], moves: Moves) -> list[tuple[str, str]]:
        """Make the calls that a client makes of the plan; where the migrations went."""
        by_name = {one.name: one for one in wanted}
        migrated: list[tuple[str, str]] = []
        for wave in moves.waves:
            migrated += await self.migrate(wave, by_name)
            for part in wave.parts:
                self.world.cloud.clock.advance(1)
                self.call(by_name[part.name], part.how)
            await self.world.settle()
            await self.steady()
        return migrated

    async def migrate(self, wave: Wave, by_name: dict[str, Wanted]) -> list[tuple[str, str]]:
        found = []
        for part in wave.parts:
            if part.lends:
                self.world.ecs.update_service(service=part.name, desiredCount=0)
                await self.world.settle()
        running = []
        for part in wave.parts:
            migration = by_name[part.name].migration
            if migration is None:
                continue
            answer = self.world.ecs.run_task(taskDefinition=migration.task_definition_arn)
            assert answer["failures"] == []
            [task] = answer["tasks"]
            found.append((part.name, task["containerInstanceArn"]))
            running.append(task["taskArn"])
        await self.world.settle()
        for arn in running:
            self.world.runtime.exit((await self.world.container_of(arn)).name, 0)
        await self.world.settle()
        return found

    def call(self, one: Wanted, how: str) -> None:
        ecs = self.world.ecs
        floor, ceiling = percents(one.roll, start_first=how == "start-first")
        settings: dict[str, Any] = {
            "desiredCount": one.service.desired_count,
            "placementStrategy": [
                {"type": s.type, **({"field": s.field} if s.field else {})} for s in one.service.placement_strategy
            ],
        }
        configuration = {"minimumHealthyPercent": floor, "maximumPercent": ceiling}
        if how == "new":
            self.names.append(one.name)
            arn = one.definition.task_definition_arn
            ecs.create_service(
                serviceName=one.name,
                taskDefinition=arn,
                deploymentConfiguration=configuration,
                availabilityZoneRebalancing="DISABLED",
                **settings,
            )
        else:
            ecs.update_service(
                service=one.name,
                taskDefinition=one.definition.task_definition_arn,
                deploymentConfiguration=configuration,
                **settings,
            )


@pytest.mark.parametrize("seed", range(examples(60)))
async def test_a_plan_is_what_happens(cloud: Cloud, seed: int) -> None:
    world = World(cloud)
    world.ecs.create_cluster()
    stage = Stage(world, seed)
    await stage.set()
    wanted = stage.wanted()
    before = stage.state()
    moves = plan_moves(before, wanted)
    migrated = await stage.deploy(wanted, moves)
    planned = [
        (part, step.move.container_instance_arn)
        for wave in moves.waves
        for step in wave.moments
        if step.move.verb == "start" and step.move.group.startswith("family:")
        for part in [step.move.group.removeprefix("family:").removesuffix("-migrate")]
    ]
    assert migrated == planned
    there = [(t["group"], t["taskDefinitionArn"], t["containerInstanceArn"]) for t in world.tasks()]
    expected = [
        (t.group, t.task_definition_arn, t.container_instance_arn or "") for t in moves.state.tasks if not is_gone(t)
    ]
    assert sorted(there) == sorted(expected)
    await world.crash()
