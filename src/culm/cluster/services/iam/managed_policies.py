"""Managed policies: documents that several roles may have.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html
"""

from dataclasses import replace
from typing import Any, Literal

from culm.cluster.services.iam.references import checked, listed, new_unique_id, own_policy, policy_named, tags_of
from culm.cluster.store.iam import policies, roles
from culm.cluster.store.iam.policies import AMAZON, ManagedPolicy
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.record import Stored, record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError


@record
class CreatePolicyInput:
    policy_name: str
    policy_document: str
    path: str = "/"
    description: str | None = None
    tags: Stored[tuple[Tag, ...]] = ()


@operation("iam", "CreatePolicy")
def create_policy(call: Call, req: CreatePolicyInput) -> dict[str, Any]:
    """Create a managed policy with its first version. Raises EntityAlreadyExists, and MalformedPolicyDocument."""
    policy = ManagedPolicy(
        name=req.policy_name,
        arn=arn("iam", "", call.account, f"policy{req.path}{req.policy_name}"),
        path=req.path,
        id=new_unique_id(call, "ANPA"),
        created_at=call.now,
        document=checked(req.policy_document),
        description=req.description,
        tags=tags_of(req.tags),
    )
    if policies.find(call.db, policy.arn) is not None:
        raise AwsError(
            "EntityAlreadyExists",
            f"A policy called {policy.name} already exists. Duplicate names are not allowed.",
            409,
        )
    policies.save(call.db, policy)
    return {"policy": view(call, policy)}


@record
class PolicyInput:
    policy_arn: str


@operation("iam", "GetPolicy")
def get_policy(call: Call, req: PolicyInput) -> dict[str, Any]:
    return {"policy": view(call, policy_named(call, req.policy_arn))}


@operation("iam", "DeletePolicy")
def delete_policy(call: Call, req: PolicyInput) -> None:
    """Delete a policy.

    Raises NoSuchEntity, and DeleteConflict for Amazon's own, while it is attached, and while it has more than one
    version.
    """
    policy = policies.find(call.db, req.policy_arn)
    if policy is None:
        raise AwsError("NoSuchEntity", f"Policy {req.policy_arn} was not found.", 404)
    if policy.arn in AMAZON or policies.attachments(call.db, policy.arn):
        raise AwsError("DeleteConflict", "Cannot delete a policy attached to entities.", 409)
    if roles.bounded_by(call.db, policy.arn):
        raise AwsError("DeleteConflict", "Cannot delete a policy that is a permissions boundary of entities.", 409)
    if policy.other_versions:
        raise AwsError(
            "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy.",
            409,
        )
    policies.delete(call.db, policy.arn)


@record
class ListPoliciesInput:
    scope: Literal["All", "AWS", "Local"] = "All"
    only_attached: bool = False
    path_prefix: str = "/"


@operation("iam", "ListPolicies")
def list_policies(call: Call, req: ListPoliciesInput) -> dict[str, Any]:
    """Return the account's policies, Amazon's or both, those alone that are attached if that is asked for."""
    own = policies.below(call.db, req.path_prefix) if req.scope != "AWS" else ()
    amazon = [p for p in AMAZON.values() if p.path.startswith(req.path_prefix)] if req.scope != "Local" else []
    shown_ = [view(call, policy) for policy in (*own, *amazon)]
    return {"policies": [each for each in shown_ if each["attachment_count"] or not req.only_attached]}


@record
class ListEntitiesForPolicyInput:
    policy_arn: str
    entity_filter: str | None = None
    path_prefix: str = "/"
    policy_usage_filter: Literal["PermissionsPolicy"] = "PermissionsPolicy"


@operation("iam", "ListEntitiesForPolicy")
def list_entities_for_policy(call: Call, req: ListEntitiesForPolicyInput) -> dict[str, Any]:
    """Return the roles that have the policy; there are no users and groups here."""
    policy = policy_named(call, req.policy_arn)
    having = [role for name in policies.attached_to(call.db, policy.arn) if (role := roles.find(call.db, name))]
    wanted = [role for role in having if role.path.startswith(req.path_prefix)]
    shown_ = [{"role_name": role.name, "role_id": role.id} for role in wanted] if req.entity_filter in ROLES else []
    return {"policy_roles": shown_, "policy_users": [], "policy_groups": []}


ROLES = (None, "Role")


@record
class TagPolicyInput:
    policy_arn: str
    tags: tuple[Tag, ...]


@operation("iam", "TagPolicy")
def tag_policy(call: Call, req: TagPolicyInput) -> None:
    policy = own_policy(call, req.policy_arn)
    policies.save(call.db, replace(policy, tags={**policy.tags, **tags_of(req.tags)}))


@record
class UntagPolicyInput:
    policy_arn: str
    tag_keys: tuple[str, ...]


@operation("iam", "UntagPolicy")
def untag_policy(call: Call, req: UntagPolicyInput) -> None:
    policy = own_policy(call, req.policy_arn)
    kept = {key: value for key, value in policy.tags.items() if key not in req.tag_keys}
    policies.save(call.db, replace(policy, tags=kept))


@operation("iam", "ListPolicyTags")
def list_policy_tags(call: Call, req: PolicyInput) -> dict[str, Any]:
    return {"tags": listed(policy_named(call, req.policy_arn).tags)}


def view(call: Call, policy: ManagedPolicy) -> dict[str, Any]:
    """Return a policy as IAM shows it."""
    return {
        "policy_name": policy.name,
        "policy_id": policy.id,
        "arn": policy.arn,
        "path": policy.path,
        "default_version_id": policy.default_version,
        "permissions_boundary_usage_count": roles.bounded_by(call.db, policy.arn),
        "attachment_count": policies.attachments(call.db, policy.arn),
        "is_attachable": True,
        "description": policy.description,
        "create_date": policy.created_at,
        "update_date": policy.created_at if policy.updated_at is None else policy.updated_at,
        "tags": listed(policy.tags),
    }
