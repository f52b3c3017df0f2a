"""The small languages inside culm.yml's values: memory, instances, seconds."""

import re
from typing import Literal

from culm.core.model.record import record


@record
class Group:
    """Some instances of one type."""

    count: int
    instance_type: str

    def __str__(self) -> str:
        return f"{self.count} x {self.instance_type}"


Fleet = tuple[Group, ...]
Roll = Literal["auto", "start-first", "stop-first"] | tuple[int, int]
"""A pair is minimumHealthyPercent and maximumPercent, as ECS takes them."""

MIB_PER = {"": 1, "m": 1, "mb": 1, "mib": 1, "g": 1024, "gb": 1024, "gib": 1024}
SMALLEST_MEMORY = 6
"""Docker gives no container less (MiB). https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html"""
LARGEST_FLEET = 500


def memory(text: str) -> int:
    """Read MiB: `256`, `256 MB` or `0.5 GB`. MB and MiB are one here, as in a task definition."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text.strip())
    if match is None or match[2].lower() not in MIB_PER:
        raise ValueError(f"{text!r} is not a size in memory: write 256 (MiB), 256 MB or 0.5 GB")
    mib = float(match[1]) * MIB_PER[match[2].lower()]
    if mib != int(mib):
        raise ValueError(f"{text!r} is not a whole number of MiB")
    if mib < SMALLEST_MEMORY:
        raise ValueError(f"{text!r} is less than {SMALLEST_MEMORY} MiB, the least that a container can have")
    return int(mib)


def fleet(text: str) -> Fleet:
    """Read `2 x t2.micro`, or several kinds: `2 x t2.micro + 1 x t3.small`."""
    groups = []
    for part in text.split("+"):
        match = re.fullmatch(r"\s*(\d+)\s*x\s*([a-z][a-z0-9-]*\.[a-z0-9-]+)\s*", part)
        if match is None:
            raise ValueError(f"{text!r} does not name instances: write 2 x t2.micro, or 2 x t2.micro + 1 x t3.small")
        if not 1 <= int(match[1]) <= LARGEST_FLEET:
            raise ValueError(f"{text!r} asks for {match[1]} instances; it can be 1 to {LARGEST_FLEET}")
        groups.append(Group(count=int(match[1]), instance_type=match[2]))
    return tuple(groups)


def roll(text: str) -> Roll:
    """Read `auto`, `start-first`, `stop-first`, or ECS's own two percentages: `50/150`."""
    match text.strip().lower():
        case "auto" | "start-first" | "stop-first" as known:
            return known
    percents = re.fullmatch(r"(\d+)\s*%?\s*/\s*(\d+)\s*%?", text.strip())
    if percents is None:
        raise ValueError(
            f"{text!r} is no way to roll: auto, start-first, stop-first, or MINIMUM/MAXIMUM such as 50/150"
        )
    minimum, maximum = int(percents[1]), int(percents[2])
    if minimum > maximum or maximum == 0 or minimum == maximum == 100:
        raise ValueError(f"{text!r} is refused by ECS: the minimum is at most the maximum, and not both are 100")
    return minimum, maximum


def rate(text: str) -> float:
    """Read requests a second: `12`, `0.5`, `12/s` or `40/min`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:/\s*(s|min|h))?", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a load: write requests a second, 12 or 0.5, or 40/min")
    return float(match[1]) / {None: 1, "s": 1, "min": 60, "h": 3600}[match[2]]


def path_pattern(text: str) -> str:
    """Return a path condition of a listener rule, by the ALB's own rules.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html#path-conditions
    """
    if not text.startswith("/"):
        raise ValueError(f"{text!r} is not a path: it begins with /")
    if len(text) > 128:
        raise ValueError(f"{text!r} has {len(text)} characters; a listener rule takes 128")
    if wrong := re.search(r"[^A-Za-z0-9_\-.$/~\"'@:+&*?]", text):
        raise ValueError(f"{text!r} has a {wrong[0]!r}, which a listener rule does not take")
    if (wildcards := len(re.findall(r"[*?]", text))) > 5:
        raise ValueError(f"{text!r} has {wildcards} wildcards; a listener rule takes 5")
    return text


def name(text: str) -> str:
    """Return the name if AWS takes it for a cluster, load balancer, target group, repository and database."""
    if not re.fullmatch(r"[a-z](-?[a-z0-9])*", text):
        raise ValueError(
            f"{text!r} cannot be a name: lower-case letters, digits and single hyphens, a letter first, "
            "because repositories, target groups and databases are named after it"
        )
    if len(text) > 30:
        raise ValueError(f"{text!r} has {len(text)} characters; the vault's bucket leaves room for 30")
    if text.startswith("internal-"):
        raise ValueError(f"{text!r} begins with internal-, which AWS keeps for itself in load balancers' names")
    return text
