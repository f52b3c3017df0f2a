"""Instances for a first culm.yml: as many, of the smallest usual type, as all its tasks fit on. Pure.

Tasks are spread as ECS spreads them, in the order of a deploy, each onto the instance with the most memory left; a
large one that comes last must find room, too. Sizes are what remains on a local instance, rounded down.
"""

from collections.abc import Sequence

from culm.core.model.record import record

MOST = 4
"""Of one type; more of them are fewer of the next one."""


@record
class InstanceSize:
    name: str
    memory: int
    """MiB."""
    cpu: int
    """Units: 1024 are one vCPU."""


TYPES = (
    InstanceSize(name="t2.micro", memory=960, cpu=1024),
    InstanceSize(name="t3a.small", memory=1850, cpu=2048),
    InstanceSize(name="t3a.medium", memory=3700, cpu=2048),
    InstanceSize(name="t3a.large", memory=7500, cpu=2048),
)
LEAST = 2


@record
class Reservation:
    """What one task reserves: MiB and CPU units."""

    memory: int = 256
    cpu: int = 128


def instances(needs: Sequence[Reservation]) -> str:
    """Return `instances:` for these tasks: `2 x t2.micro`, or more or larger ones."""
    for kind in TYPES:
        number = next((n for n in range(LEAST, MOST + 1) if fits(needs, kind, n)), None)
        if number is not None:
            return f"{number} x {kind.name}"
    return f"{MOST} x {TYPES[-1].name}"


def fits(needs: Sequence[Reservation], kind: InstanceSize, number: int) -> bool:
    """Return whether all tasks find room on so many instances of a type."""
    left = [Reservation(memory=kind.memory, cpu=kind.cpu)] * number
    for need in needs:
        at = max(range(number), key=lambda each: left[each].memory)
        memory, cpu = left[at].memory - need.memory, left[at].cpu - need.cpu
        if min(memory, cpu) < 0:
            return False
        left[at] = Reservation(memory=memory, cpu=cpu)
    return True
