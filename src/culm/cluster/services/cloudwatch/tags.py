"""Tags of alarms.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_TagResource.html
"""

from dataclasses import replace
from typing import Any

from culm.cluster.store import alarms
from culm.cluster.wire.operations import Call, operation
from culm.core.model.alarms import Alarm
from culm.core.model.arn import resource
from culm.core.model.record import record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError


@record
class TagResourceInput:
    resource_arn: str
    tags: tuple[Tag, ...]


@operation("cloudwatch", "TagResource")
def tag_resource(call: Call, req: TagResourceInput) -> None:
    """Add tags to an alarm. Raises ResourceNotFoundException when there is no alarm of this ARN."""
    alarm = _tagged(call, req.resource_arn)
    alarms.save(call.db, replace(alarm, tags={**alarm.tags, **{tag.key: tag.value for tag in req.tags}}))


@record
class UntagResourceInput:
    resource_arn: str
    tag_keys: tuple[str, ...]


@operation("cloudwatch", "UntagResource")
def untag_resource(call: Call, req: UntagResourceInput) -> None:
    """Take tags from an alarm; keys that it does not have are no error."""
    alarm = _tagged(call, req.resource_arn)
    alarms.save(call.db, replace(alarm, tags={k: v for k, v in alarm.tags.items() if k not in req.tag_keys}))


@record
class ListTagsForResourceInput:
    resource_arn: str


@operation("cloudwatch", "ListTagsForResource")
def list_tags_for_resource(call: Call, req: ListTagsForResourceInput) -> dict[str, Any]:
    tags = _tagged(call, req.resource_arn).tags
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


def _tagged(call: Call, arn: str) -> Alarm:
    kind, _, name = resource(arn).partition(":")
    alarm = alarms.find(call.db, name) if kind == "alarm" else None
    if alarm is None:
        raise AwsError("ResourceNotFoundException", f"Unknown resource {arn}", 404)
    return alarm
