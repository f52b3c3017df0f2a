"""Why a task failed, on one screen: how it stopped, and what it wrote last."""

import re
from collections.abc import Mapping
from typing import Any

from culm import render
from culm.core.model.arn import last
from culm.deploy.job import Job
from culm.target.connection import Target
from culm.target.observe import or_none

LINES = 12
SEARCHED = 100
MISSING = "ResourceNotFoundException"


def of_task(job: Job, name: str, task: Mapping[str, Any], *, prefix: str) -> str:
    """Say how a task of the service `name` ended, in indented lines. `prefix` is that of its log stream."""
    reason = without_arns(task.get("stoppedReason", ""))
    lines = [f"task {last(task['taskArn'])}: {task.get('stopCode', '')} {reason}".rstrip()]
    for container in task.get("containers", ()):
        if "exitCode" in container or container.get("reason"):
            code = f"exit code {container['exitCode']}" if "exitCode" in container else "no exit code"
            reason = f", {container['reason']}" if container.get("reason") else ""
            lines.append(f"container {container['name']}: {code}{reason}")
    output = output_of(job, name, task, prefix=prefix)[-LINES:]
    lines += ["its last lines:", *(f"  {line}" for line in output)] if output else ["it wrote no line"]
    return "\n".join(f"  {line}" for line in lines)


def output_of(job: Job, name: str, task: Mapping[str, Any], *, prefix: str) -> list[str]:
    """Return the last lines that a task of the service `name` wrote.

    More than are shown, for the one that tells the cause.
    """
    service = job.service(name)
    stream = f"{prefix}/{service.name}/{last(task['taskArn'])}"
    return last_lines(job.target, render.log_group(job.project, service), stream, SEARCHED)


def last_lines(target: Target, group: str, stream: str, count: int) -> list[str]:
    """Return the end of one task's output; empty when it never said anything."""
    answer = or_none(
        lambda: target.client("logs").get_log_events(logGroupName=group, logStreamName=stream, limit=count), MISSING
    )
    return [event["message"] for event in answer["events"]] if answer else []


def without_arns(message: str) -> str:
    """Return the message with `bamboo-accounts` for `arn:aws:...:targetgroup/bamboo-accounts/0123456789abcdef`."""
    return re.sub(r"arn:aws:[^\s/)]+/([^\s/)]+)(?:/[0-9a-f]+)?", r"\1", message)


def as_in_the_image(line: str) -> str:
    """Return a line with the paths of files as the Dockerfile has them, not as a host process sees them.

    `/home/me/.culm/tasks/ecs-shop-web-1-web-0123/rootfs/app/main.py` is `/app/main.py`.
    """
    return re.sub(r"(?:/[^/\s'\"]+)*/tasks/ecs-[^/\s]+/rootfs(?=/)", "", line)
