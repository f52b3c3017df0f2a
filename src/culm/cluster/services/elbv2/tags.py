"""Tags of load balancers, listeners, rules and target groups.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AddTags.html
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from culm.cluster.services.elbv2.references import find_listener, find_load_balancer, find_rule, find_target_group
from culm.cluster.store.elbv2 import tags
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import resource
from culm.core.model.record import record
from culm.errors import AwsError

TAGS_PER_RESOURCE = 50

_FINDERS: Mapping[str, Callable[[Call, str], Any]] = {
    "loadbalancer": find_load_balancer,
    "listener": find_listener,
    "listener-rule": find_rule,
    "targetgroup": find_target_group,
}


@record
class Tag:
    key: str
    value: str = ""


@record
class AddTagsInput:
    resource_arns: tuple[str, ...]
    tags: tuple[Tag, ...]


@operation("elbv2", "AddTags")
def add_tags(call: Call, req: AddTagsInput) -> None:
    """Add tags to resources of this service. Raises the error of its kind for an ARN that there is not."""
    for arn in req.resource_arns:
        _find(call, arn)
        put(call, arn, req.tags)


@record
class RemoveTagsInput:
    resource_arns: tuple[str, ...]
    tag_keys: tuple[str, ...]


@operation("elbv2", "RemoveTags")
def remove_tags(call: Call, req: RemoveTagsInput) -> None:
    """Take tags from resources; keys that they do not have are no error."""
    for arn in req.resource_arns:
        _find(call, arn)
        tags.remove(call.db, arn, req.tag_keys)


@record
class DescribeTagsInput:
    resource_arns: tuple[str, ...]


@operation("elbv2", "DescribeTags")
def describe_tags(call: Call, req: DescribeTagsInput) -> dict[str, Any]:
    descriptions = []
    for arn in req.resource_arns:
        _find(call, arn)
        pairs = [Tag(key=key, value=value) for key, value in tags.find(call.db, arn).items()]
        descriptions.append({"resource_arn": arn, "tags": pairs})
    return {"tag_descriptions": descriptions}


def put(call: Call, arn: str, given: Sequence[Tag]) -> None:
    """Add to what the resource has; AWS's limits hold for the sum."""
    if len({tag.key for tag in given}) < len(given):
        raise AwsError("DuplicateTagKeys", "A tag key was specified more than once.")
    pairs = {tag.key: tag.value for tag in given}
    if len(tags.find(call.db, arn) | pairs) > TAGS_PER_RESOURCE:
        raise AwsError("TooManyTags", f"A resource can have at most {TAGS_PER_RESOURCE} tags.")
    tags.put(call.db, arn, pairs)


def _find(call: Call, arn: str) -> None:
    kind = resource(arn).split("/", 1)[0]
    if kind not in _FINDERS:
        raise AwsError("ValidationError", f"'{arn}' is not a valid resource ARN")
    _FINDERS[kind](call, arn)
