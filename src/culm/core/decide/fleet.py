"""Decide which simulated instances to start and which to remove."""

from collections import Counter
from collections.abc import Sequence

from culm.core.model.instance_types import InstanceType
from culm.core.model.record import record


@record
class Machine:
    """A simulated instance that exists."""

    ec2_instance_id: str
    instance_type: str
    registered: bool
    """Whether ECS counts it among its cluster's instances: one that a client deregistered stays away, as on EC2."""
    tasks: int
    """Tasks on it that have not stopped."""
    draining: bool
    protected: bool = False
    """Whether it stays although there are too many."""


@record
class FleetChange:
    add: tuple[str, ...] = ()
    """Instance types."""
    drain: tuple[str, ...] = ()
    """EC2 instance ids: no new tasks, and those of services move."""
    remove: tuple[str, ...] = ()
    """EC2 instance ids that nothing runs on any more."""


def fleet_change(wished: Sequence[InstanceType], there: Sequence[Machine]) -> FleetChange:
    """Return the instances to start and those to remove; where there are too many, the emptiest go first."""
    wanted = Counter(t.name for t in wished)
    keep = Counter[str]()
    surplus = []
    for machine in sorted(
        there, key=lambda m: (not m.protected, m.registered, m.draining, -m.tasks, m.ec2_instance_id)
    ):
        if keep[machine.instance_type] < wanted[machine.instance_type]:
            keep[machine.instance_type] += 1
        else:
            surplus.append(machine)
    return FleetChange(
        add=tuple((wanted - keep).elements()),
        drain=tuple(m.ec2_instance_id for m in surplus if m.tasks and not m.draining and m.registered),
        remove=tuple(m.ec2_instance_id for m in surplus if not m.tasks),
    )
