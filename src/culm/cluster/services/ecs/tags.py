"""Tags of any ECS resource.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html
"""

from typing import Any

from culm.cluster.services.ecs.references import find_task_definition
from culm.cluster.store.ecs import capacity_providers, clusters, container_instances, services, tags, tasks
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import last, resource
from culm.core.model.record import record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError

MOST = 50


@record
class TagResourceInput:
    resource_arn: str
    tags: tuple[Tag, ...]


@operation("ecs", "TagResource", wakes=True)
def tag_resource(call: Call, req: TagResourceInput) -> dict[str, Any]:
    """Add tags to a resource.

    Raises InvalidParameterException for a bad key or value, AWS's own prefix, and too many tags.
    """
    _check(call, req.resource_arn)
    for tag in req.tags:
        if not 1 <= len(tag.key) <= 128 or len(tag.value) > 256 or tag.key.lower().startswith("aws:"):
            raise AwsError("InvalidParameterException", f"Invalid tag {tag.key!r}.")
    keys = {tag.key for tag in (*tags.of(call.db, req.resource_arn), *req.tags)}
    if len(keys) > MOST:
        raise AwsError("InvalidParameterException", f"A resource can have at most {MOST} tags.")
    tags.put(call.db, req.resource_arn, req.tags)
    return {}


@record
class UntagResourceInput:
    resource_arn: str
    tag_keys: tuple[str, ...]


@operation("ecs", "UntagResource", wakes=True)
def untag_resource(call: Call, req: UntagResourceInput) -> dict[str, Any]:
    _check(call, req.resource_arn)
    tags.remove(call.db, req.resource_arn, req.tag_keys)
    return {}


@record
class ListTagsForResourceInput:
    resource_arn: str


@operation("ecs", "ListTagsForResource")
def list_tags_for_resource(call: Call, req: ListTagsForResourceInput) -> dict[str, Any]:
    _check(call, req.resource_arn)
    return {"tags": tags.of(call.db, req.resource_arn)}


def _check(call: Call, arn: str) -> None:
    """Refuse what is not the ARN of a resource that is there."""
    if not arn.startswith("arn:"):
        raise AwsError("InvalidParameterException", "The resource ARN is not valid.")
    match resource(arn).partition("/")[0]:
        case "cluster":
            cluster = clusters.find(call.db, last(arn))
            if cluster is None or cluster.status == "INACTIVE":
                raise AwsError("ClusterNotFoundException", "The specified cluster was not found.")
        case "service" | "task-set":
            service = services.find(call.db, arn)
            if service is None or service.status == "INACTIVE":
                raise _missing("service")
        case "task":
            if tasks.find(call.db, arn) is None:
                raise _missing("task")
        case "container-instance":
            instance = container_instances.find(call.db, arn)
            if instance is None or instance.status == "INACTIVE":
                raise _missing("container instance")
        case "task-definition":
            if find_task_definition(call, arn) is None:
                raise _missing("task definition")
        case "capacity-provider":
            if capacity_providers.find(call.db, last(arn)) is None:
                raise _missing("capacity provider")
        case kind:
            raise AwsError("InvalidParameterException", f"The resource type {kind} is not valid.")


def _missing(what: str) -> AwsError:
    return AwsError(
        "InvalidParameterException", f"The specified {what} was not found. Specify a valid {what} ARN and try again."
    )
