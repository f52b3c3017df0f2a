"""Previews of lifecycle policies: what a policy would expire now, without doing it.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartLifecyclePolicyPreview.html
"""

from dataclasses import replace
from typing import Any

from culm.cluster.services.ecr import lifecycle_rules
from culm.cluster.services.ecr.identifiers import ImageIdentifier, resolve
from culm.cluster.services.ecr.images import Filter
from culm.cluster.services.ecr.lifecycle_policies import candidates, policy_or_error
from culm.cluster.services.ecr.repositories import RepositoryInput, lacks_policy, named
from culm.cluster.store.ecr import repositories
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError


@record
class StartLifecyclePolicyPreviewInput(RepositoryInput):
    lifecycle_policy_text: str | None = None


@operation("ecr", "StartLifecyclePolicyPreview")
def start_lifecycle_policy_preview(call: Call, req: StartLifecyclePolicyPreviewInput) -> dict[str, Any]:
    """Begin a preview of a policy; of the repository's own where none is given.

    Raises LifecyclePolicyNotFoundException when it has none, and InvalidParameterException for what is no policy.
    """
    repository = named(call, req)
    text = req.lifecycle_policy_text or repository.lifecycle_policy_text
    if text is None:
        raise AwsError("LifecyclePolicyNotFoundException", lacks_policy(repository, "Lifecycle"))
    policy_or_error(text)
    repositories.save(call.db, replace(repository, lifecycle_preview_text=text))
    return {
        "registry_id": repository.registry_id,
        "repository_name": repository.repository_name,
        "lifecycle_policy_text": text,
        "status": "IN_PROGRESS",
    }


@record
class GetLifecyclePolicyPreviewInput(RepositoryInput):
    image_ids: tuple[ImageIdentifier, ...] = ()
    filter: Filter = Filter()


@operation("ecr", "GetLifecyclePolicyPreview")
def get_lifecycle_policy_preview(call: Call, req: GetLifecyclePolicyPreviewInput) -> dict[str, Any]:
    """Return the images that the policy of the last preview expires, each with the rule that does it.

    Raises LifecyclePolicyPreviewNotFoundException where no preview was begun.
    """
    repository = named(call, req)
    text = repository.lifecycle_preview_text
    if text is None:
        raise AwsError(
            "LifecyclePolicyPreviewNotFoundException",
            f"Lifecycle policy preview does not exist for the repository with name '{repository.repository_name}' in "
            f"the registry with id '{repository.registry_id}'",
        )
    images = candidates(call.db, repository.repository_name)
    due = lifecycle_rules.expired(policy_or_error(text), images, call.now)
    asked = {resolve(call.db, repository.repository_name, each)[1] for each in req.image_ids}
    return {
        "registry_id": repository.registry_id,
        "repository_name": repository.repository_name,
        "lifecycle_policy_text": text,
        "status": "COMPLETE",
        "preview_results": [
            {
                "image_tags": image.tags,
                "image_digest": image.digest,
                "image_pushed_at": image.pushed_at,
                "action": {"type": "EXPIRE"},
                "applied_rule_priority": due[image.digest],
                "storage_class": "STANDARD",
            }
            for image in images
            if image.digest in due and (not req.image_ids or image.digest in asked)
            if req.filter.tag_status == "ANY" or (req.filter.tag_status == "TAGGED") == bool(image.tags)
        ],
        "summary": {"expiring_image_total_count": len(due)},
    }
