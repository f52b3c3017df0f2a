"""A shell on a target's instance, through Session Manager: the way in where ECS Exec has none, as no agent has joined.

No port is open for it, and nobody needs a key: the instance's own agent asks Systems Manager.
https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager.html
"""

import secrets

from culm.aws import joining
from culm.aws.administration import SHELL_DOCUMENT
from culm.errors import CulmError
from culm.operate.exec.task_session import Command, TaskSession
from culm.operate.exec.wrapping import wrapped
from culm.project.project import Project
from culm.target.connection import Target

UNREACHED = (
    "an instance needs a minute to boot, and a way to ssm and ssmmessages; how it booted: "
    "aws ec2 get-console-output --latest --instance-id"
)


def begin(target: Target, project: Project, instance: str, command: Command) -> TaskSession:
    """Ask for a session with the command on the instance whose id begins with `instance`.

    Raises CulmError where there is no such instance, or several.
    """
    from botocore.exceptions import ClientError

    chosen = choose(target, project, instance)
    nonce = secrets.token_hex(8)
    try:
        session = target.client("ssm").start_session(
            Target=chosen,
            DocumentName=SHELL_DOCUMENT,
            Parameters={"command": [wrapped(command.words, nonce, terminal=command.terminal)]},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "TargetNotConnected":
            raise
        raise CulmError(f"Session Manager does not reach {chosen}", f"{UNREACHED} {chosen}") from error
    return TaskSession(id=session["SessionId"], url=session["StreamUrl"], token=session["TokenValue"], nonce=nonce)


def choose(target: Target, project: Project, instance: str) -> str:
    """Return the id of the only instance whose id begins with `instance`. Raises CulmError for none, or several."""
    ids: list[str] = [each["InstanceId"] for group in joining.groups(target, project) for each in group["Instances"]]
    fitting = [each for each in ids if each.startswith(instance)]
    if len(fitting) != 1:
        which = "several instances" if fitting else "no instance"
        raise CulmError(f"{project.name} has {which} {instance}", f"there are: {', '.join(sorted(ids)) or 'none'}")
    return fitting[0]
