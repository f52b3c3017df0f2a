"""What Application Auto Scaling's inputs name: services of ECS, and targets."""

from typing import Literal

from culm.cluster.store import scaling
from culm.cluster.store.ecs import services
from culm.cluster.wire.operations import Call
from culm.core.model.arn import arn
from culm.core.model.scaling import ScalableTarget
from culm.core.model.services import Service
from culm.errors import AwsError

DIMENSION: Literal["ecs:service:DesiredCount"] = "ecs:service:DesiredCount"


def service_of(call: Call, resource_id: str) -> Service:
    """Return the ECS service behind `service/CLUSTER/SERVICE`. Raises AwsError where there is none."""
    service = services.find(call.db, arn("ecs", call.region, call.account, resource_id))
    if service is None or service.status != "ACTIVE":
        raise invalid(f"ECS service doesn't exist: {resource_id}")
    return service


def find_target(call: Call, resource_id: str) -> ScalableTarget:
    """Return the scalable target. Raises ObjectNotFoundException."""
    target = scaling.find_target(call.db, resource_id)
    if target is None:
        raise AwsError(
            "ObjectNotFoundException",
            f"No scalable target found for service namespace: ecs, resource ID: {resource_id}, "
            f"scalable dimension: {DIMENSION}",
        )
    return target


def invalid(message: str) -> AwsError:
    """Return the ValidationException with this message."""
    return AwsError("ValidationException", message)
