"""Scalable targets: services of ECS whose counts Application Auto Scaling may change, and between which ends.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from culm.cluster.services.application_autoscaling.references import DIMENSION, find_target, invalid, service_of
from culm.cluster.store import scaling
from culm.cluster.store.ecs import services
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.record import Stored, record
from culm.core.model.scaling import ScalableTarget


@record
class RegisterScalableTargetInput:
    service_namespace: Literal["ecs"]
    resource_id: str
    scalable_dimension: Literal["ecs:service:DesiredCount"]
    min_capacity: int | None = None
    max_capacity: int | None = None
    role_arn: Stored[str | None] = None
    tags: Stored[Mapping[str, str] | None] = None


@operation("application-autoscaling", "RegisterScalableTarget", wakes=True)
def register_scalable_target(call: Call, req: RegisterScalableTargetInput) -> dict[str, Any]:
    """Save a target.

    A count outside of the new ends is brought to the nearer one at once; a service at 0 is left there.
    """
    service = service_of(call, req.resource_id)
    before = scaling.find_target(call.db, req.resource_id)
    if before is None and (req.min_capacity is None or req.max_capacity is None):
        raise invalid("Both MinCapacity and MaxCapacity are required for a new scalable target.")
    made = before or ScalableTarget(
        resource_id=req.resource_id, min_capacity=0, max_capacity=0, created_at=call.now, tags=req.tags or {}
    )
    made = replace(
        made,
        min_capacity=made.min_capacity if req.min_capacity is None else req.min_capacity,
        max_capacity=made.max_capacity if req.max_capacity is None else req.max_capacity,
        role_arn=req.role_arn or made.role_arn,
    )
    if not 0 <= made.min_capacity <= made.max_capacity:
        raise invalid("MinCapacity must be 0 or more, and not above MaxCapacity.")
    scaling.save_target(call.db, made)
    count = min(max(service.desired_count, made.min_capacity), made.max_capacity)
    if 0 < service.desired_count != count:
        services.save_wish(call.db, replace(service, desired_count=count))
    return {"scalable_target_arn": _arn(call, made)}


@record
class DescribeScalableTargetsInput:
    service_namespace: Literal["ecs"]
    resource_ids: tuple[str, ...] = ()
    scalable_dimension: Literal["ecs:service:DesiredCount"] = DIMENSION


@operation("application-autoscaling", "DescribeScalableTargets")
def describe_scalable_targets(call: Call, req: DescribeScalableTargetsInput) -> dict[str, Any]:
    """Return the range of each service that scales; of those that are named, or of all."""
    asked = [t for t in scaling.targets(call.db) if not req.resource_ids or t.resource_id in req.resource_ids]
    return {
        "scalable_targets": [
            {
                "service_namespace": "ecs",
                "resource_id": each.resource_id,
                "scalable_dimension": DIMENSION,
                "min_capacity": each.min_capacity,
                "max_capacity": each.max_capacity,
                "role_arn": each.role_arn or _linked_role(call),
                "creation_time": each.created_at,
                "scalable_target_arn": _arn(call, each),
            }
            for each in asked
        ]
    }


@record
class DeregisterScalableTargetInput:
    service_namespace: Literal["ecs"]
    resource_id: str
    scalable_dimension: Literal["ecs:service:DesiredCount"]


@operation("application-autoscaling", "DeregisterScalableTarget")
def deregister_scalable_target(call: Call, req: DeregisterScalableTargetInput) -> dict[str, Any]:
    """Remove a target with its policies; the service keeps the count that it has."""
    find_target(call, req.resource_id)
    scaling.delete_target(call.db, req.resource_id)
    return {}


def _arn(call: Call, target: ScalableTarget) -> str:
    return arn("application-autoscaling", call.region, call.account, f"scalable-target/{target.resource_id}")


def _linked_role(call: Call) -> str:
    name = "AWSServiceRoleForApplicationAutoScaling_ECSService"
    return arn("iam", "", call.account, f"role/aws-service-role/ecs.application-autoscaling.amazonaws.com/{name}")
