"""Custom attributes of container instances.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Attribute.html
"""

import re
from typing import Any, Literal

from culm.cluster.services.ecs.fleet import instances_of
from culm.cluster.services.ecs.references import container_instance_arn, find_cluster
from culm.cluster.store.ecs import attributes, container_instances
from culm.cluster.store.ecs.clusters import Cluster
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import last
from culm.core.model.instances import Attribute
from culm.core.model.record import record
from culm.errors import AwsError

NAME = re.compile(r"[A-Za-z0-9_.\\/-]{1,128}")
VALUE = re.compile(r"[A-Za-z0-9_.@:\\/ -]{0,128}")
MOST_AT_ONCE = 10


@record
class AttributeOfTarget:
    name: str
    value: str | None = None
    target_type: Literal["container-instance"] = "container-instance"
    target_id: str | None = None


@record
class PutAttributesInput:
    attributes: tuple[AttributeOfTarget, ...]
    cluster: str | None = None


@operation("ecs", "PutAttributes", wakes=True)
def put_attributes(call: Call, req: PutAttributesInput) -> dict[str, Any]:
    """Set attributes of instances.

    Raises InvalidParameterException for a bad or reserved name and for too many at once, and TargetNotFoundException
    for an unknown instance.
    """
    cluster = find_cluster(call, req.cluster)
    for given in _few(req.attributes):
        if not NAME.fullmatch(given.name) or not VALUE.fullmatch(given.value or ""):
            raise AwsError("InvalidParameterException", f"Invalid attribute {given.name}.")
        if given.name.startswith(("ecs.", "com.amazonaws.")):
            raise AwsError("InvalidParameterException", f"The attribute name {given.name} is reserved.")
        target = _target(call, cluster, given)
        attributes.put(call.db, cluster.name, target, Attribute(name=given.name, value=given.value))
    return {"attributes": req.attributes}


@record
class DeleteAttributesInput:
    attributes: tuple[AttributeOfTarget, ...]
    cluster: str | None = None


@operation("ecs", "DeleteAttributes", wakes=True)
def delete_attributes(call: Call, req: DeleteAttributesInput) -> dict[str, Any]:
    """Delete attributes of instances; returns those that were there."""
    cluster = find_cluster(call, req.cluster)
    deleted = [
        given
        for given in _few(req.attributes)
        if attributes.delete(call.db, cluster.name, _target(call, cluster, given), given.name)
    ]
    return {"attributes": deleted}


@record
class ListAttributesInput:
    target_type: Literal["container-instance"]
    cluster: str | None = None
    attribute_name: str | None = None
    attribute_value: str | None = None


@operation("ecs", "ListAttributes")
def list_attributes(call: Call, req: ListAttributesInput) -> dict[str, Any]:
    """Return attributes, the agents' own too."""
    cluster = find_cluster(call, req.cluster)
    if req.attribute_value is not None and req.attribute_name is None:
        raise AwsError("InvalidParameterException", "attributeName is required with attributeValue.")
    return {
        "attributes": [
            {"name": a.name, "value": a.value, "target_id": instance.container_instance_arn}
            for instance in instances_of(call.db, cluster.name)
            for a in instance.attributes
            if req.attribute_name in (None, a.name) and req.attribute_value in (None, a.value)
        ]
    }


def _few(given: tuple[AttributeOfTarget, ...]) -> tuple[AttributeOfTarget, ...]:
    if not 1 <= len(given) <= MOST_AT_ONCE:
        raise AwsError("InvalidParameterException", f"Between 1 and {MOST_AT_ONCE} attributes can be named at once.")
    return given


def _target(call: Call, cluster: Cluster, given: AttributeOfTarget) -> str:
    arn = container_instance_arn(call, cluster.name, last(given.target_id or ""))
    instance = container_instances.find(call.db, arn)
    if instance is None or instance.status == "INACTIVE":
        raise AwsError("TargetNotFoundException", f"The specified target was not found: {given.target_id}")
    return arn
