"""EC2 instance types: what each registers with ECS, and how culm.yml writes a fleet of them.

Registered memory is what the kernel reports (MemTotal), not what the price list says: ECS counts
`MemTotal in MiB - ECS_RESERVED_MEMORY` and `1024 x vCPU`. The figures below were read off running instances where
`measured` says so; the rest are estimated from the type's memory.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/memory-management.html
"""

import difflib
import re
from typing import Literal

from culm.core.model import instance_table
from culm.core.model.record import record

USUAL_TASK_MEMORY = 256
"""MiB of a task, where culm.yml says nothing."""
MOST_RESERVED = 128
"""MiB."""


@record
class InstanceType:
    name: str
    vcpus: int
    memory: int
    """MiB on the price list."""
    registered_memory: int
    """MiB that ECS sees with ECS_RESERVED_MEMORY=0."""
    architecture: Literal["x86_64", "arm64"]
    measured: bool = False
    """Whether the registered memory was read off a real instance."""

    @property
    def cpu(self) -> int:
        """CPU units that it registers."""
        return 1024 * self.vcpus

    @property
    def reserved_memory(self) -> int:
        """Return the MiB for ECS_RESERVED_MEMORY: room for kernel, Docker and agent that costs no task its place.

        What is left over when tasks of the usual size fill the instance, in steps that are easy to read.
        """
        spare = self.registered_memory % USUAL_TASK_MEMORY
        return min(spare, MOST_RESERVED) // 8 * 8


SEEN = {
    **{"t2.micro": 995, "t2.small": 2001, "t2.medium": 3952},
    **{"t3.micro": 904, "t3.small": 1901, "t3.medium": 3828},
    **{"t4g.nano": 411, "t4g.micro": 916, "t4g.small": 1843, "t4g.medium": 3835},
}
"""MiB that ECS saw on running instances."""


def estimated(memory: int) -> int:
    """Return the MiB that ECS will see of a type that nobody has reported: what the kernel keeps grows with memory.

    The share is the largest that was seen in each size, so that a plan promises no room that is not there.
    """
    if memory <= 512:
        return memory - 101
    if memory <= 2048:
        return memory - 72 - memory * 65 // 1024
    return memory - 64 - memory * 5 // 100


def _parsed(table: str) -> dict[str, InstanceType]:
    kinds: dict[str, InstanceType] = {}
    for line in table.splitlines():
        name, vcpus, memory, architecture = line.split()
        kinds[name] = InstanceType(
            name=name,
            vcpus=int(vcpus),
            memory=int(memory),
            registered_memory=SEEN.get(name) or estimated(int(memory)),
            architecture="arm64" if architecture == "arm64" else "x86_64",
            measured=name in SEEN,
        )
    return kinds


INSTANCE_TYPES: dict[str, InstanceType] = _parsed(instance_table.TABLE)


def resembling(name: str) -> str:
    """Say what could have been meant by a type that is not known: the nearest names, or the families there are."""
    near = difflib.get_close_matches(name, INSTANCE_TYPES, n=3, cutoff=0.75)
    families = ", ".join(dict.fromkeys(known.partition(".")[0] for known in INSTANCE_TYPES))
    return f"did you mean {' or '.join(near)}?" if near else f"known families are {families}"


def parse_fleet(text: str) -> tuple[InstanceType, ...]:
    """Parse `2 x t2.micro`, or a mix: `1 x t3.small + 2 x t3.micro`. Returns one type for each instance.

    Raises `ValueError` with a message for people.
    """
    fleet: list[InstanceType] = []
    for part in text.split("+"):
        match = re.fullmatch(r"\s*(\d+)\s*[x×*]\s*([a-z0-9-]+\.[a-z0-9]+)\s*", part)
        if not match:
            raise ValueError(f"'{part.strip()}' is not written as COUNT x TYPE, such as '2 x t2.micro'")
        count, name = int(match[1]), match[2]
        if name not in INSTANCE_TYPES:
            raise ValueError(f"instance type '{name}' is not known; {resembling(name)}")
        if not 1 <= count <= 100:
            raise ValueError(f"{count} x {name}: the count must be from 1 to 100")
        fleet += [INSTANCE_TYPES[name]] * count
    return tuple(fleet)
