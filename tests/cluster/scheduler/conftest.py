"""A whole cluster in one process: boto3, the real operations, reconciler and agents, on a runtime in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from sqlite3 import Connection
from typing import Any, TypeVar

import pytest
from tests.cluster.scheduler.shuffled import LineBroken

from culm.cluster.instance.agent import Agent
from culm.cluster.instance.credentials import Credentials
from culm.cluster.instance.machine import Machine
from culm.cluster.instance.metadata import Metadata
from culm.cluster.instance.runtime.fake import FakeRuntime
from culm.cluster.instance.runtime.interface import Line, Seen
from culm.cluster.instance.specs import CONTAINER_NAME, TASK_ARN, Surroundings
from culm.cluster.instance.task_secrets import TaskSecrets
from culm.cluster.scheduler.agents import Agents
from culm.cluster.scheduler.reconciler import Reconciler
from culm.cluster.store.changes import Signal
from culm.cluster.store.db import transact
from culm.errors import RuntimeFailure

T = TypeVar("T")


class InlineStore:
    """The store on the test's own connection and thread."""

    def __init__(self, db: Connection) -> None:
        self.db = db

    async def run(self, work: Callable[[Connection], T]) -> T:
        return transact(self.db, work)

    async def run_long(self, work: Callable[[Connection], T]) -> T:
        return transact(self.db, work)


class LogsInMemory:
    def __init__(self) -> None:
        self.groups: set[str] = {"/there"}
        self.lines: dict[tuple[str, str], list[str]] = {}
        self.cursors: dict[str, str] = {}

    async def open(self, group: str, stream: str, *, create_group: bool) -> None:
        if group not in self.groups and not create_group:
            raise RuntimeFailure("CannotStartContainerError", "The specified log group does not exist.")
        self.groups.add(group)

    async def append(self, group: str, stream: str, container: str, lines: Sequence[Line]) -> None:
        self.lines.setdefault((group, stream), []).extend(line.text for line in lines)
        self.cursors[container] = lines[-1].cursor

    async def cursor(self, container: str) -> str | None:
        return self.cursors.get(container)


async def no_login(image: str) -> tuple[str, str] | None:
    return None


