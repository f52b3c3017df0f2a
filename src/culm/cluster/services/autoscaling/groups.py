"""Auto scaling groups: the fleet starts and drains simulated instances until there are as many as are desired.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Literal

from culm.cluster.services.autoscaling.launch import MixedInstancesPolicy, Template, invalid, launch_of
from culm.cluster.services.autoscaling.tags import Tag, checked, described_tag
from culm.cluster.services.ec2.network import ZONES
from culm.cluster.store import autoscaling, machines
from culm.cluster.store.autoscaling import AutoScalingGroup
from culm.cluster.store.ec2 import networks
from culm.cluster.store.ecs import container_instances
from culm.cluster.store.machines import SimulatedMachine
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.network import Subnet
from culm.core.model.record import Stored, members, record
from culm.errors import AwsError


@members
class Settings:
    """Members that are kept and described back."""

    default_cooldown: Stored[int | None] = None
    default_instance_warmup: Stored[int | None] = None
    health_check_type: Stored[str | None] = None
    health_check_grace_period: Stored[int | None] = None
    new_instances_protected_from_scale_in: Stored[bool | None] = None
    capacity_rebalance: Stored[bool | None] = None
    max_instance_lifetime: Stored[int | None] = None
    termination_policies: Stored[tuple[str, ...] | None] = None
    service_linked_role_arn: Stored[str | None] = None
    availability_zones: Stored[tuple[str, ...] | None] = None
    instance_maintenance_policy: Stored[Mapping[str, Any] | None] = None
    availability_zone_distribution: Stored[Mapping[str, Any] | None] = None
    capacity_reservation_specification: Stored[Mapping[str, Any] | None] = None


UNSAID: Mapping[str, Any] = {
    "default_cooldown": 300,
    "health_check_type": "EC2",
    "health_check_grace_period": 0,
    "new_instances_protected_from_scale_in": False,
    "termination_policies": ("Default",),
}
"""What a group has that says nothing else."""
METRICS = tuple(
    f"Group{name}"
    for name in (
        *("MinSize", "MaxSize", "DesiredCapacity"),
        *(f"{state}Instances" for state in ("InService", "Pending", "Standby", "Terminating", "Total")),
    )
)
NONE = ("load_balancer_names", "target_group_arns", "suspended_processes", "enabled_metrics", "traffic_sources")
"""Lists that are empty here, and that clients read all the same."""


@record
class CreateAutoScalingGroupInput(Settings):
    auto_scaling_group_name: str
    min_size: int
    max_size: int
    desired_capacity: int | None = None
    launch_template: Template | None = None
    mixed_instances_policy: MixedInstancesPolicy | None = None
    vpc_zone_identifier: Stored[str | None] = None
    tags: tuple[Tag, ...] = ()


@operation("autoscaling", "CreateAutoScalingGroup", wakes=True)
def create_auto_scaling_group(call: Call, req: CreateAutoScalingGroupInput) -> None:
    """Create a group, whose instances join an ECS cluster in place of those that the cluster has by itself.

    Raises AlreadyExists, and ValidationError for sizes that do not agree.
    """
    if autoscaling.find(call.db, req.auto_scaling_group_name) is not None:
        message = f"AutoScalingGroup by this name already exists - A group with the name {req.auto_scaling_group_name}"
        raise AwsError("AlreadyExists", f"{message} already exists")
    launch = launch_of(call, req.launch_template, req.mixed_instances_policy)
    group = AutoScalingGroup(
        name=req.auto_scaling_group_name,
        created_at=call.now,
        cluster=launch.cluster,
        instance_type=launch.instance_type,
        weight=launch.weight,
        min_size=req.min_size,
        max_size=req.max_size,
        desired=req.min_size if req.desired_capacity is None else req.desired_capacity,
        settings={**UNSAID, **_given(req, call), **launch.settings},
        tags=checked(req.tags),
    )
    _save(call, group)


@record
class UpdateAutoScalingGroupInput(Settings):
    auto_scaling_group_name: str
    min_size: int | None = None
    max_size: int | None = None
    desired_capacity: int | None = None
    launch_template: Template | None = None
    mixed_instances_policy: MixedInstancesPolicy | None = None
    vpc_zone_identifier: Stored[str | None] = None


@operation("autoscaling", "UpdateAutoScalingGroup", wakes=True)
def update_auto_scaling_group(call: Call, req: UpdateAutoScalingGroupInput) -> None:
    """Change what is given; instances that run stay as they are, whatever template new ones are made by."""
    group = group_named(call, req.auto_scaling_group_name)
    settings = {**group.settings, **_given(req, call)}
    if req.launch_template is not None or req.mixed_instances_policy is not None:
        launch = launch_of(call, req.launch_template, req.mixed_instances_policy)
        for name in ("launch_template", "mixed_instances_policy"):
            settings.pop(name, None)
        settings |= launch.settings
        group = replace(group, cluster=launch.cluster, instance_type=launch.instance_type, weight=launch.weight)
    least = group.min_size if req.min_size is None else req.min_size
    most = group.max_size if req.max_size is None else req.max_size
    desired = min(max(group.desired, least), most) if req.desired_capacity is None else req.desired_capacity
    _save(call, replace(group, min_size=least, max_size=most, desired=desired, settings=settings))


@record
class SetDesiredCapacityInput:
    auto_scaling_group_name: str
    desired_capacity: int
    honor_cooldown: Stored[bool] = False


@operation("autoscaling", "SetDesiredCapacity", wakes=True)
def set_desired_capacity(call: Call, req: SetDesiredCapacityInput) -> None:
    """Set how many instances there shall be. Raises ValidationError outside of the group's sizes."""
    _save(call, replace(group_named(call, req.auto_scaling_group_name), desired=req.desired_capacity))


