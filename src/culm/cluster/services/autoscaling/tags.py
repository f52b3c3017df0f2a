"""Tags of auto scaling groups.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from culm.cluster.services.autoscaling.launch import invalid
from culm.cluster.services.ec2.filters import Filter, chosen, member
from culm.cluster.store import autoscaling
from culm.cluster.store.autoscaling import AutoScalingGroup, GroupTag
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record


@record
class Tag:
    key: str
    value: str = ""
    propagate_at_launch: bool = False
    resource_id: str | None = None
    resource_type: Stored[Literal["auto-scaling-group"] | None] = None


@record
class TagsInput:
    tags: tuple[Tag, ...]


@operation("autoscaling", "CreateOrUpdateTags")
def create_or_update_tags(call: Call, req: TagsInput) -> None:
    """Set tags of the groups that they name; others stay."""
    for name in {tag.resource_id for tag in req.tags}:
        group = _group(call, name)
        given = checked([tag for tag in req.tags if tag.resource_id == name])
        keys = {tag.key for tag in given}
        kept = tuple(tag for tag in group.tags if tag.key not in keys)
        autoscaling.save(call.db, replace(group, tags=(*kept, *given)))


@operation("autoscaling", "DeleteTags")
def delete_tags(call: Call, req: TagsInput) -> None:
    """Take tags away; one that is not there is no error."""
    for name in {tag.resource_id for tag in req.tags}:
        group = _group(call, name)
        keys = {tag.key for tag in req.tags if tag.resource_id == name}
        autoscaling.save(call.db, replace(group, tags=tuple(tag for tag in group.tags if tag.key not in keys)))


@record
class DescribeTagsInput:
    filters: tuple[Filter, ...] = ()


@operation("autoscaling", "DescribeTags")
def describe_tags(call: Call, req: DescribeTagsInput) -> dict[str, Any]:
    """Return the tags of all groups that every filter lets through."""
    items = [described_tag(group, tag) for group in autoscaling.list_all(call.db) for tag in group.tags]
    known = {
        "auto-scaling-group": member("resource_id"),
        "key": member("key"),
        "value": member("value"),
        "propagate-at-launch": member("propagate_at_launch"),
    }
    return {"tags": chosen(items, req.filters, known)}


def checked(tags: Sequence[Tag]) -> tuple[GroupTag, ...]:
    """Return tags as they are kept. Raises ValidationError for AWS's own keys."""
    if reserved := next((tag.key for tag in tags if tag.key.startswith("aws:")), None):
        raise invalid(f"'aws:' prefixed tag key names are not allowed for external use: {reserved}")
    return tuple(GroupTag(key=t.key, value=t.value, propagate_at_launch=t.propagate_at_launch) for t in tags)


def described_tag(group: AutoScalingGroup, tag: GroupTag) -> dict[str, Any]:
    return {
        "resource_id": group.name,
        "resource_type": "auto-scaling-group",
        "key": tag.key,
        "value": tag.value,
        "propagate_at_launch": tag.propagate_at_launch,
    }


def _group(call: Call, name: str | None) -> AutoScalingGroup:
    group = autoscaling.find(call.db, name or "")
    if group is None:
        raise invalid(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    return group
