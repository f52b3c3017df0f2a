"""EC2 instance types: what each registers with ECS, and how culm.yml writes a fleet of them.

Registered memory is what the kernel reports (MemTotal), not what the price list says: ECS counts
`MemTotal in MiB - ECS_RESERVED_MEMORY` and `1024 x vCPU`. The figures below were read off running instances where
`seen` says so; the rest are the type's memory less the same share that its nearest seen relative loses.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/memory-management.html
"""

import re
from typing import Literal

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
    seen: bool = False
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


def _family(
    name: str, architecture: Literal["x86_64", "arm64"], *rows: tuple[str, int, int, int, bool]
) -> list[InstanceType]:
    return [
        InstanceType(
            name=f"{name}.{size}",
            vcpus=vcpus,
            memory=gib,
            registered_memory=registered,
            architecture=architecture,
            seen=seen,
        )
        for size, vcpus, gib, registered, seen in rows
    ]


INSTANCE_TYPES: dict[str, InstanceType] = {
    t.name: t
    for t in [
        *_family(
            "t2",
            "x86_64",
            ("micro", 1, 1024, 995, True),
            ("small", 1, 2048, 2001, True),
            ("medium", 2, 4096, 3952, True),
            ("large", 2, 8192, 7932, False),
        ),
        *_family(
            "t3",
            "x86_64",
            ("nano", 2, 512, 411, False),
            ("micro", 2, 1024, 904, True),
            ("small", 2, 2048, 1901, True),
            ("medium", 2, 4096, 3828, True),
            ("large", 2, 8192, 7762, False),
        ),
        *_family(
            "t3a",
            "x86_64",
            ("nano", 2, 512, 411, False),
            ("micro", 2, 1024, 904, False),
            ("small", 2, 2048, 1901, False),
            ("medium", 2, 4096, 3828, False),
            ("large", 2, 8192, 7762, False),
        ),
        *_family(
            "t4g",
            "arm64",
            ("nano", 2, 512, 411, True),
            ("micro", 2, 1024, 916, True),
            ("small", 2, 2048, 1843, True),
            ("medium", 2, 4096, 3835, True),
            ("large", 2, 8192, 7762, False),
        ),
        *_family("m5", "x86_64", ("large", 2, 8192, 7762, False), ("xlarge", 4, 16384, 15582, False)),
        *_family(
            "m7g",
            "arm64",
            ("medium", 1, 4096, 3835, False),
            ("large", 2, 8192, 7762, False),
            ("xlarge", 4, 16384, 15582, False),
        ),
        *_family("c5", "x86_64", ("large", 2, 4096, 3785, False), ("xlarge", 4, 8192, 7651, False)),
        *_family(
            "c7g",
            "arm64",
            ("medium", 1, 2048, 1843, False),
            ("large", 2, 4096, 3785, False),
            ("xlarge", 4, 8192, 7651, False),
            ("2xlarge", 8, 16384, 15582, False),
        ),
        *_family("r7g", "arm64", ("medium", 1, 8192, 7762, False), ("large", 2, 16384, 15582, False)),
    ]
}


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
            raise ValueError(f"instance type '{name}' is not known; known are {', '.join(INSTANCE_TYPES)}")
        if not 1 <= count <= 100:
            raise ValueError(f"{count} x {name}: the count must be from 1 to 100")
        fleet += [INSTANCE_TYPES[name]] * count
    return tuple(fleet)
