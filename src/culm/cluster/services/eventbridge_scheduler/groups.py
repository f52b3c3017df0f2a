"""Groups of schedules, and their tags.

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateScheduleGroup.html
"""

from typing import Any

from culm.cluster.services.eventbridge_scheduler.references import find_group, group_arn
from culm.cluster.store import schedules
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record
from culm.core.model.schedules import DEFAULT_GROUP
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError


@record
class CreateScheduleGroupInput:
    name: str
    tags: tuple[Tag, ...] = ()
    client_token: Stored[str | None] = None


@operation("scheduler", "CreateScheduleGroup")
def create_schedule_group(call: Call, req: CreateScheduleGroupInput) -> dict[str, Any]:
    """Create a group. Raises ConflictException when there is one of this name."""
    if not schedules.create_group(call.db, req.name, call.now):
        raise AwsError("ConflictException", f"Schedule group {req.name} already exists.", 409)
    schedules.tag(call.db, group_arn(call, req.name), {tag.key: tag.value for tag in req.tags})
    return {"schedule_group_arn": group_arn(call, req.name)}


@record
class GetScheduleGroupInput:
    name: str


@operation("scheduler", "GetScheduleGroup")
def get_schedule_group(call: Call, req: GetScheduleGroupInput) -> dict[str, Any]:
    """Return a group. Raises ResourceNotFoundException."""
    return _view(call, find_group(call, req.name))


@record
class DeleteScheduleGroupInput:
    name: str
    client_token: Stored[str | None] = None


@operation("scheduler", "DeleteScheduleGroup", wakes=True)
def delete_schedule_group(call: Call, req: DeleteScheduleGroupInput) -> None:
    """Delete a group with the schedules in it."""
    if req.name == DEFAULT_GROUP:
        raise AwsError("ValidationException", "You can't delete the default schedule group.")
    find_group(call, req.name)
    schedules.delete_group(call.db, req.name)


@record
class ListScheduleGroupsInput:
    name_prefix: str = ""


@operation("scheduler", "ListScheduleGroups")
def list_schedule_groups(call: Call, req: ListScheduleGroupsInput) -> dict[str, Any]:
    named = [each for each in schedules.groups(call.db) if each[0].startswith(req.name_prefix)]
    return {"schedule_groups": [_view(call, each) for each in named]}


def _view(call: Call, group: tuple[str, float, float]) -> dict[str, Any]:
    name, created, modified = group
    return {
        "arn": group_arn(call, name),
        "name": name,
        "state": "ACTIVE",
        "creation_date": created,
        "last_modification_date": modified,
    }


@record
class TagResourceInput:
    resource_arn: str
    tags: tuple[Tag, ...]


@operation("scheduler", "TagResource")
def tag_resource(call: Call, req: TagResourceInput) -> None:
    _of_group(call, req.resource_arn)
    schedules.tag(call.db, req.resource_arn, {tag.key: tag.value for tag in req.tags})


@record
class UntagResourceInput:
    resource_arn: str
    tag_keys: tuple[str, ...]


@operation("scheduler", "UntagResource")
def untag_resource(call: Call, req: UntagResourceInput) -> None:
    _of_group(call, req.resource_arn)
    schedules.untag(call.db, req.resource_arn, req.tag_keys)


@record
class ListTagsForResourceInput:
    resource_arn: str


@operation("scheduler", "ListTagsForResource")
def list_tags_for_resource(call: Call, req: ListTagsForResourceInput) -> dict[str, Any]:
    _of_group(call, req.resource_arn)
    tags = schedules.tags(call.db, req.resource_arn)
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


def _of_group(call: Call, arn: str) -> None:
    """Groups alone have tags."""
    find_group(call, arn.rpartition("schedule-group/")[2])
