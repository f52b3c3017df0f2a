"""What a group starts: the instance type, and the ECS cluster that the user data has its agent join."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from culm.cluster.store.ec2 import launch_templates
from culm.cluster.store.ec2.launch_templates import LaunchTemplate
from culm.cluster.wire.operations import Call
from culm.core.model.instance_types import INSTANCE_TYPES, resembling
from culm.core.model.record import Stored, record
from culm.errors import AwsError

_CLUSTER = re.compile(r"""ECS_CLUSTER['"]?\s*[=:]\s*['"]?([A-Za-z0-9_-]+)""")


@record
class Template:
    launch_template_id: str | None = None
    launch_template_name: str | None = None
    version: str = "$Default"


@record
class Override:
    instance_type: str | None = None
    weighted_capacity: str | None = None


@record
class MixedTemplate:
    launch_template_specification: Template
    overrides: tuple[Override, ...] = ()
    """The first whose type is simulated is taken for all instances: there is no market here."""


@record
class MixedInstancesPolicy:
    launch_template: MixedTemplate
    instances_distribution: Stored[Mapping[str, Any] | None] = None


@record
class LaunchPlan:
    cluster: str
    instance_type: str
    weight: int
    """How many units of capacity one instance is."""
    settings: Mapping[str, Any]
    """How the group describes it back."""


def launch_of(call: Call, template: Template | None, mixed: MixedInstancesPolicy | None) -> LaunchPlan:
    """Return what instances are started from. Raises ValidationError where that is not said."""
    if (template is None) == (mixed is None):
        raise invalid("Valid requests must contain either LaunchTemplate or MixedInstancesPolicy.")
    specification = template or mixed.launch_template.launch_template_specification  # type: ignore[union-attr]
    kept = launch_templates.find(call.db, id=specification.launch_template_id, name=specification.launch_template_name)
    version = kept.version(specification.version) if kept else None
    if kept is None or version is None:
        raise invalid("The specified launch template, or its version, does not exist.")
    own = version.data.get("instance_type")
    overrides = (mixed.launch_template.overrides if mixed else ()) or (Override(instance_type=own),)
    choices = [(each.instance_type or own, int(each.weighted_capacity or 1)) for each in overrides]
    instance_type, weight = next((each for each in choices if each[0] in INSTANCE_TYPES), choices[0])
    if instance_type not in INSTANCE_TYPES:
        raise invalid(f"culm simulates no instance type {instance_type!r}: {resembling(str(instance_type))}")
    cluster = cluster_of(version.data.get("user_data"))
    if cluster is None:
        raise invalid(
            "culm simulates instances of ECS clusters alone: let the launch template's user data write"
            " ECS_CLUSTER=<name> into /etc/ecs/ecs.config"
        )
    settings = {"launch_template": _named(kept, specification)} if mixed is None else _mixed(kept, mixed)
    return LaunchPlan(cluster=cluster, instance_type=str(instance_type), weight=weight, settings=settings)


def _named(template: LaunchTemplate, specification: Template) -> dict[str, Any]:
    return {
        "launch_template_id": template.id,
        "launch_template_name": template.name,
        "version": specification.version,
    }


def _mixed(template: LaunchTemplate, policy: MixedInstancesPolicy) -> dict[str, Any]:
    overrides = [
        {"instance_type": each.instance_type, "weighted_capacity": each.weighted_capacity}
        for each in policy.launch_template.overrides
    ]
    distribution = {
        "on_demand_allocation_strategy": "prioritized",
        "on_demand_base_capacity": 0,
        "on_demand_percentage_above_base_capacity": 100,
        "spot_allocation_strategy": "lowest-price",
        **(policy.instances_distribution or {}),
    }
    specification = _named(template, policy.launch_template.launch_template_specification)
    mixed = {"launch_template_specification": specification, "overrides": overrides}
    return {"mixed_instances_policy": {"launch_template": mixed, "instances_distribution": distribution}}


def cluster_of(user_data: str | None) -> str | None:
    """Return the cluster that user data, in base64, has an ECS agent join; None where it names none."""
    try:
        text = base64.b64decode(user_data or "", validate=False).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None
    match = _CLUSTER.search(text)
    return match[1] if match else None


def invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
