"""`culm task`: a command as a one-time task of a service, with its output and its exit status.

Two ways, since ECS has no attached tasks. Without a terminal the command is the task's own container: the image's
entrypoint starts it, its lines are read from CloudWatch Logs, and its exit status is the container's. For somebody at
a terminal, or where input is to be passed on, the container waits instead, and the command is run in it by ECS Exec.
Either way the task has the service's image, role, configuration and memory, and is gone when the command has ended.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from culm import render
from culm.core.model.arn import last
from culm.core.model.record import record
from culm.errors import CulmError
from culm.operate.exec.task_session import Command, TaskSession, begin_in
from culm.project.project import Project, Service
from culm.target.connection import Target
from culm.target.eventual_consistency import once_known
from culm.target.observe import or_none
from culm.target.polling import intervals

STARTED_BY = "culm task"
MISSING = "ResourceNotFoundException"
QUIET_LOOKS = 3
"""Looks without a new line after the task has stopped: what it wrote last may come a little later than its end."""
READY = "culm-task-ready"
WAITS = f': > "${{TMPDIR:-/tmp}}/{READY}"; trap "exit 143" TERM; while :; do sleep 1; done'
"""What the container runs while a command is run in it. The entrypoint has put the configuration in place before."""
AWAITS = f'n=0; until [ -e "${{TMPDIR:-/tmp}}/{READY}" ] || [ $n -ge 300 ]; do n=$((n+1)); sleep 0.2; done; exec "$@"'
START_SECONDS = 300.0


@record
class OneOff:
    """A one-time task that has been started."""

    arn: str
    container: str
    group: str
    stream: str


def start(target: Target, project: Project, service: Service, words: Sequence[str], *, attended: bool) -> OneOff:
    """Run the service's live revision with another command.

    `attended`: the container only waits, and the command comes by ECS Exec. Raises CulmError when the service is not
    deployed, or no instance has room.
    """
    ecs = target.client("ecs")
    revision = live_revision(target, project, service)
    command = ["sh", "-c", WAITS] if attended else list(words)
    answer = once_known(
        lambda: ecs.run_task(
            cluster=project.name,
            taskDefinition=revision,
            count=1,
            launchType="EC2",
            startedBy=STARTED_BY,
            enableExecuteCommand=attended,
            overrides={"containerOverrides": [{"name": service.name, "command": command}]},
        )
    )
    if not answer["tasks"]:
        reasons = ", ".join(sorted({failure.get("reason", "") for failure in answer["failures"]}))
        raise CulmError(
            f"there is no room for a task of {service.name} ({service.memory} MiB): {reasons}",
            f"culm scale {service.name} 0 makes room; culm plan shows what the instances have",
        )
    arn = str(answer["tasks"][0]["taskArn"])
    stream = f"{service.name}/{service.name}/{last(arn)}"
    return OneOff(arn=arn, container=service.name, group=render.log_group(project, service), stream=stream)


def live_revision(target: Target, project: Project, service: Service) -> str:
    """Return the ARN of the task definition that the service runs now."""
    ecs = target.client("ecs")
    described = or_none(
        lambda: ecs.describe_services(cluster=project.name, services=[service.name])["services"],
        "ClusterNotFoundException",
    )
    active = [each for each in described or () if each["status"] == "ACTIVE"]
    if not active:
        raise CulmError(f"{service.name} is not deployed", f"culm deploy {service.name}")
    return str(active[0]["taskDefinition"])


def follow(target: Target, project: Project, task: OneOff, show: Callable[[str], None]) -> int:
    """Show each line that it writes until it has ended; its exit status."""
    token: str | None = None
    quiet = 0
    for pause in intervals(0.1, target.longest_pause):
        described = described_task(target, project, task)
        before = token
        token = read(target, task, token, show)
        if described["lastStatus"] == "STOPPED":
            quiet = quiet + 1 if token == before else 0
            if quiet >= QUIET_LOOKS:
                return exit_status(described, task)
        time.sleep(min(pause, 0.5) if described["lastStatus"] == "STOPPED" else pause)
    raise AssertionError("intervals do not end")


def read(target: Target, task: OneOff, token: str | None, show: Callable[[str], None]) -> str | None:
    """Show the lines behind a place in the log; the place behind them."""
    logs = target.client("logs")
    after = {"nextToken": token} if token else {}
    answer: Mapping[str, Any] | None = or_none(
        lambda: logs.get_log_events(logGroupName=task.group, logStreamName=task.stream, startFromHead=True, **after),
        MISSING,
    )
    for event in (answer or {}).get("events", ()):
        show(str(event["message"]))
    return str(answer["nextForwardToken"]) if answer else token


def exit_status(described: Mapping[str, Any], task: OneOff) -> int:
    """Return the container's exit code. Raises CulmError with the reason when it never ran."""
    own = (each for each in described["containers"] if each["name"] == task.container)
    container: Mapping[str, Any] = next(own, {})
    if "exitCode" in container:
        return int(container["exitCode"])
    reason = container.get("reason") or described.get("stoppedReason") or "no reason is known"
    raise CulmError(f"the task {last(task.arn)} did not run: {reason}", "the reason names what could not be had")


def described_task(target: Target, project: Project, task: OneOff) -> Mapping[str, Any]:
    """Return the task as ECS describes it now. Raises CulmError when ECS does not keep it any more."""
    ecs = target.client("ecs")
    answer: Sequence[Mapping[str, Any]] = once_known(
        lambda: ecs.describe_tasks(cluster=project.name, tasks=[task.arn])["tasks"]
    )
    if not answer:
        raise CulmError(f"the task {last(task.arn)} is gone", "culm logs may still have what it wrote")
    return answer[0]


def attend(target: Target, project: Project, service: Service, task: OneOff, command: Command) -> TaskSession:
    """Return a session in which the command is run, once the container waits for it."""
    started = time.monotonic()
    for pause in intervals(0.1, target.longest_pause):
        described = described_task(target, project, task)
        if described["lastStatus"] == "STOPPED":
            status = exit_status(described, task)
            raise CulmError(
                f"the container ended with status {status} instead of waiting: its entrypoint does not start what it "
                "is given, or the image has no sh",
                "without a terminal the command is handed to the entrypoint: culm task ... | cat",
            )
        if described["lastStatus"] == "RUNNING" and agent_runs(described, target):
            patient = ("sh", "-c", AWAITS, "culm", *command.words)
            return begin_in(target, project, replace(service, exec=True), described, replace(command, words=patient))
        if time.monotonic() - started > START_SECONDS:
            raise CulmError(f"the task {last(task.arn)} is still {described['lastStatus']}", "culm status")
        time.sleep(pause)
    raise AssertionError("intervals do not end")


def agent_runs(described: Mapping[str, Any], target: Target) -> bool:
    """Return whether ECS Exec's agent is up; a target that does not say so is taken at its word when the task runs."""
    agents = [agent for container in described["containers"] for agent in container.get("managedAgents") or ()]
    return not agents or all(agent["lastStatus"] == "RUNNING" for agent in agents)


def stop(target: Target, project: Project, task: OneOff) -> None:
    """Stop the task if it has not ended."""
    ecs = target.client("ecs")
    or_none(
        lambda: ecs.stop_task(cluster=project.name, task=task.arn, reason="its command has ended"),
        "InvalidParameterException",
    )