@record
class SetInstanceProtectionInput:
    auto_scaling_group_name: str
    instance_ids: tuple[str, ...]
    protected_from_scale_in: bool


@operation("autoscaling", "SetInstanceProtection", wakes=True)
def set_instance_protection(call: Call, req: SetInstanceProtectionInput) -> dict[str, Any]:
    """Set whether instances stay although fewer are desired. Raises ValidationError for another group's."""
    group = group_named(call, req.auto_scaling_group_name)
    if others := set(req.instance_ids) - {machine.ec2_instance_id for machine in _members(call, group)}:
        raise invalid(f"The instance {min(others)} is not part of Auto Scaling group {group.name}.")
    given = dict.fromkeys(req.instance_ids, req.protected_from_scale_in)
    autoscaling.save(call.db, replace(group, protection={**group.protection, **given}))
    return {}


@record
class DeleteAutoScalingGroupInput:
    auto_scaling_group_name: str
    force_delete: bool = False


@operation("autoscaling", "DeleteAutoScalingGroup", wakes=True)
def delete_auto_scaling_group(call: Call, req: DeleteAutoScalingGroupInput) -> None:
    """Delete a group. Raises ResourceInUse while it has instances, unless it is forced: then they are drained."""
    group = group_named(call, req.auto_scaling_group_name)
    if _members(call, group) and not req.force_delete:
        raise AwsError(
            "ResourceInUse",
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s)"
            " still in the group.",
        )
    autoscaling.delete(call.db, group.name)


@record
class DescribeAutoScalingGroupsInput:
    auto_scaling_group_names: tuple[str, ...] = ()


@operation("autoscaling", "DescribeAutoScalingGroups")
def describe_auto_scaling_groups(call: Call, req: DescribeAutoScalingGroupsInput) -> dict[str, Any]:
    """Return groups with their instances; a name that there is not is left out, as AWS does."""
    chosen = [
        group
        for group in autoscaling.list_all(call.db)
        if not req.auto_scaling_group_names or group.name in req.auto_scaling_group_names
    ]
    return {"auto_scaling_groups": [_view(call, group) for group in chosen]}


@record
class DescribeScalingActivitiesInput:
    auto_scaling_group_name: str | None = None


@operation("autoscaling", "DescribeScalingActivities")
def describe_scaling_activities(call: Call, req: DescribeScalingActivitiesInput) -> dict[str, Any]:
    """Return none: a simulated instance is there as soon as it is wished for, and no activity can fail."""
    return {"activities": []}


@record
class MetricsCollectionInput:
    auto_scaling_group_name: str
    metrics: Stored[tuple[str, ...]] = ()
    granularity: Stored[Literal["1Minute"] | None] = None


