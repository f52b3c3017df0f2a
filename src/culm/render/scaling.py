"""Application Auto Scaling: between which bounds a service's count moves, and by what. Pure.

A policy of target tracking is rendered with every member that AWS would fill in otherwise, so that what is described
can be compared with it.
https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html
"""

from culm.core.model.scaling import COOLDOWN_SECONDS, CPU, MEMORY, REQUESTS
from culm.project.project import Project, Scaling, Service
from culm.render.names import family
from culm.render.surroundings import Input

METRICS = {"cpu": CPU, "memory": MEMORY, "requests": REQUESTS}
"""AWS's names of what `scale:` goes by."""
DIMENSION = "ecs:service:DesiredCount"
SERVICE = "ecs.application-autoscaling.amazonaws.com"
"""Whom the account's role for it trusts."""
ALARMS = 2
"""CloudWatch alarms of a policy, which Application Auto Scaling makes itself: one scales out, one in."""


def resource(cluster: str, service: str) -> Input:
    """Return the members that name a service in every operation of Application Auto Scaling."""
    return {"ServiceNamespace": "ecs", "ResourceId": f"service/{cluster}/{service}", "ScalableDimension": DIMENSION}


def scalable_target(project: Project, service: Service, scaling: Scaling) -> Input:
    """Return the input of RegisterScalableTarget."""
    bounds = {"MinCapacity": scaling.bounds.least, "MaxCapacity": scaling.bounds.most}
    return {**resource(project.name, service.name), **bounds}


def scaling_policy(
    project: Project, service: Service, scaling: Scaling, load_balancer_arn: str, target_group_arn: str
) -> Input:
    """Return the input of PutScalingPolicy; the ARNs are heeded only where it scales by requests."""
    metric: Input = {"PredefinedMetricType": METRICS[scaling.by.metric]}
    if scaling.by.metric == "requests":
        metric["ResourceLabel"] = resource_label(load_balancer_arn, target_group_arn)
    return {
        **resource(project.name, service.name),
        "PolicyName": family(project, service),
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": float(scaling.by.value),
            "PredefinedMetricSpecification": metric,
            "ScaleOutCooldown": COOLDOWN_SECONDS,
            "ScaleInCooldown": COOLDOWN_SECONDS,
            "DisableScaleIn": False,
        },
    }


def resource_label(load_balancer_arn: str, target_group_arn: str) -> str:
    """Return `app/NAME/ID/targetgroup/NAME/ID`.

    https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PredefinedMetricSpecification.html
    """
    return f"{load_balancer_arn.partition(':loadbalancer/')[2]}/{target_group_arn.rpartition(':')[2]}"
