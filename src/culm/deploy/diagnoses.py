"""What is wrong with the instances, told by what ECS says of tasks that they could not run; pure.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from culm.core.model.arn import last

KNOWN = (
    (
        r"exec format error|no matching manifest for|does not match the specified platform|"
        r"image operating system .* cannot be used",
        "the image is for another processor than the instances have: build it for theirs (docker build --platform "
        "linux/amd64 or linux/arm64), or take `instances:` of the other kind",
    ),
    (
        r"no space left on device",
        "the instance's disk is full: ECS removes images that are an hour old, twice an hour; replace the instance, "
        "or make images smaller",
    ),
    (
        r"CannotPull.*(?:i/o timeout|context deadline exceeded|request canceled|connection (?:refused|reset)|"
        r"dial tcp|no such host)",
        "the instance does not reach the registry: its subnet needs a route to the internet and a public address, its "
        "security group lets it out? culm aws diff",
    ),
    (
        r"CannotPull.*(?:denied|not authorized|403|no basic auth)",
        "the execution role may not fetch the image: culm aws diff shows what is otherwise in the stack",
    ),
    (
        r"unable to assume the role",
        "a role that was just made is known everywhere after some seconds: the same command again; else see its trust",
    ),
    (
        r"encountered error ['\"]?AGENT|agent (?:is )?(?:not connected|disconnected)",
        "the ECS agent of that instance is not connected: is the instance running and its disk not full? end it, and "
        "the auto scaling group starts another",
    ),
    (
        r"no container instances were found",
        "no instance has registered: it needs a minute or two after its start, the role of the stack, and a subnet "
        "with a route to the internet; culm aws diff",
    ),
)
"""What messages say, and what to try."""


def cure(message: str) -> str | None:
    """What to try, if the message is of a known ailment."""
    return next((hint for pattern, hint in KNOWN if re.search(pattern, message, re.IGNORECASE | re.DOTALL)), None)


def unwell(instances: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each container instance that takes no tasks, and why."""
    lines = []
    for instance in instances:
        name = instance.get("ec2InstanceId") or last(instance["containerInstanceArn"])
        if not instance.get("agentConnected", True):
            lines.append(f"instance {name}: its agent is disconnected")
        elif instance["status"] != "ACTIVE":
            reason = f", {instance['statusReason']}" if instance.get("statusReason") else ""
            lines.append(f"instance {name}: {instance['status']}{reason}")
    return lines