@operation("autoscaling", "EnableMetricsCollection")
def enable_metrics_collection(call: Call, req: MetricsCollectionInput) -> None:
    """Keep which of a group's metrics are wanted, all if none is named; there are none here."""
    group = group_named(call, req.auto_scaling_group_name)
    there = {each["metric"] for each in group.settings.get("enabled_metrics", ())}
    _keep_metrics(call, group, there | set(req.metrics or METRICS))


@record
class DisableMetricsCollectionInput:
    auto_scaling_group_name: str
    metrics: Stored[tuple[str, ...]] = ()


@operation("autoscaling", "DisableMetricsCollection")
def disable_metrics_collection(call: Call, req: DisableMetricsCollectionInput) -> None:
    """Take metrics away from those that are wanted: the named, or all if none is."""
    group = group_named(call, req.auto_scaling_group_name)
    there = {each["metric"] for each in group.settings.get("enabled_metrics", ())}
    _keep_metrics(call, group, there - set(req.metrics) if req.metrics else set())


def _keep_metrics(call: Call, group: AutoScalingGroup, metrics: set[str]) -> None:
    kept = [{"metric": metric, "granularity": "1Minute"} for metric in sorted(metrics)]
    autoscaling.save(call.db, replace(group, settings={**group.settings, "enabled_metrics": kept}))


def group_named(call: Call, name: str) -> AutoScalingGroup:
    """Return a group. Raises ValidationError."""
    group = autoscaling.find(call.db, name)
    if group is None:
        raise invalid(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    return group


def _save(call: Call, group: AutoScalingGroup) -> None:
    if not 0 <= group.min_size <= group.max_size:
        raise invalid("Max bound, must be greater than or equal to min bound")
    if not group.min_size <= group.desired <= group.max_size:
        raise invalid("Desired capacity must be between the specified min size and max size")
    autoscaling.save(call.db, group)


def _given(req: CreateAutoScalingGroupInput | UpdateAutoScalingGroupInput, call: Call) -> dict[str, Any]:
    """Return the settings that a request has; the zones are those of its subnets."""
    names = (*(each.name for each in fields(Settings)), "vpc_zone_identifier")
    given = {name: getattr(req, name) for name in names if getattr(req, name) is not None}
    ids = (req.vpc_zone_identifier or "").replace(" ", "").split(",")
    subnets = [networks.find(call.db, Subnet, id) for id in ids if id]
    if None in subnets:
        raise invalid(f"The subnet ID '{ids[subnets.index(None)]}' does not exist")
    zones = {f"{call.region}{subnet.zone}" for subnet in subnets if subnet}
    return given | ({"availability_zones": sorted(zones)} if zones else {})


def _members(call: Call, group: AutoScalingGroup) -> list[SimulatedMachine]:
    return [machine for machine in machines.every(call.db) if machine.autoscaling_group == group.name]


def _view(call: Call, group: AutoScalingGroup) -> dict[str, Any]:
    role = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    draining = {i.ec2_instance_id for i in container_instances.everywhere(call.db) if i.status == "DRAINING"}
    return {
        "availability_zones": [f"{call.region}{zone}" for zone in ZONES[:2]],
        "service_linked_role_arn": arn("iam", "", call.account, f"role/{role}"),
        "vpc_zone_identifier": "",
        **dict.fromkeys(NONE, ()),
        **group.settings,
        "auto_scaling_group_name": group.name,
        "auto_scaling_group_arn": arn(
            "autoscaling", call.region, call.account, f"autoScalingGroup:culm:autoScalingGroupName/{group.name}"
        ),
        "created_time": group.created_at,
        "min_size": group.min_size,
        "max_size": group.max_size,
        "desired_capacity": group.desired,
        "tags": [described_tag(group, tag) for tag in group.tags],
        "instances": [
            {
                "instance_id": machine.ec2_instance_id,
                "instance_type": machine.instance_type,
                "availability_zone": machine.availability_zone,
                "lifecycle_state": "Terminating:Wait" if machine.ec2_instance_id in draining else "InService",
                "health_status": "Healthy",
                "launch_template": group.settings.get("launch_template"),
                "protected_from_scale_in": group.protects(machine.ec2_instance_id),
            }
            for machine in _members(call, group)
        ],
    }
