"""Managed policies: documents that several roles may have. Each has one version, v1."""

from typing import Any, Literal

from culm.cloud.iam.references import checked, new_unique_id, policy_named, shown
from culm.errors import AwsError
from culm.model.arn import arn
from culm.model.record import Stored, record
from culm.model.task_definitions import Tag
from culm.store.iam import policies
from culm.store.iam.policies import AMAZON, ManagedPolicy
from culm.wire.operations import Call, operation

VERSION = "v1"


@record
class CreatePolicyInput:
    policy_name: str
    policy_document: str
    path: str = "/"
    description: str | None = None
    tags: Stored[tuple[Tag, ...]] = ()


@operation("iam", "CreatePolicy")
def create_policy(call: Call, req: CreatePolicyInput) -> dict[str, Any]:
    policy = ManagedPolicy(
        name=req.policy_name,
        arn=arn("iam", "", call.account, f"policy{req.path}{req.policy_name}"),
        path=req.path,
        id=new_unique_id(call, "ANPA"),
        created_at=call.now,
        document=checked(req.policy_document),
        description=req.description,
        tags={tag.key: tag.value for tag in req.tags},
    )
    if policies.find(call.db, policy.arn) is not None:
        raise AwsError("EntityAlreadyExists", f"A policy called {policy.name} already exists.", 409)
    policies.save(call.db, policy)
    return {"policy": view(call, policy)}


@record
class PolicyInput:
    policy_arn: str


@operation("iam", "GetPolicy")
def get_policy(call: Call, req: PolicyInput) -> dict[str, Any]:
    return {"policy": view(call, policy_named(call, req.policy_arn))}


@record
class GetPolicyVersionInput:
    policy_arn: str
    version_id: str


@operation("iam", "GetPolicyVersion")
def get_policy_version(call: Call, req: GetPolicyVersionInput) -> dict[str, Any]:
    policy = policy_named(call, req.policy_arn)
    if req.version_id != VERSION:
        raise AwsError("NoSuchEntity", f"Policy {policy.arn} version {req.version_id} does not exist.", 404)
    return {"policy_version": version(policy) | {"document": shown(policy.document)}}


@operation("iam", "ListPolicyVersions")
def list_policy_versions(call: Call, req: PolicyInput) -> dict[str, Any]:
    return {"versions": [version(policy_named(call, req.policy_arn))]}


@operation("iam", "DeletePolicy")
def delete_policy(call: Call, req: PolicyInput) -> None:
    policy = policy_named(call, req.policy_arn)
    if policy.arn in AMAZON or policies.attachments(call.db, policy.arn):
        raise AwsError("DeleteConflict", "Cannot delete a policy attached to entities.", 409)
    policies.delete(call.db, policy.arn)


@record
class ListPoliciesInput:
    scope: Literal["All", "AWS", "Local"] = "All"
    only_attached: bool = False
    path_prefix: str = "/"


@operation("iam", "ListPolicies")
def list_policies(call: Call, req: ListPoliciesInput) -> dict[str, Any]:
    own = policies.list(call.db, req.path_prefix) if req.scope != "AWS" else ()
    amazon = [p for p in AMAZON.values() if p.path.startswith(req.path_prefix)] if req.scope != "Local" else []
    shown_ = [view(call, policy) for policy in (*own, *amazon)]
    return {"policies": [each for each in shown_ if each["attachment_count"] or not req.only_attached]}


def view(call: Call, policy: ManagedPolicy) -> dict[str, Any]:
    """As IAM shows it."""
    return {
        "policy_name": policy.name,
        "policy_id": policy.id,
        "arn": policy.arn,
        "path": policy.path,
        "default_version_id": VERSION,
        "attachment_count": policies.attachments(call.db, policy.arn),
        "is_attachable": True,
        "description": policy.description,
        "create_date": policy.created_at,
        "update_date": policy.created_at,
        "tags": [{"key": key, "value": value} for key, value in policy.tags.items()],
    }


def version(policy: ManagedPolicy) -> dict[str, Any]:
    return {"version_id": VERSION, "is_default_version": True, "create_date": policy.created_at}
