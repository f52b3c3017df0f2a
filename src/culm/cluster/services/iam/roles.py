"""Roles: who may assume them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html
"""

from dataclasses import replace
from typing import Any

from culm.cluster.services.iam.references import (
    checked,
    listed,
    new_unique_id,
    policy_named,
    role_named,
    shown,
    tags_of,
)
from culm.cluster.store.iam import instance_profiles, roles
from culm.cluster.store.iam.roles import Role
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.policy_documents import parse_trust
from culm.core.model.arn import arn
from culm.core.model.record import record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError


@record
class CreateRoleInput:
    role_name: str
    assume_role_policy_document: str
    path: str = "/"
    description: str | None = None
    max_session_duration: int = 3600
    tags: tuple[Tag, ...] = ()
    permissions_boundary: str | None = None


@operation("iam", "CreateRole")
def create_role(call: Call, req: CreateRoleInput) -> dict[str, Any]:
    """Create a role. Raises EntityAlreadyExists, and MalformedPolicyDocument for a trust policy that is none."""
    if roles.find(call.db, req.role_name) is not None:
        raise AwsError("EntityAlreadyExists", f"Role with name {req.role_name} already exists.", 409)
    role = Role(
        name=req.role_name,
        arn=arn("iam", "", call.account, f"role{req.path}{req.role_name}"),
        path=req.path,
        id=new_unique_id(call, "AROA"),
        created_at=call.now,
        trust=checked(req.assume_role_policy_document, parse_trust),
        description=req.description,
        max_session_duration=req.max_session_duration,
        tags=tags_of(req.tags),
        boundary=policy_named(call, req.permissions_boundary).arn if req.permissions_boundary else None,
    )
    roles.save(call.db, role)
    return {"role": {**view(role), "max_session_duration": None}}  # AWS says that to GetRole and ListRoles alone


@record
class RoleInput:
    role_name: str


@operation("iam", "GetRole")
def get_role(call: Call, req: RoleInput) -> dict[str, Any]:
    return {"role": view(role_named(call, req.role_name)) | {"role_last_used": {}}}


@operation("iam", "DeleteRole")
def delete_role(call: Call, req: RoleInput) -> None:
    """Delete a role; its sessions stay who they are, and may do nothing any more."""
    role = role_named(call, req.role_name)
    if roles.inline(call.db, role.name):
        raise AwsError("DeleteConflict", "Cannot delete entity, must delete policies first.", 409)
    if roles.attached(call.db, role.name):
        raise AwsError("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409)
    if instance_profiles.of_role(call.db, role.name):
        message = "Cannot delete entity, must remove roles from instance profile first."
        raise AwsError("DeleteConflict", message, 409)
    roles.delete(call.db, role.name)


@record
class ListRolesInput:
    path_prefix: str = "/"


@operation("iam", "ListRoles")
def list_roles(call: Call, req: ListRolesInput) -> dict[str, Any]:
    return {"roles": [view(role) for role in roles.below(call.db, req.path_prefix)]}


@record
class UpdateRoleInput:
    """What is left out stays."""

    role_name: str
    description: str | None = None
    max_session_duration: int | None = None


@operation("iam", "UpdateRole")
def update_role(call: Call, req: UpdateRoleInput) -> dict[str, Any]:
    """Change the description and the longest session of a role; what is not given stays."""
    role = role_named(call, req.role_name)
    longest = req.max_session_duration or role.max_session_duration
    description = req.description if req.description is not None else role.description
    roles.save(call.db, replace(role, description=description, max_session_duration=longest))
    return {}


@record
class UpdateRoleDescriptionInput:
    role_name: str
    description: str


@operation("iam", "UpdateRoleDescription")
def update_role_description(call: Call, req: UpdateRoleDescriptionInput) -> dict[str, Any]:
    role = replace(role_named(call, req.role_name), description=req.description)
    roles.save(call.db, role)
    return {"role": view(role)}


@record
class UpdateAssumeRolePolicyInput:
    role_name: str
    policy_document: str


@operation("iam", "UpdateAssumeRolePolicy")
def update_assume_role_policy(call: Call, req: UpdateAssumeRolePolicyInput) -> None:
    """Replace who may assume a role. Raises MalformedPolicyDocument."""
    role = role_named(call, req.role_name)
    roles.save(call.db, replace(role, trust=checked(req.policy_document, parse_trust)))


@record
class PutRolePermissionsBoundaryInput:
    role_name: str
    permissions_boundary: str


@operation("iam", "PutRolePermissionsBoundary")
def put_role_permissions_boundary(call: Call, req: PutRolePermissionsBoundaryInput) -> None:
    """Limit a role by a managed policy: what that does not allow the role may not do. Raises NoSuchEntity."""
    role = role_named(call, req.role_name)
    roles.save(call.db, replace(role, boundary=policy_named(call, req.permissions_boundary).arn))


@operation("iam", "DeleteRolePermissionsBoundary")
def delete_role_permissions_boundary(call: Call, req: RoleInput) -> None:
    """Let a role's policies alone say what it may do. Raises NoSuchEntity."""
    role = role_named(call, req.role_name)
    if role.boundary is None:
        raise AwsError("NoSuchEntity", f"Role {role.name} does not have a permissions boundary.", 404)
    roles.save(call.db, replace(role, boundary=None))


@record
class TagRoleInput:
    role_name: str
    tags: tuple[Tag, ...]


@operation("iam", "TagRole")
def tag_role(call: Call, req: TagRoleInput) -> None:
    role = role_named(call, req.role_name)
    roles.save(call.db, replace(role, tags={**role.tags, **tags_of(req.tags)}))


@record
class UntagRoleInput:
    role_name: str
    tag_keys: tuple[str, ...]


@operation("iam", "UntagRole")
def untag_role(call: Call, req: UntagRoleInput) -> None:
    role = role_named(call, req.role_name)
    kept = {key: value for key, value in role.tags.items() if key not in req.tag_keys}
    roles.save(call.db, replace(role, tags=kept))


@operation("iam", "ListRoleTags")
def list_role_tags(call: Call, req: RoleInput) -> dict[str, Any]:
    return {"tags": listed(role_named(call, req.role_name).tags)}


def view(role: Role) -> dict[str, Any]:
    """Return a role as IAM shows it."""
    return {
        "path": role.path,
        "role_name": role.name,
        "role_id": role.id,
        "arn": role.arn,
        "create_date": role.created_at,
        "assume_role_policy_document": shown(role.trust),
        "description": role.description,
        "max_session_duration": role.max_session_duration,
        "tags": listed(role.tags) or None,
        "permissions_boundary": role.boundary
        and {"permissions_boundary_type": "Policy", "permissions_boundary_arn": role.boundary},
    }
