"""Runs a service's migration as a one-time task and reads its exit code."""

import time
from collections.abc import Callable
from typing import Any

from culm import render
from culm.core.model.arn import last
from culm.deploy import causes, diagnoses
from culm.deploy.wait import UNKNOWN_SECONDS
from culm.errors import CulmError, TimedOut
from culm.project.project import Project, Service
from culm.target.connection import Target
from culm.target.eventual_consistency import once_known
from culm.target.observe import tasks
from culm.target.polling import intervals

TIMEOUT_SECONDS = 600.0
ROOM_SECONDS = 15.0
"""How long room may be promised and not there yet: what an API says of instances lags behind what stops on them."""


class NoRoom(CulmError):
    """No instance takes the migration."""


def migrate(
    target: Target,
    project: Project,
    service: Service,
    task_definition: str,
    progress: Callable[[str], None],
    *,
    placed: Callable[[], None] = lambda: None,
    patience: float = ROOM_SECONDS,
) -> None:
    """Run the migration to its end; raise with its exit code and last lines when it fails.

    One that still runs, of a deploy that was broken off, is waited for: two at once would step on each other.
    `placed` is called when it has a place, `patience` are the seconds for which it may have none.
    """
    ecs = target.client("ecs")
    family = render.family(project, service, migrate=True)
    for running in tasks(ecs, project.name, family=family, desiredStatus="RUNNING"):
        progress("a migration of an earlier deploy still runs")
        ended = until_stopped(target, project, service, running["taskArn"], progress)
        if ended["taskDefinitionArn"] == task_definition and exit_code(ended) == 0:
            return
    arn = run(ecs, project, service, task_definition, progress, patience)
    placed()
    ended = until_stopped(target, project, service, arn, progress)
    if (code := exit_code(ended)) != 0:
        ending = f"ended with exit code {code}" if code is not None else "did not start"
        told = causes.told(target, project, service, ended, prefix="migrate")
        raise CulmError(
            f"the migration of {service.name} {ending}; {service.name} stays as it was\n{told}",
            diagnoses.cure(told) or f"mend it, then: culm deploy {service.name}",
        )


def run(
    ecs: Any,
    project: Project,
    service: Service,
    task_definition: str,
    progress: Callable[[str], None],
    patience: float,
) -> str:
    """Start the task: its ARN. RunTask says RESOURCE:MEMORY and the like in an answer that is no error."""
    started = time.monotonic()
    for pause in intervals(0.5, 2.0):
        arn, reasons = try_to_run(ecs, project.name, task_definition)
        if arn is not None:
            return arn
        if time.monotonic() - started >= patience:
            raise NoRoom(
                f"there is no room for the migration of {service.name} ({service.memory} MiB): {', '.join(reasons)}",
                f"culm plan {service.name} shows the ways out, with their prices",
            )
        progress(f"waiting for room ({', '.join(reasons)})")
        time.sleep(pause)
    raise AssertionError("intervals do not end")


def try_to_run(ecs: Any, cluster: str, task_definition: str) -> tuple[str | None, list[str]]:
    """The task's ARN, or why there is no place for it now."""
    from botocore.exceptions import ClientError

    try:
        answer = once_known(
            lambda: ecs.run_task(
                cluster=cluster, taskDefinition=task_definition, count=1, launchType="EC2", startedBy="culm migrate"
            )
        )
    except ClientError as error:
        if "No Container Instances" in error.response["Error"].get("Message", ""):
            return None, ["no container instance"]
        raise
    if answer["tasks"]:
        return str(answer["tasks"][0]["taskArn"]), []
    return None, sorted({failure.get("reason", "") for failure in answer["failures"]})


def until_stopped(
    target: Target, project: Project, service: Service, arn: str, progress: Callable[[str], None]
) -> dict[str, Any]:
    ecs = target.client("ecs")
    started = time.monotonic()
    for pause in intervals(0.05, target.longest_pause):
        found: list[dict[str, Any]] = ecs.describe_tasks(cluster=project.name, tasks=[arn])["tasks"]
        if not found and time.monotonic() - started < UNKNOWN_SECONDS:
            progress("migration not known everywhere yet")
            time.sleep(pause)
            continue
        if not found:
            raise CulmError(f"the migration of {service.name} is gone: {last(arn)}", f"culm logs {service.name}")
        if found[0]["lastStatus"] == "STOPPED":
            return found[0]
        progress(f"migration {found[0]['lastStatus'].lower()}")
        if time.monotonic() - started > TIMEOUT_SECONDS:
            hint = (
                f"culm logs {service.name}; to stop it: aws ecs stop-task --cluster {project.name} --task {last(arn)}"
            )
            raise TimedOut(f"the migration of {service.name} still runs after {TIMEOUT_SECONDS:.0f} s", hint)
        time.sleep(pause)
    raise AssertionError("intervals do not end")


def exit_code(task: dict[str, Any]) -> int | None:
    """Of its one container; None when it never started."""
    codes = [container.get("exitCode") for container in task["containers"]]
    return codes[0] if codes else None
