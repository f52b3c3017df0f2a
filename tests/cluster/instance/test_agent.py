"""An agent between a control plane that only writes down what it is told, and a runtime in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from culm.cluster.instance import agent, forwarder
from culm.cluster.instance.agent import KEEP_STOPPED, NOT_HERE, Agent
from culm.cluster.instance.credentials import Credentials
from culm.cluster.instance.machine import Machine
from culm.cluster.instance.metadata import Metadata
from culm.cluster.instance.runtime.fake import FakeRuntime, Script
from culm.cluster.instance.runtime.interface import Line
from culm.cluster.instance.specs import Surroundings
from culm.core.model.agent import (
    ContainerPayload,
    PayloadMessage,
    PublishHealth,
    SubmitTaskStateChange,
    TaskManifestMessage,
    TaskPayload,
    TaskStopVerificationAck,
    TaskStopVerificationMessage,
)
from culm.core.model.task_definitions import HealthCheck, LogConfiguration
from culm.errors import RuntimeFailure

AROUND = Surroundings(
    address="127.77.0.11", region="us-east-1", api="http://127.0.0.1", agent="http://127.0.0.1", volumes="/nowhere"
)
MACHINE = Machine(cluster="default", ec2_instance_id="i-1", address="127.77.0.11", memory=512)


class Control:
    """A control plane: `orders` are what the agent hears, `news` what it has told."""

    def __init__(self) -> None:
        self.orders: asyncio.Queue[Any] = asyncio.Queue()
        self.news: list[Any] = []
        self.arn = "arn:instance"

    async def register(self, registration: Any) -> str:
        return self.arn

    async def connect(self, container_instance_arn: str) -> AsyncIterator[Any]:
        while True:
            yield await self.orders.get()

    async def submit(self, container_instance_arn: str, message: Any) -> None:
        self.news.append(message)

    def changes(self, task: str = "task/1") -> Iterator[SubmitTaskStateChange]:
        return (m for m in self.news if isinstance(m, SubmitTaskStateChange) and m.task == task)

    def statuses(self, task: str = "task/1") -> list[str]:
        return [change.status for change in self.changes(task)]


class LogLines:
    """CloudWatch Logs: the texts that were kept. Where `free` is cleared, lines wait until it is set."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.opened: list[tuple[str, str, bool]] = []
        self.free = asyncio.Event()
        self.free.set()

    async def open(self, group: str, stream: str, *, create_group: bool) -> None:
        self.opened.append((group, stream, create_group))

    async def append(self, group: str, stream: str, container: str, lines: Sequence[Line]) -> None:
        await self.free.wait()
        self.texts += [line.text for line in lines]

    async def cursor(self, container: str) -> str | None:
        return None


class Stand:
    """An agent, and everything that it touches."""

    def __init__(self, runtime: FakeRuntime | None = None, **scripts: Script) -> None:
        self.now = 100.0
        self.control = Control()
        self.logs = LogLines()
        self.runtime = runtime or FakeRuntime(lambda: self.now, scripts)
        self.metadata = Metadata(lambda: self.now)
        self.agent = Agent(
            machine=MACHINE,
            surroundings=AROUND,
            control=self.control,
            runtime=self.runtime,
            logs=self.logs,
            login=self._no_login,
            credentials=Credentials(),
            metadata=self.metadata,
            secrets=self._no_secrets,
            now=lambda: self.now,
        )

    async def _no_login(self, image: str) -> tuple[str, str] | None:
        return None

    async def _no_secrets(self, task: TaskPayload, container: ContainerPayload) -> Mapping[str, str]:
        return {}

    async def hears(self, message: Any) -> None:
        self.control.orders.put_nowait(message)
        await self.settled()

    async def starts(self, *tasks: TaskPayload) -> None:
        await self.hears(PayloadMessage(tasks=tasks))

    async def settled(self, seconds: float = 0.0) -> None:
        """Let time pass, and let everything happen that follows without more of it.

        An agent looks every few seconds anyway. Where no time passes, it is what has happened that makes it look.
        """
        self.now += seconds
        if seconds:
            self.agent._changed.set()
        for _ in range(200):
            await asyncio.sleep(0)

    async def until(self, holds: Callable[[], bool]) -> None:
        """For what goes through a thread, as the folders of volumes do."""
        async with asyncio.timeout(30):
            while not holds():
                await self.settled()
                await asyncio.sleep(0.001)

    async def states(self) -> list[str]:
        return [seen.state for seen in await self.runtime.list()]


