"""Tags of repositories (the tags of images are in `images`)."""

from dataclasses import replace
from typing import Any

from culm.cluster.services.ecr.repositories import existing
from culm.cluster.store.ecr import repositories
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import resource
from culm.core.model.record import record
from culm.core.model.repositories import Repository, RepositoryTag
from culm.errors import AwsError


@record
class ListTagsForResourceInput:
    resource_arn: str


@operation("ecr", "ListTagsForResource")
def list_tags_for_resource(call: Call, req: ListTagsForResourceInput) -> dict[str, Any]:
    return {"tags": _tagged(call, req.resource_arn).tags}


@record
class TagResourceInput:
    resource_arn: str
    tags: tuple[RepositoryTag, ...]


@operation("ecr", "TagResource")
def tag_resource(call: Call, req: TagResourceInput) -> None:
    """Add tags to a repository. Raises TooManyTagsException when it would have more than 50."""
    repository = _tagged(call, req.resource_arn)
    merged = {tag.key: tag for tag in (*repository.tags, *req.tags)}
    if len(merged) > 50:
        raise AwsError("TooManyTagsException", f"A repository has at most 50 tags; these would be {len(merged)}")
    repositories.save(call.db, replace(repository, tags=tuple(merged.values())))


@record
class UntagResourceInput:
    resource_arn: str
    tag_keys: tuple[str, ...]


@operation("ecr", "UntagResource")
def untag_resource(call: Call, req: UntagResourceInput) -> None:
    """Take tags from a repository; keys that it does not have are no error."""
    repository = _tagged(call, req.resource_arn)
    kept = tuple(tag for tag in repository.tags if tag.key not in req.tag_keys)
    repositories.save(call.db, replace(repository, tags=kept))


def _tagged(call: Call, resource_arn: str) -> Repository:
    kind, _, name = resource(resource_arn).partition("/")
    if not resource_arn.startswith("arn:") or kind != "repository":
        raise AwsError(
            "InvalidParameterException",
            "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'",
        )
    return existing(call.db, name, call.account)
