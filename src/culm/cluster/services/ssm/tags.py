"""Tags of parameters.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AddTagsToResource.html
"""

from dataclasses import replace
from typing import Any, Literal

from culm.cluster.services.ssm.references import shown, stored_name, tags_of
from culm.cluster.store import parameters
from culm.cluster.store.parameters import Parameter
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError

TAGS_PER_RESOURCE = 50


@record
class AddTagsToResourceInput:
    resource_type: Literal["Parameter"]
    resource_id: str
    tags: tuple[Tag, ...]


@operation("ssm", "AddTagsToResource")
def add_tags_to_resource(call: Call, req: AddTagsToResourceInput) -> None:
    """Add tags to a parameter. Raises TooManyTagsError."""
    parameter = _tagged(call, req.resource_id)
    merged = {**parameter.tags, **tags_of(req.tags)}
    if len(merged) > TAGS_PER_RESOURCE:
        raise AwsError("TooManyTagsError", f"A parameter can have at most {TAGS_PER_RESOURCE} tags.")
    parameters.save(call.db, replace(parameter, tags=merged))


@record
class RemoveTagsFromResourceInput:
    resource_type: Literal["Parameter"]
    resource_id: str
    tag_keys: tuple[str, ...]


@operation("ssm", "RemoveTagsFromResource")
def remove_tags_from_resource(call: Call, req: RemoveTagsFromResourceInput) -> None:
    parameter = _tagged(call, req.resource_id)
    kept = {key: value for key, value in parameter.tags.items() if key not in req.tag_keys}
    parameters.save(call.db, replace(parameter, tags=kept))


@record
class ListTagsForResourceInput:
    resource_type: Literal["Parameter"]
    resource_id: str


@operation("ssm", "ListTagsForResource")
def list_tags_for_resource(call: Call, req: ListTagsForResourceInput) -> dict[str, Any]:
    return {"tag_list": shown(_tagged(call, req.resource_id).tags)}


def _tagged(call: Call, name: str) -> Parameter:
    parameter = parameters.find(call.db, stored_name(call, name))
    if parameter is None:
        raise AwsError("InvalidResourceId", "The resource ID is not valid. Verify that you entered the correct ID.")
    return parameter
