"""Tags of log groups, by ARN and in the older way by name.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagResource.html
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from culm.cluster.services.logs.groups import existing, of_arn
from culm.cluster.store.logs import groups
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError


@record
class TagResourceInput:
    resource_arn: str
    tags: dict[str, str]


@operation("logs", "TagResource")
def tag_resource(call: Call, req: TagResourceInput) -> None:
    _tag(call, of_arn(req.resource_arn), req.tags)


@record
class UntagResourceInput:
    resource_arn: str
    tag_keys: tuple[str, ...]


@operation("logs", "UntagResource")
def untag_resource(call: Call, req: UntagResourceInput) -> None:
    _untag(call, of_arn(req.resource_arn), req.tag_keys)


@record
class ListTagsForResourceInput:
    resource_arn: str


@operation("logs", "ListTagsForResource")
def list_tags_for_resource(call: Call, req: ListTagsForResourceInput) -> dict[str, Any]:
    return {"tags": existing(call.db, of_arn(req.resource_arn)).tags}


@record
class TagLogGroupInput:
    log_group_name: str
    tags: dict[str, str]


@operation("logs", "TagLogGroup")
def tag_log_group(call: Call, req: TagLogGroupInput) -> None:
    """Add tags to a group by its name; the older of the two operations."""
    _tag(call, req.log_group_name, req.tags)


@record
class UntagLogGroupInput:
    log_group_name: str
    tags: tuple[str, ...]
    """Their keys."""


@operation("logs", "UntagLogGroup")
def untag_log_group(call: Call, req: UntagLogGroupInput) -> None:
    """Take tags from a group by its name; the older of the two operations."""
    _untag(call, req.log_group_name, req.tags)


@record
class ListTagsLogGroupInput:
    log_group_name: str


@operation("logs", "ListTagsLogGroup")
def list_tags_log_group(call: Call, req: ListTagsLogGroupInput) -> dict[str, Any]:
    """Return a group's tags by its name; the older of the two operations."""
    return {"tags": existing(call.db, req.log_group_name).tags}


def _tag(call: Call, name: str, tags: Mapping[str, str]) -> None:
    group = existing(call.db, name)
    merged = {**group.tags, **tags}
    if len(merged) > 50:
        raise AwsError("InvalidParameterException", f"A log group has at most 50 tags; these would be {len(merged)}.")
    groups.save(call.db, replace(group, tags=merged))


def _untag(call: Call, name: str, keys: Collection[str]) -> None:
    group = existing(call.db, name)
    groups.save(call.db, replace(group, tags={k: v for k, v in group.tags.items() if k not in keys}))
