"""Instances that are not there yet: what the scheduler would see of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from culm.core.decide.fleet import Machine, fleet_change
from culm.core.decide.state import ClusterState, is_gone
from culm.core.model.instance_types import INSTANCE_TYPES, InstanceType
from culm.core.model.instances import Attribute, ContainerInstance

TYPE = "ecs.instance-type"
ZONE = "ecs.availability-zone"


def type_of(instance: ContainerInstance) -> str:
    """Return an instance's type, such as `t2.micro`; empty where the instance does not say."""
    return instance.attribute(TYPE) or ""


ITS_OWN = frozenset({TYPE, ZONE, "ecs.ami-id", "ecs.vpc-id", "ecs.subnet-id"})
"""Attributes that another instance of the cluster need not have."""


def imagined(
    kind: InstanceType,
    number: int,
    *,
    region: str,
    now: float,
    like: Sequence[ContainerInstance] = (),
    reserved: bool = False,
) -> ContainerInstance:
    """Return the `number`th instance of a fleet, from 1; they are spread over two zones in turn.

    `reserved`: it keeps memory from tasks, as the base stack's instances do.

    Its agent can do what the first of `like` can.
    """
    name = f"new-{number}"
    return ContainerInstance(
        container_instance_arn=f"arn:aws:ecs:{region}:000000000000:container-instance/{name}",
        ec2_instance_id=name,
        cpu=kind.cpu,
        memory=kind.registered_memory - (kind.reserved_memory if reserved else 0),
        attributes=(
            Attribute(name=TYPE, value=kind.name),
            Attribute(name=ZONE, value=f"{region}{'ab'[(number - 1) % 2]}"),
            *(a for other in like[:1] for a in other.attributes if a.name not in ITS_OWN),
        ),
        registered_at=now + number,
    )


def with_fleet(state: ClusterState, wished: Sequence[str], *, region: str, reserved: bool = False) -> ClusterState:
    """Return the cluster once its fleet has become the wished types: more instances, or some that drain."""
    kinds = [INSTANCE_TYPES[name] for name in wished]
    busy = Counter(t.container_instance_arn for t in state.tasks if not is_gone(t))
    there = [
        Machine(
            ec2_instance_id=i.ec2_instance_id,
            instance_type=type_of(i),
            registered=True,
            tasks=busy[i.container_instance_arn],
            draining=i.status == "DRAINING",
        )
        for i in state.instances
    ]
    change = fleet_change(kinds, there)
    stay = tuple(
        replace(i, status="DRAINING") if i.ec2_instance_id in change.drain else i
        for i in state.instances
        if i.ec2_instance_id not in change.remove
    )
    count = len(stay)
    new = (
        imagined(INSTANCE_TYPES[name], count + n, region=region, now=state.now, like=state.instances, reserved=reserved)
        for n, name in enumerate(change.add, 1)
    )
    return replace(state, instances=(*stay, *new))
