"""Policies that are part of a role, and the managed ones that it has.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html
"""

from typing import Any

from culm.cluster.services.iam.references import checked, policy_named, role_named, shown
from culm.cluster.services.iam.roles import RoleInput
from culm.cluster.store.iam import policies, roles
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError


@record
class PutRolePolicyInput:
    role_name: str
    policy_name: str
    policy_document: str


@operation("iam", "PutRolePolicy")
def put_role_policy(call: Call, req: PutRolePolicyInput) -> None:
    """Write a policy into a role, in place of the one of this name. Raises MalformedPolicyDocument."""
    role = role_named(call, req.role_name)
    roles.put_inline(call.db, role.name, req.policy_name, checked(req.policy_document))


@record
class RolePolicyInput:
    role_name: str
    policy_name: str


@operation("iam", "GetRolePolicy")
def get_role_policy(call: Call, req: RolePolicyInput) -> dict[str, Any]:
    """Return one of a role's own policies. Raises NoSuchEntity when it has none of this name."""
    document = roles.inline(call.db, role_named(call, req.role_name).name).get(req.policy_name)
    if document is None:
        raise no_policy(req.policy_name)
    return {"role_name": req.role_name, "policy_name": req.policy_name, "policy_document": shown(document)}


@operation("iam", "DeleteRolePolicy")
def delete_role_policy(call: Call, req: RolePolicyInput) -> None:
    """Delete one of a role's own policies. Raises NoSuchEntity when it has none of this name."""
    if not roles.delete_inline(call.db, role_named(call, req.role_name).name, req.policy_name):
        raise no_policy(req.policy_name)


@operation("iam", "ListRolePolicies")
def list_role_policies(call: Call, req: RoleInput) -> dict[str, Any]:
    return {"policy_names": list(roles.inline(call.db, role_named(call, req.role_name).name))}


@record
class AttachmentInput:
    role_name: str
    policy_arn: str


@operation("iam", "AttachRolePolicy")
def attach_role_policy(call: Call, req: AttachmentInput) -> None:
    """Attach a managed policy to a role. Raises NoSuchEntity when there is no such policy or no such role."""
    roles.attach(call.db, role_named(call, req.role_name).name, policy_named(call, req.policy_arn).arn)


@operation("iam", "DetachRolePolicy")
def detach_role_policy(call: Call, req: AttachmentInput) -> None:
    """Detach a managed policy from a role. Raises NoSuchEntity when it is not attached."""
    if not roles.detach(call.db, role_named(call, req.role_name).name, req.policy_arn):
        raise AwsError("NoSuchEntity", f"Policy {req.policy_arn} was not found.", 404)


@record
class ListAttachedRolePoliciesInput:
    role_name: str
    path_prefix: str = "/"


@operation("iam", "ListAttachedRolePolicies")
def list_attached_role_policies(call: Call, req: ListAttachedRolePoliciesInput) -> dict[str, Any]:
    arns = roles.attached(call.db, role_named(call, req.role_name).name)
    attached = [policy for arn in arns if (policy := policies.find(call.db, arn))]
    return {
        "attached_policies": [
            {"policy_name": policy.name, "policy_arn": policy.arn}
            for policy in attached
            if policy.path.startswith(req.path_prefix)
        ]
    }


def no_policy(name: str) -> AwsError:
    """Return the error that says that a role has no policy of this name."""
    return AwsError("NoSuchEntity", f"The role policy with name {name} cannot be found.", 404)
