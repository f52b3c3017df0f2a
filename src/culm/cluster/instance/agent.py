"""The container agent of one instance: takes payloads, runs their containers, reports what becomes of them.

Four loops, which share nothing but the tasks that are known (`_tasks`) and one event (`_changed`):

    `run`      looks at the runtime, does what is next, reports; again when something has changed, or LOOK_EVERY later
    `_hear`    takes what the control plane sends: payloads, stops, manifests, keys
    `_watch`   lets the runtime's own events wake `run`
    `_measure` reports what containers use

and effects, a task of asyncio each: a start or a stop takes seconds, and nobody waits for another's.

The order within one look, and why:

    1. Note how many effects have ended. What the runtime shows is older than anything that ends while it is asked.
    2. Adopt tasks that have containers and are not known: after a restart their labels hold the whole payload.
    3. Take over what is shown (`task`, which says why not all of it), and follow the logs of new containers, so that
       the first lines of one that dies at once are not lost.
    4. Do what is next (`steps`, pure), for tasks that the instance has room for. The others wait, and nobody is told.
       A task whose containers all run, as they did at the last look, is passed over from step 3 on.
    5. Report what is new. A task's end waits up to LOGS_WAIT for its last lines.
    6. Forget a task KEEP_STOPPED after its end, and remove its containers.

Nothing is written down: what runs is asked of the runtime, what is wanted of the control plane, which sends all of it
to an agent that connects. So a crash at any point is healed by the next look.

Example: the daemon is killed while task T runs and U is being stopped. The new agent registers under its old ARN and
looks: both tasks are adopted as wanted RUNNING. It connects and gets the manifest {T}: U is not in it, so it asks
whether U may go (TaskStopVerificationMessage), and the answer sets U's wish to STOPPED. The next look stops it.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec

from culm.cluster.instance import multiline, volumes
from culm.cluster.instance.credentials import Credentials
from culm.cluster.instance.forwarder import Forwarder
from culm.cluster.instance.interface import Control, Files, Login, Logs, Secrets
from culm.cluster.instance.ledger import fits
from culm.cluster.instance.machine import Machine, registration
from culm.cluster.instance.metadata import Host, Metadata
from culm.cluster.instance.runtime.interface import Runtime, Seen
from culm.cluster.instance.specs import (
    DEFAULT_STOP_TIMEOUT,
    INSTANCE,
    PAYLOAD,
    TASK_ARN,
    Launch,
    Surroundings,
    container_name,
    log_stream,
    spec,
)
from culm.cluster.instance.steps import GiveUp, Start, Step, Stop, next_steps
from culm.cluster.instance.task import KnownTask
from culm.cluster.instance.telemetry import Telemetry
from culm.cluster.loop import end_if_cancelled
from culm.core.model.agent import (
    FromAgent,
    IAMRoleCredentialsMessage,
    PayloadMessage,
    SubmitTaskStateChange,
    TaskManifestMessage,
    TaskPayload,
    TaskStopVerificationAck,
    TaskStopVerificationMessage,
    ToAgent,
)
from culm.errors import RuntimeFailure

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between looks when nothing happens."""
MEASURE_EVERY = 5.0
"""Seconds between looks at what containers use."""
STOP_AGAIN = 1.0
"""Seconds until a container whose stop failed is stopped again; twice as many after each further failure."""
LONGEST_STOP_AGAIN = 30.0
KEEP_STOPPED = 180.0
"""Seconds that a stopped task's containers stay, for whoever wants to see them."""
LOGS_WAIT = 2.0
"""Seconds that a task's end is held back for its last log lines."""
NOT_HERE = "The task is not known on its container instance: its containers are gone"


