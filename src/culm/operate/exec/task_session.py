"""A command in a service's task, through ECS Exec: Amazon's or the local cluster's, the session is the same.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
"""

import secrets
from collections.abc import Sequence
from typing import Any

from culm.core.model.arn import last
from culm.core.model.record import record
from culm.errors import CulmError
from culm.operate.exec.wrapping import wrapped
from culm.plan.observed import Described
from culm.project.project import Project, Service
from culm.target.connection import Target
from culm.target.observe import tasks


@record
class TaskSession:
    """Who has the token can open the stream, once and soon."""

    id: str
    url: str
    token: str
    nonce: str
    """Marks what the wrapping shell says: see `wrapping`."""


@record
class Command:
    words: Sequence[str]
    terminal: bool
    """Run it on a pseudo-terminal, of whose size and keys it hears."""


def begin(target: Target, project: Project, service: Service, command: Command, *, task: str | None) -> TaskSession:
    """Ask for a session with the command in the named task, or in the newest that runs."""
    return begin_in(target, project, service, choose(target, project, service, task), command)


def begin_in(target: Target, project: Project, service: Service, chosen: Described, command: Command) -> TaskSession:
    """Ask for a session with the command in this task. Raises CulmError when ECS Exec does not reach it."""
    from botocore.exceptions import ClientError

    nonce = secrets.token_hex(8)
    try:
        answer = target.client("ecs").execute_command(
            cluster=project.name,
            task=chosen["taskArn"],
            container=service.name,
            command=wrapped(command.words, nonce, terminal=command.terminal),
            interactive=True,
        )
    except ClientError as error:
        raise refused(service, chosen, error) from error
    session = answer["session"]
    return TaskSession(id=session["sessionId"], url=session["streamUrl"], token=session["tokenValue"], nonce=nonce)


def choose(target: Target, project: Project, service: Service, task: str | None) -> Described:
    """Return the task whose ARN begins with `task`, or the newest that runs. Raises CulmError where none does."""
    running = [
        each
        for each in tasks(target.client("ecs"), project.name, serviceName=service.name)
        if each["lastStatus"] == "RUNNING"
    ]
    if task is not None:
        running = [each for each in running if last(each["taskArn"]).startswith(task)]
    if not running:
        which = f"no task {task}" if task else "no task that runs"
        raise CulmError(f"{service.name} has {which}", "culm status says which there are")
    return max(running, key=lambda each: each["startedAt"])


def refused(service: Service, task: Described, error: Any) -> CulmError:
    """Return the error for a refusal of ECS Exec, with what to do about it."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if not task.get("enableExecuteCommand") and code == "InvalidParameterException":
        where = "" if service.exec else f"`exec: true` for {service.name} in culm.yml, "
        return CulmError(
            f"task {last(task['taskArn'])[:8]} of {service.name} was started without ECS Exec",
            f"{where}culm deploy {service.name}, then culm restart {service.name}",
        )
    if code in ("TargetNotConnectedException", "InvalidParameterException"):
        return CulmError(
            f"ECS Exec does not reach {service.name}: {message}",
            "a task that has just started needs some seconds; its role must allow ssmmessages, and the way out be open",
        )
    raise error