async def asked(app: Any, path: str) -> int:
    """The status of an answer of an endpoint for containers."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "method": "GET", "path": path, "headers": []}, receive, send)
    return int(sent[0]["status"])


@asynccontextmanager
async def working(**scripts: Script) -> AsyncIterator[Stand]:
    stand = Stand(**scripts)
    running = asyncio.create_task(stand.agent.run())
    await stand.settled()
    yield stand
    assert not running.done(), running
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def a_task(number: int = 1, status: Any = "RUNNING", **container: Any) -> TaskPayload:
    values: dict[str, Any] = {"name": "web", "image": "web", "container_arn": "c", "memory": 256}
    return TaskPayload(
        arn=f"task/{number}",
        desired_status=status,
        family="web",
        version="1",
        containers=(ContainerPayload(**{**values, **container}),) if status == "RUNNING" else (),
    )


async def running_task(stand: Stand, **container: Any) -> str:
    """The name of its container in the runtime."""
    await stand.starts(a_task(**container))
    await stand.until(lambda: "RUNNING" in stand.control.statuses())
    return "ecs-web-1-web-1"


async def test_a_task_is_started_and_told_once_for_each_of_its_states() -> None:
    async with working() as stand:
        name = await running_task(stand)
        await stand.settled(1.0)
        await stand.settled(1.0)
        assert stand.control.statuses() == ["PENDING", "RUNNING"]
        assert stand.runtime.spec_of(name).address == "127.77.0.11"


async def test_a_payload_that_is_told_again_starts_nothing_again() -> None:
    async with working() as stand:
        await running_task(stand)
        await stand.starts(a_task())
        assert await stand.states() == ["running"]


async def test_a_task_that_is_to_stop_is_stopped_and_says_when_it_had_to_be_killed() -> None:
    async with working(web=Script(obeys_sigterm=False)) as stand:
        await running_task(stand, stop_timeout=7)
        await stand.starts(a_task(status="STOPPED"))
        await stand.until(lambda: "STOPPED" in stand.control.statuses())
        [*_, last] = stand.control.changes()
        assert last.containers[0].exit_code == 137
        assert (last.containers[0].reason or "").startswith("it did not end within 7 s of its stop signal")


async def test_a_task_that_is_to_stop_and_is_not_there_is_told_as_stopped() -> None:
    async with working() as stand:
        await stand.starts(a_task(9, status="STOPPED"))
        [change] = stand.control.changes("task/9")
        assert (change.status, change.reason) == ("STOPPED", NOT_HERE)


async def test_a_manifest_is_answered_with_what_is_missing_and_what_is_too_much() -> None:
    async with working() as stand:
        await running_task(stand)
        await stand.hears(TaskManifestMessage(task_arns=("task/1", "task/2")))
        assert [change.reason for change in stand.control.changes("task/2")] == [NOT_HERE]
        assert not any(isinstance(m, TaskStopVerificationMessage) for m in stand.control.news)

        await stand.hears(TaskManifestMessage(task_arns=()))
        assert TaskStopVerificationMessage(stop_candidates=("task/1",)) in stand.control.news
        assert await stand.states() == ["running"], "it asks first"

        await stand.hears(TaskStopVerificationAck(stop_tasks=("task/1", "task/3")))
        await stand.until(lambda: "STOPPED" in stand.control.statuses())
        stand.control.news.clear()
        await stand.hears(TaskManifestMessage(task_arns=()))
        assert stand.control.news == [], "it has been told to stop that one"


async def test_a_container_that_cannot_start_is_refused_with_the_runtimes_reason() -> None:
    failure = RuntimeFailure("CannotPullContainerError", "there is no such image")
    async with working(web=Script(failure=failure)) as stand:
        await stand.starts(a_task())
        await stand.until(lambda: "STOPPED" in stand.control.statuses())
        [*_, last] = stand.control.changes()
        assert last.reason == str(failure)


async def test_a_bug_at_the_start_of_a_container_is_told_and_names_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(spec: Any) -> Any:
        raise ValueError("what nobody thought of")

    async with working() as stand:
        monkeypatch.setattr(stand.runtime, "start", fail)
        await stand.starts(a_task())
        await stand.until(lambda: "STOPPED" in stand.control.statuses())
        [*_, last] = stand.control.changes()
        assert last.reason == (
            "CannotStartContainerError: the agent failed: ValueError: what nobody thought of; see daemon.log"
        )


@pytest.mark.parametrize("error", [ValueError("nobody"), RuntimeFailure("EngineError", "busy")])
async def test_a_stop_that_fails_is_tried_again_and_is_no_reason_of_the_containers_end(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [error]
    monkeypatch.setattr(agent, "STOP_AGAIN", 0.01)

    async with working() as stand:
        stop = stand.runtime.stop

        async def fail_once(name: str, grace: float) -> Any:
            if failures:
                raise failures.pop()
            return await stop(name, grace)

        await running_task(stand)
        monkeypatch.setattr(stand.runtime, "stop", fail_once)
        await stand.starts(a_task(status="STOPPED"))
        await stand.until(lambda: "STOPPED" in stand.control.statuses())
        [*_, last] = stand.control.changes()
        assert (last.reason, last.containers[0].reason, last.containers[0].exit_code) == ("", None, 143)


@pytest.mark.parametrize("error", [ValueError("nobody"), RuntimeFailure("EngineError", "busy")])
async def test_a_stop_that_goes_on_failing_is_tried_less_and_less_often(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[str] = []
    delays: list[float] = []
    later: list[Callable[[], None]] = []

    async def fail(name: str, grace: float) -> Any:
        attempts.append(name)
        raise error

    def call_later(delay: float, callback: Callable[[], None]) -> None:
        delays.append(delay)
        later.append(callback)

    async with working() as stand:
        await running_task(stand)
        monkeypatch.setattr(stand.runtime, "stop", fail)
        monkeypatch.setattr(stand.agent, "_later", call_later)
        await stand.starts(a_task(status="STOPPED"))
        for number in range(1, 8):
            await stand.until(lambda number=number: len(delays) == number)
            await stand.settled(60.0)
            assert len(attempts) == number, "no look tries it again before its time"
            later[-1]()
        assert delays == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


async def test_a_task_waits_until_those_before_it_leave_room_and_nobody_is_told() -> None:
    async with working() as stand:
        await running_task(stand, memory=400)
        await stand.starts(a_task(2, memory=400))
        assert await stand.states() == ["running"]
        assert stand.control.statuses("task/2") == ["PENDING"]
        stand.runtime.exit("ecs-web-1-web-1", 0)
        await stand.until(lambda: "RUNNING" in stand.control.statuses("task/2"))


async def test_the_containers_of_an_ended_task_are_kept_for_a_while() -> None:
    async with working() as stand:
        stand.runtime.exit(await running_task(stand), 0)
        await stand.until(lambda: "STOPPED" in stand.control.statuses())
        await stand.settled(KEEP_STOPPED - 1)
        assert await stand.states() == ["stopped"]
        await stand.settled(1.0)
        assert await stand.states() == []
        await stand.hears(TaskManifestMessage(task_arns=("task/1",)))
        assert stand.control.statuses()[-1] == "STOPPED"
        assert list(stand.control.changes())[-1].reason == NOT_HERE, "it is forgotten"


AWSLOGS = LogConfiguration(log_driver="awslogs", options={"awslogs-group": "/g", "awslogs-create-group": "true"})


async def test_what_a_container_writes_is_kept_before_its_end_is_told() -> None:
    async with working(web=Script(output=b"hello\n")) as stand:
        name = await running_task(stand, log_configuration=AWSLOGS)
        assert stand.logs.opened == [("/g", name, True)]
        stand.runtime.write(name, b"bye\n")
        stand.runtime.exit(name, 0)
        await stand.until(lambda: "STOPPED" in stand.control.statuses())
        assert stand.logs.texts == ["hello", "bye"]


async def test_an_end_is_told_as_soon_as_the_last_line_is_kept() -> None:
    async with working() as stand:
        name = await running_task(stand, log_configuration=AWSLOGS)
        stand.logs.free.clear()
        stand.runtime.write(name, b"bye\n")
        stand.runtime.exit(name, 0)
        await stand.settled()
        assert "STOPPED" not in stand.control.statuses()
        stand.logs.free.set()
        await stand.settled()
        assert "STOPPED" in stand.control.statuses()


async def test_lines_that_could_not_be_kept_are_kept_later_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with working() as stand:
        keep = stand.logs.append

        async def fail_once(*arguments: Any) -> None:
            monkeypatch.setattr(stand.logs, "append", keep)
            raise RuntimeFailure("LogsError", "the disk is full")

        monkeypatch.setattr(forwarder, "RETRY", 0.0)
        monkeypatch.setattr(stand.logs, "append", fail_once)
        name = await running_task(stand, log_configuration=AWSLOGS)
        stand.runtime.write(name, b"bye\n")
        await stand.until(lambda: stand.logs.texts == ["bye"])
    [warning] = [record.getMessage() for record in caplog.records if record.name == forwarder.log.name]
    assert warning == f"the log of {name} cannot be kept: LogsError: the disk is full"


async def test_lines_that_cannot_be_kept_hold_the_end_back_for_two_seconds_and_the_container_for_good() -> None:
    async with working() as stand:
        name = await running_task(stand, log_configuration=AWSLOGS)
        stand.logs.free.clear()
        stand.runtime.write(name, b"bye\n")
        stand.runtime.exit(name, 0)
        await stand.settled()
        await stand.settled(1.9)
        assert "STOPPED" not in stand.control.statuses()
        await stand.settled(0.2)
        assert "STOPPED" in stand.control.statuses()
        await stand.settled(2 * KEEP_STOPPED)
        assert await stand.states() == ["stopped"], "its last line is still there to be kept"


async def test_health_is_told_when_it_changes() -> None:
    async with working() as stand:
        name = await running_task(stand, health_check=HealthCheck(command=("CMD", "true")))
        await stand.settled()
        stand.runtime.set_health(name, "UNHEALTHY")
        await stand.settled()
        told = [m.containers[0].health_status for m in stand.control.news if isinstance(m, PublishHealth)]
        assert told == ["HEALTHY", "UNHEALTHY"]


async def test_after_a_restart_containers_are_adopted_before_a_manifest_is_answered() -> None:
    async with working() as stand:
        await running_task(stand)
        other = Stand(stand.runtime)
        other.control.orders.put_nowait(TaskManifestMessage(task_arns=("task/1",)))
        running = asyncio.create_task(other.agent.run())
        await other.settled()
        assert other.control.statuses() == ["RUNNING"]
        assert await other.states() == ["running"]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_containers_of_another_instance_are_none_of_its_business() -> None:
    async with working() as stand:
        await running_task(stand)
        neighbour = Stand(stand.runtime)
        neighbour.control.arn = "arn:neighbour"
        running = asyncio.create_task(neighbour.agent.run())
        await neighbour.settled()
        await neighbour.settled(2 * KEEP_STOPPED)
        assert neighbour.control.statuses() == []
        assert await stand.states() == ["running"]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_task_finds_its_metadata_while_it_is_known() -> None:
    async with working() as stand:
        name = await running_task(stand)
        path = stand.runtime.spec_of(name).environment["ECS_CONTAINER_METADATA_URI_V4"].removeprefix(AROUND.agent)
        assert await asked(stand.metadata, path) == 200
        stand.runtime.exit(name, 0)
        await stand.settled()
        await stand.settled(KEEP_STOPPED)
        assert await asked(stand.metadata, path) == 404
