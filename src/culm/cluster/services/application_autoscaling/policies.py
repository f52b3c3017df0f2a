"""Scaling policies, of target tracking alone: other kinds are refused by name.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html
"""

from collections.abc import Mapping
from typing import Any, Literal

from culm.cluster.services.application_autoscaling.references import DIMENSION, find_target, invalid
from culm.cluster.store import scaling
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.record import record
from culm.core.model.scaling import REQUESTS, ScalingPolicy, TargetTracking
from culm.errors import AwsError


@record
class PutScalingPolicyInput:
    policy_name: str
    service_namespace: Literal["ecs"]
    resource_id: str
    scalable_dimension: Literal["ecs:service:DesiredCount"]
    policy_type: Literal["TargetTrackingScaling"] = "TargetTrackingScaling"
    target_tracking_scaling_policy_configuration: TargetTracking | None = None


@operation("application-autoscaling", "PutScalingPolicy")
def put_scaling_policy(call: Call, req: PutScalingPolicyInput) -> dict[str, Any]:
    """Save a target tracking policy; the scaling loop's next look goes by it.

    Raises ValidationException for another type of policy, a target of 0 or less, a negative cooldown, and a label that
    does not go with its metric.
    """
    find_target(call, req.resource_id)
    tracking = req.target_tracking_scaling_policy_configuration
    if tracking is None:
        raise invalid("A policy of type TargetTrackingScaling needs its TargetTrackingScalingPolicyConfiguration.")
    if tracking.target_value <= 0:
        raise invalid("TargetValue must be above 0.")
    if min(tracking.scale_in_cooldown, tracking.scale_out_cooldown) < 0:
        raise invalid("A cooldown must be 0 or more.")
    metric = tracking.predefined_metric_specification
    if (metric.predefined_metric_type == REQUESTS) != (metric.resource_label is not None):
        raise invalid(f"ResourceLabel goes with {REQUESTS}, and with no other metric.")
    policy = ScalingPolicy(
        policy_name=req.policy_name, resource_id=req.resource_id, tracking=tracking, created_at=call.now
    )
    scaling.save_policy(call.db, policy)
    return {"policy_arn": _arn(call, policy), "alarms": []}


@record
class DescribeScalingPoliciesInput:
    service_namespace: Literal["ecs"]
    policy_names: tuple[str, ...] = ()
    resource_id: str | None = None
    scalable_dimension: Literal["ecs:service:DesiredCount"] = DIMENSION


@operation("application-autoscaling", "DescribeScalingPolicies")
def describe_scaling_policies(call: Call, req: DescribeScalingPoliciesInput) -> dict[str, Any]:
    """Return the policies of a service, or those of them that are named."""
    asked = [
        policy
        for policy in scaling.policies(call.db, req.resource_id)
        if not req.policy_names or policy.policy_name in req.policy_names
    ]
    return {"scaling_policies": [_view(call, policy) for policy in asked]}


@record
class DeleteScalingPolicyInput:
    policy_name: str
    service_namespace: Literal["ecs"]
    resource_id: str
    scalable_dimension: Literal["ecs:service:DesiredCount"]


@operation("application-autoscaling", "DeleteScalingPolicy")
def delete_scaling_policy(call: Call, req: DeleteScalingPolicyInput) -> dict[str, Any]:
    """Delete a policy; the count stays as it is. Raises ObjectNotFoundException when there is none of the name."""
    if not scaling.delete_policy(call.db, req.resource_id, req.policy_name):
        raise AwsError("ObjectNotFoundException", f"No scaling policy found with name {req.policy_name}.")
    return {}


@record
class DescribeScalingActivitiesInput:
    service_namespace: Literal["ecs"]
    resource_id: str | None = None
    scalable_dimension: Literal["ecs:service:DesiredCount"] = DIMENSION


@operation("application-autoscaling", "DescribeScalingActivities")
def describe_scaling_activities(call: Call, req: DescribeScalingActivitiesInput) -> dict[str, Any]:
    """Return what scaling has done to a service, as ECS's activities are described."""
    return {
        "scaling_activities": [
            {
                "activity_id": each.activity_id,
                "service_namespace": "ecs",
                "resource_id": each.resource_id,
                "scalable_dimension": DIMENSION,
                "description": each.description,
                "cause": each.cause,
                "start_time": each.at,
                "end_time": each.at,
                "status_code": "Successful",
            }
            for each in scaling.activities(call.db, req.resource_id)
        ]
    }


def _view(call: Call, policy: ScalingPolicy) -> Mapping[str, Any]:
    return {
        "policy_arn": _arn(call, policy),
        "policy_name": policy.policy_name,
        "service_namespace": "ecs",
        "resource_id": policy.resource_id,
        "scalable_dimension": DIMENSION,
        "policy_type": "TargetTrackingScaling",
        "target_tracking_scaling_policy_configuration": policy.tracking,
        "alarms": [],
        "creation_time": policy.created_at,
    }


def _arn(call: Call, policy: ScalingPolicy) -> str:
    name = f"scalingPolicy:culm:resource/ecs/{policy.resource_id}:policyName/{policy.policy_name}"
    return arn("autoscaling", call.region, call.account, name)