class Agent:
    def __init__(
        self,
        *,
        machine: Machine,
        surroundings: Surroundings,
        control: Control,
        runtime: Runtime,
        logs: Logs,
        login: Login,
        credentials: Credentials,
        metadata: Metadata,
        secrets: Secrets,
        now: Callable[[], float],
        keep_stopped: float = KEEP_STOPPED,
        files: Files | None = None,
    ) -> None:
        self._machine = machine
        self._surroundings = surroundings
        self._control = control
        self._runtime = runtime
        self._logs = logs
        self._login = login
        self._credentials = credentials
        self._metadata = metadata
        self._host = Host(machine=machine, region=surroundings.region, stats=runtime)
        self._secrets = secrets
        self._files = files
        self._now = now
        self._keep_stopped = keep_stopped
        self._arn = ""
        self._tasks: dict[str, KnownTask] = {}
        self._forwarders: dict[str, Forwarder] = {}
        self._effects = 0
        """How many starts and stops have ended; a look at the runtime that began before one does not show it."""
        self._changed = asyncio.Event()
        self._group = asyncio.TaskGroup()

    async def run(self) -> None:
        """Work until cancelled; the containers run on."""
        self._arn = await self._control.register(registration(self._machine))
        async with self._group:
            await self._adopt()
            self._group.create_task(self._hear())
            self._group.create_task(self._watch())
            self._group.create_task(self._measure())
            while True:
                self._changed.clear()
                try:
                    await self._look()
                except RuntimeFailure as failure:
                    log.warning("%s cannot look at its containers: %s", self._machine.ec2_instance_id, failure)
                    end_if_cancelled()
                try:
                    async with asyncio.timeout(LOOK_EVERY):
                        await self._changed.wait()
                except TimeoutError:
                    pass

    async def _adopt(self) -> None:
        """Know the tasks whose containers are there before the control plane asks about them."""
        while True:
            try:
                await self._look()
                return
            except RuntimeFailure as failure:
                log.warning("%s cannot see its containers yet: %s", self._machine.ec2_instance_id, failure)
                end_if_cancelled()
                await asyncio.sleep(1.0)

    async def _hear(self) -> None:
        async for message in self._control.connect(self._arn):
            await self._take(message)
            self._changed.set()

    async def _watch(self) -> None:
        while True:
            try:
                async for _ in self._runtime.changes():
                    self._changed.set()
            except RuntimeFailure as failure:
                log.warning("%s lost sight of its runtime: %s", self._machine.ec2_instance_id, failure)
                end_if_cancelled()
            await asyncio.sleep(1.0)

    async def _measure(self) -> None:
        telemetry = Telemetry(self._runtime)
        while True:
            try:
                metrics = await telemetry.look(list(self._tasks.values()), self._now())
            except RuntimeFailure as failure:
                log.warning("%s cannot measure its containers: %s", self._machine.ec2_instance_id, failure)
                end_if_cancelled()
            else:
                await self._tell(metrics)
            await asyncio.sleep(MEASURE_EVERY)

    async def _take(self, message: ToAgent) -> None:
        match message:
            case PayloadMessage(tasks=tasks):
                for task in tasks:
                    await self._take_task(task)
            case TaskManifestMessage(task_arns=arns):
                for arn in arns:
                    if arn not in self._tasks:
                        await self._tell(SubmitTaskStateChange(task=arn, status="STOPPED", reason=NOT_HERE))
                extra = [t.arn for t in self._tasks.values() if t.arn not in arns and t.wanted == "RUNNING"]
                if extra:
                    await self._tell(TaskStopVerificationMessage(stop_candidates=tuple(extra)))
            case TaskStopVerificationAck(stop_tasks=arns):
                for arn in arns:
                    if arn in self._tasks:
                        self._tasks[arn].wanted = "STOPPED"
            case IAMRoleCredentialsMessage(task_arn=arn, role_credentials=given):
                self._credentials.put(arn, given)

    async def _take_task(self, task: TaskPayload) -> None:
        known = self._tasks.get(task.arn)
        if task.desired_status == "RUNNING" and known is None:
            self._know(KnownTask(task, self._now()))
        elif task.desired_status == "STOPPED" and known is not None:
            known.wanted = "STOPPED"
        elif task.desired_status == "STOPPED":
            await self._tell(SubmitTaskStateChange(task=task.arn, status="STOPPED", reason=NOT_HERE))

    def _know(self, task: KnownTask) -> KnownTask:
        self._tasks[task.arn] = task
        self._metadata.know(task, self._host)
        return task

    async def _tell(self, message: FromAgent) -> None:
        await self._control.submit(self._arn, message)

    async def _look(self) -> None:
        """See what there is, adopt it, do what is next for each task, and tell the news."""
        effects = self._effects
        by_task = self._by_task([s for s in await self._runtime.list() if s.labels.get(INSTANCE) == self._arn])
        now = self._now()
        for arn, containers in by_task.items():
            if arn not in self._tasks:
                payload = msgspec.json.decode(containers[0].labels[PAYLOAD], type=TaskPayload)
                self._know(KnownTask(payload, now)).accepted = True
        for task in list(self._tasks.values()):
            containers = by_task.get(task.arn, [])
            if task.is_settled(containers):
                continue
            task.observe(containers, now, effects)
            for container in containers:
                self._forward(task, container)
            if self._may_begin(task, now):
                progress = task.progress(now)
                for step in next_steps(task.payload, task.wanted, progress, now - task.taken_at):
                    self._do(task, step)
            await self._report(task)
            self._forget(task, containers, now)
            task.settle(containers)

    @staticmethod
    def _by_task(containers: list[Seen]) -> dict[str, list[Seen]]:
        by_task: dict[str, list[Seen]] = defaultdict(list)
        for container in containers:
            by_task[container.labels[TASK_ARN]].append(container)
        return by_task

    def _may_begin(self, task: KnownTask, now: float) -> bool:
        """Return whether a task fits now. One that does not waits without a word, as with the ECS agent."""
        if not task.accepted:
            others = [t.payload for t in self._tasks.values() if t.accepted and t.status(now) != "STOPPED"]
            task.accepted = task.wanted == "STOPPED" or fits(task.payload, others, self._machine)
        return task.accepted

    def _do(self, task: KnownTask, step: Step) -> None:
        match step:
            case Start(container=name, attempt=attempt):
                task.busy[name] = "starting"
                self._group.create_task(self._effect(task, name, partial(self._start, task, name, attempt)))
            case Stop(container=name):
                if name in task.resting:
                    return
                task.busy[name] = "stopping"
                self._group.create_task(self._effect(task, name, partial(self._stop, task, name)))
            case GiveUp(container=name, reason=reason):
                task.refuse(name, reason)
                self._changed.set()

    async def _effect(self, task: KnownTask, container: str, do: Callable[[], Awaitable[None]]) -> None:
        try:
            await do()
        except RuntimeFailure as failure:
            if task.busy[container] == "starting":
                task.refuse(container, str(failure))
            else:
                log.warning("%s could not stop %s: %s", self._machine.ec2_instance_id, container, failure)
                self._rest(task, container)
        except Exception as error:
            log.exception("%s: %s of task %s", self._machine.ec2_instance_id, container, task.arn)
            if task.busy[container] == "starting":
                what = f"CannotStartContainerError: the agent failed: {type(error).__name__}: {error}; see daemon.log"
                task.refuse(container, what)
            else:
                self._rest(task, container)
        finally:
            self._effects += 1
            task.touched[container] = self._effects
            del task.busy[container]
            self._changed.set()

    def _rest(self, task: KnownTask, container: str) -> None:
        """Leave a container whose stop failed alone for a while: the end of this effect starts the next look."""
        failures = task.failed_stops[container] = task.failed_stops.get(container, 0) + 1
        task.resting.add(container)

        def rested() -> None:
            task.resting.discard(container)
            self._changed.set()

        delay = min(STOP_AGAIN * 2.0 ** min(failures - 1, 10), LONGEST_STOP_AGAIN)
        self._later(delay, rested)

    @staticmethod
    def _later(seconds: float, do: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(seconds, do)

    async def _start(self, task: KnownTask, name: str, attempt: int) -> None:
        container = next(c for c in task.payload.containers if c.name == name)
        if (where := log_stream(task.payload, container, container_name(task.payload, name))) is not None:
            assert container.log_configuration is not None
            options = container.log_configuration.options
            multiline.beginning(options)
            create = options.get("awslogs-create-group") == "true"
            await self._logs.open(*where, create_group=create)
        secrets = await self._secrets(task.payload, container)
        await volumes.prepare(task.payload, self._surroundings)
        if self._files is not None and (files := await self._files(task.payload, container)):
            await volumes.fill(task.payload, container, files, self._surroundings)
        login = await self._login(container.image)
        if task.pull_started_at is None:
            task.pull_started_at = self._now()
        task.snapshots[name] = await self._runtime.start(
            spec(
                task.payload,
                container,
                self._surroundings,
                Launch(
                    container_instance_arn=self._arn,
                    attempt=attempt,
                    login=login,
                    credentials_path=self._credentials.path_of(task.arn),
                    secrets=secrets,
                    network_of=task.network_holder(),
                ),
            )
        )
        task.pull_stopped_at = task.pull_stopped_at or self._now()

    async def _stop(self, task: KnownTask, name: str) -> None:
        container = next(c for c in task.payload.containers if c.name == name)
        grace = container.stop_timeout if container.stop_timeout is not None else DEFAULT_STOP_TIMEOUT
        stopped = await self._runtime.stop(task.runtime_name(name), grace)
        if stopped is not None:
            task.ended_by_stop(name, stopped, grace)

    def _forward(self, task: KnownTask, snapshot: Seen) -> None:
        container = next(
            c for c in task.payload.containers if c.name == snapshot.labels["com.amazonaws.ecs.container-name"]
        )
        where = log_stream(task.payload, container, container_name(task.payload, container.name))
        if where is not None and snapshot.name not in self._forwarders and snapshot.state != "created":
            assert container.log_configuration is not None
            begins = multiline.beginning(container.log_configuration.options)
            forwarder = Forwarder(self._runtime, self._logs, snapshot.name, where, begins)
            self._forwarders[snapshot.name] = forwarder
            self._group.create_task(self._forwarded(forwarder))

    async def _forwarded(self, forwarder: Forwarder) -> None:
        await forwarder.run()
        self._changed.set()

    async def _report(self, task: KnownTask) -> None:
        now = self._now()
        if (change := task.news(now)) is not None and (change.status != "STOPPED" or self._logs_are_in(task, now)):
            await self._tell(change)
            task.reported(change)
        if (health := task.news_of_health(now)) is not None:
            await self._tell(health)
            task.reported(health)

    def _logs_are_in(self, task: KnownTask, now: float) -> bool:
        waited = now - (task.ended_at if task.ended_at is not None else now)
        names = [observed.name for observed in task.snapshots.values()]
        return waited >= LOGS_WAIT or all(self._forwarders[n].done for n in names if n in self._forwarders)

    def _forget(self, task: KnownTask, containers: list[Seen], now: float) -> None:
        """Remove a task's containers when it has been over for a while and all that they wrote is kept."""
        if not task.reported_stopped or task.ended_at is None or now - task.ended_at < self._keep_stopped:
            return
        if not all(self._forwarders[s.name].done for s in containers if s.name in self._forwarders):
            return
        del self._tasks[task.arn]
        self._credentials.forget(task.arn)
        self._metadata.forget(task)
        self._group.create_task(self._remove(task, [s.name for s in containers]))

    async def _remove(self, task: KnownTask, names: list[str]) -> None:
        for name in names:
            try:
                await self._runtime.remove(name)
            except RuntimeFailure as failure:
                log.warning("%s could not remove %s: %s", self._machine.ec2_instance_id, name, failure)
            self._forwarders.pop(name, None)
        await volumes.discard(task.payload, self._surroundings)
