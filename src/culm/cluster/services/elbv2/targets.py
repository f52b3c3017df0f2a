"""Targets: registering, deregistering, health.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html
"""

import ipaddress
import re
from typing import Any

from culm.cluster.link_local import is_link_local
from culm.cluster.services.elbv2.references import find_target_group
from culm.cluster.store.elbv2 import targets
from culm.cluster.wire.operations import Call, operation
from culm.core.model.load_balancers import RegisteredTarget, TargetGroup
from culm.core.model.record import Stored, record
from culm.errors import AwsError

TARGETS_PER_GROUP = 1000

_INSTANCE_ID = re.compile(r"i-[0-9a-f]{8,17}")


@record
class TargetDescription:
    id: str
    port: int | None = None
    """None: the group's, or every one that is registered under the id."""
    availability_zone: Stored[str | None] = None


@record
class RegisterTargetsInput:
    target_group_arn: str
    targets: tuple[TargetDescription, ...]


@operation("elbv2", "RegisterTargets", wakes=True)
def register_targets(call: Call, req: RegisterTargetsInput) -> None:
    """Register targets, under the group's port where they name none.

    Raises TooManyTargets, and the error of an id that the group's type cannot have.
    """
    group = find_target_group(call, req.target_group_arn)
    for target in req.targets:
        _check_id(group, target.id)
        if is_link_local(target.id):
            raise AwsError("ValidationError", f"The IP address '{target.id}' is link-local, and no target can be there")
        targets.register(call.db, group.target_group_arn, id=target.id, port=target.port or group.port, now=call.now)
    if len(targets.in_group(call.db, group.target_group_arn)) > TARGETS_PER_GROUP:
        raise AwsError("TooManyTargets", f"A target group can have at most {TARGETS_PER_GROUP} targets")


@record
class DeregisterTargetsInput:
    target_group_arn: str
    targets: tuple[TargetDescription, ...]


@operation("elbv2", "DeregisterTargets", wakes=True)
def deregister_targets(call: Call, req: DeregisterTargetsInput) -> None:
    """Deregister targets, which drain first. "If the target does not exist, the action returns successfully." """
    group = find_target_group(call, req.target_group_arn)
    for target in req.targets:
        _check_id(group, target.id)
        for there in targets.in_group(call.db, group.target_group_arn):
            if _names(target, there):
                targets.deregister(call.db, group.target_group_arn, id=there.id, port=there.port, now=call.now)


@record
class DescribeTargetHealthInput:
    target_group_arn: str
    targets: tuple[TargetDescription, ...] = ()


@operation("elbv2", "DescribeTargetHealth")
def describe_target_health(call: Call, req: DescribeTargetHealthInput) -> dict[str, Any]:
    """Return the health of a group's targets, or of those named; one that is not registered is `unused`."""
    group = find_target_group(call, req.target_group_arn)
    there = targets.in_group(call.db, group.target_group_arn)
    if not req.targets:
        return {"target_health_descriptions": [_view(group, target) for target in there]}
    views = []
    for wanted in req.targets:
        _check_id(group, wanted.id)
        health = [_view(group, target) for target in there if _names(wanted, target)]
        views += health or [_view(group, _not_registered(group, wanted))]
    return {"target_health_descriptions": views}


def _names(wanted: TargetDescription, there: RegisteredTarget) -> bool:
    return wanted.id == there.id and wanted.port in (None, there.port)


def _not_registered(group: TargetGroup, wanted: TargetDescription) -> RegisteredTarget:
    return RegisteredTarget(
        target_group_arn=group.target_group_arn,
        id=wanted.id,
        port=wanted.port or group.port,
        registered_at=0.0,
        state="unused",
        reason="Target.NotRegistered",
        description="Target is not registered to the target group",
    )


def _check_id(group: TargetGroup, id: str) -> None:
    if group.target_type == "instance":
        if not _INSTANCE_ID.fullmatch(id):
            raise AwsError("ValidationError", f"Instance ID '{id}' is not valid")
        return
    try:
        ipaddress.IPv4Address(id)
    except ValueError:
        raise AwsError("ValidationError", f"The IP address '{id}' is not a valid IPv4 address") from None


def _view(group: TargetGroup, target: RegisteredTarget) -> dict[str, Any]:
    traffic_port = group.health_check_port == "traffic-port"
    return {
        "target": {"id": target.id, "port": target.port},
        "health_check_port": str(target.port) if traffic_port else group.health_check_port,
        "target_health": {"state": target.state, "reason": target.reason, "description": target.description},
    }