class World:
    """`settle()` lets everything happen that can happen without time passing."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.ecs = cloud.client("ecs")
        self.runtime = FakeRuntime(cloud.clock)
        self.logs = LogsInMemory()
        self.credentials = Credentials()
        self.metadata = Metadata(cloud.clock)
        self.store = InlineStore(cloud.db)
        self.volumes = "/nowhere"
        self.between: Callable[[Agents], Any] = lambda control: control
        """What stands between the agents and the control plane."""
        self.under_way: set[object] = set()
        """Messages that are still to be delivered."""
        self.memory = 256
        """MiB of a task, where a test does not say."""
        self._running: list[asyncio.Task[None]] = []
        self.boot()

    def boot(self) -> None:
        """A control plane that knows nothing but what is stored."""
        self.changed = Signal()
        self.agents = Agents(
            self.store,  # type: ignore[arg-type]
            self.changed,
            region="us-east-1",
            account="0" * 12,
            registry="127.0.0.1:4566",
            keys=self.cloud.keys,
            now=self.cloud.clock,
            new_id=self.cloud.new_id,
        )
        self.reconciler = Reconciler(
            self.store,  # type: ignore[arg-type]
            self.agents,
            self.changed,
            now=self.cloud.clock,
            new_id=self.cloud.new_id,
        )

    def add_instance(self, number: int = 1, *, cluster: str = "default", memory: int = 995) -> None:
        self.start_agent(
            Machine(
                cluster=cluster,
                ec2_instance_id=f"i-{number:017x}",
                address=f"127.77.0.{10 + number}",
                memory=memory,
                availability_zone=f"us-east-1{'ba'[number % 2]}",
                container_instance_arn=next((a for a in self._arns() if f"i-{number:017x}" in self._of(a)), None),
            )
        )

    def start_agent(self, machine: Machine) -> None:
        self._running.append(asyncio.create_task(self._run_agent(machine)))

    async def _run_agent(self, machine: Machine) -> None:
        """Until cancelled: one whose line breaks begins anew, and joins as the instance that it was."""
        while True:
            try:
                await self._agent(machine).run()
            except* LineBroken:
                joined = next((a for a in self._arns() if machine.ec2_instance_id in self._of(a)), None)
                machine = replace(machine, container_instance_arn=joined)

    def _agent(self, machine: Machine) -> Agent:
        around = Surroundings(
            address=machine.address,
            region="us-east-1",
            api="http://127.0.0.1:4566",
            agent="http://127.0.0.1:4566",
            volumes=self.volumes,
        )
        return Agent(
            machine=machine,
            surroundings=around,
            control=self.between(self.agents),
            runtime=self.runtime,
            logs=self.logs,
            login=no_login,
            credentials=self.credentials,
            metadata=self.metadata,
            secrets=TaskSecrets(self.store),  # type: ignore[arg-type]
            now=self.cloud.clock,
        )

    async def crash(self) -> None:
        """Control plane and agents die; containers go on; a new control plane starts."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running.clear()
        self.boot()

    async def settle(self) -> None:
        """Until nobody has anything left to do."""
        quiet = 0
        for _ in range(2000):
            for task in self._running:
                if task.done():
                    task.result()
            quiet = 0 if await self.reconciler.step() or self.under_way else quiet + 1
            if quiet > 30:
                return
            await asyncio.sleep(0)
        raise AssertionError("it never settles")

    async def until(self, holds: Callable[[], bool]) -> None:
        """For what needs another thread, which `settle` does not see."""
        async with asyncio.timeout(10):
            while not holds():
                await self.settle()
                await asyncio.sleep(0.01)

    async def obey(self) -> bool:
        """Let the agents do all that was decided, while nobody decides anew; whether anything was done."""
        before = self.cloud.db.total_changes
        quiet = 0
        while quiet < 30:
            changes = self.cloud.db.total_changes
            ordered = await self.agents.order()
            await asyncio.sleep(0)
            quiet = 0 if ordered or self.cloud.db.total_changes != changes else quiet + 1
        return self.cloud.db.total_changes != before

    async def lost(self) -> set[str]:
        """ARNs of tasks that run without a container or the other way round."""
        rows = self.cloud.db.execute("SELECT arn FROM ecs_task WHERE last_status = 'RUNNING'")
        return {row[0] for row in rows} ^ {seen.labels[TASK_ARN] for seen in await self.containers()}

    async def advance(self, seconds: float) -> None:
        self.cloud.clock.advance(seconds)
        await self.settle()

    async def containers(self, *, running: bool = True) -> list[Seen]:
        found = await self.runtime.list()
        return [s for s in found if s.state == "running" or not running]

    async def container_of(self, task_arn: str, name: str = "web") -> Seen:
        found = [
            s for s in await self.runtime.list() if s.labels[TASK_ARN] == task_arn and s.labels[CONTAINER_NAME] == name
        ]
        return found[-1]

    def register(self, family: str = "web", **changed: Any) -> str:
        container = {"name": "web", "image": f"{family}:1", "memory": 256, **changed}
        answer = self.ecs.register_task_definition(family=family, containerDefinitions=[container])
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def make_role(self, name: str) -> str:
        """One that tasks may have, with the conditions that AWS recommends; its ARN.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
        """
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": "000000000000"},
                "ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-east-1:000000000000:*"},
            },
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        made = self.cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)
        return str(made["Role"]["Arn"])

    def tasks(self, **filters: Any) -> list[dict[str, Any]]:
        arns = self.ecs.list_tasks(**filters)["taskArns"]
        return list(self.ecs.describe_tasks(tasks=arns)["tasks"]) if arns else []

    def task(self, arn: str) -> dict[str, Any]:
        return dict(self.ecs.describe_tasks(tasks=[arn])["tasks"][0])

    def service(self, name: str = "web") -> dict[str, Any]:
        return dict(self.ecs.describe_services(services=[name])["services"][0])

    def _arns(self) -> list[str]:
        return [r[0] for r in self.cloud.db.execute("SELECT arn FROM ecs_container_instance")]

    def _of(self, arn: str) -> str:
        row = self.cloud.db.execute("SELECT ec2_instance_id FROM ecs_container_instance WHERE arn = ?", (arn,))
        return str(row.fetchone()[0])


@pytest.fixture
async def world(cloud: Any) -> AsyncIterator[World]:
    """A default cluster with two t2.micro."""
    made = World(cloud)
    made.ecs.create_cluster()
    made.add_instance(1)
    made.add_instance(2)
    await made.settle()
    yield made
    await made.crash()
