"""Tags of scalable targets.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TagResource.html
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from culm.cluster.store import scaling
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import resource
from culm.core.model.record import record
from culm.core.model.scaling import ScalableTarget
from culm.errors import AwsError


@record
class TagResourceInput:
    resource_arn: str
    tags: Mapping[str, str]


@operation("application-autoscaling", "TagResource")
def tag_resource(call: Call, req: TagResourceInput) -> dict[str, Any]:
    """Add tags to a target. Raises ResourceNotFoundException when there is no target of this ARN."""
    target = _tagged(call, req.resource_arn)
    scaling.save_target(call.db, replace(target, tags={**target.tags, **req.tags}))
    return {}


@record
class UntagResourceInput:
    resource_arn: str
    tag_keys: tuple[str, ...]


@operation("application-autoscaling", "UntagResource")
def untag_resource(call: Call, req: UntagResourceInput) -> dict[str, Any]:
    """Take tags from a target; keys that it does not have are no error."""
    target = _tagged(call, req.resource_arn)
    left = {key: value for key, value in target.tags.items() if key not in req.tag_keys}
    scaling.save_target(call.db, replace(target, tags=left))
    return {}


@record
class ListTagsForResourceInput:
    resource_arn: str


@operation("application-autoscaling", "ListTagsForResource")
def list_tags_for_resource(call: Call, req: ListTagsForResourceInput) -> dict[str, Any]:
    return {"tags": _tagged(call, req.resource_arn).tags}


def _tagged(call: Call, arn: str) -> ScalableTarget:
    target = scaling.find_target(call.db, resource(arn).removeprefix("scalable-target/"))
    if target is None:
        raise AwsError("ResourceNotFoundException", f"The resource {arn} does not exist.")
    return target
