"""Repository policies: kept and described back; the registry's one password opens every repository.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
"""

from dataclasses import replace
from typing import Any

from culm.cluster.services.ecr.repositories import RepositoryInput, lacks_policy, named
from culm.cluster.store.ecr import repositories
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.policy_documents import Malformed, parse_resource
from culm.core.model.record import Stored, record
from culm.core.model.repositories import Repository
from culm.errors import AwsError


@record
class SetRepositoryPolicyInput(RepositoryInput):
    policy_text: Stored[str]
    force: Stored[bool] = False


@operation("ecr", "SetRepositoryPolicy")
def set_repository_policy(call: Call, req: SetRepositoryPolicyInput) -> dict[str, Any]:
    """Save who may use a repository. Raises InvalidParameterException when it is no policy."""
    repository = named(call, req)
    try:
        for statement in parse_resource(req.policy_text, free_ids=True).statements:
            if statement.resources or statement.not_resources:
                raise Malformed("the resource is the repository")
            if not all(action == "*" or action.lower().startswith("ecr:") for action in statement.actions or ()):
                raise Malformed("only actions of ECR make sense")
    except Malformed:
        raise AwsError(
            "InvalidParameterException",
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
        ) from None
    changed = replace(repository, policy_text=req.policy_text)
    repositories.save(call.db, changed)
    return _described(changed)


@operation("ecr", "GetRepositoryPolicy")
def get_repository_policy(call: Call, req: RepositoryInput) -> dict[str, Any]:
    """Return a repository's policy. Raises RepositoryPolicyNotFoundException when it has none."""
    return _described(_with_policy(call, req))


@operation("ecr", "DeleteRepositoryPolicy")
def delete_repository_policy(call: Call, req: RepositoryInput) -> dict[str, Any]:
    """Delete a repository's policy and return it. Raises RepositoryPolicyNotFoundException when it has none."""
    repository = _with_policy(call, req)
    repositories.save(call.db, replace(repository, policy_text=None))
    return _described(repository)


def _with_policy(call: Call, req: RepositoryInput) -> Repository:
    repository = named(call, req)
    if repository.policy_text is None:
        raise AwsError("RepositoryPolicyNotFoundException", lacks_policy(repository, "Repository"))
    return repository


def _described(repository: Repository) -> dict[str, Any]:
    return {
        "registry_id": repository.registry_id,
        "repository_name": repository.repository_name,
        "policy_text": repository.policy_text,
    }
