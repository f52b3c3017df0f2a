"""Instance profiles: kept and described back; the simulated instances need no role to join their cluster.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2_instance-profiles.html
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from culm.cluster.services.iam.references import listed, new_unique_id, profile_named, role_named, tags_of
from culm.cluster.services.iam.roles import RoleInput
from culm.cluster.services.iam.roles import view as role_view
from culm.cluster.store.iam import instance_profiles
from culm.cluster.store.iam.instance_profiles import InstanceProfile
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.record import record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError


@record
class CreateInstanceProfileInput:
    instance_profile_name: str
    path: str = "/"
    tags: tuple[Tag, ...] = ()


@operation("iam", "CreateInstanceProfile")
def create_instance_profile(call: Call, req: CreateInstanceProfileInput) -> dict[str, Any]:
    """Create a profile without a role. Raises EntityAlreadyExists."""
    name = req.instance_profile_name
    if instance_profiles.find(call.db, name) is not None:
        raise AwsError("EntityAlreadyExists", f"Instance Profile {name} already exists.", 409)
    profile = InstanceProfile(
        name=name,
        arn=arn("iam", "", call.account, f"instance-profile{req.path}{name}"),
        path=req.path,
        id=new_unique_id(call, "AIPA"),
        created_at=call.now,
        tags=tags_of(req.tags),
    )
    instance_profiles.save(call.db, profile)
    return {"instance_profile": view(call, profile)}


@record
class InstanceProfileInput:
    instance_profile_name: str


@operation("iam", "GetInstanceProfile")
def get_instance_profile(call: Call, req: InstanceProfileInput) -> dict[str, Any]:
    return {"instance_profile": view(call, profile_named(call, req.instance_profile_name))}


@operation("iam", "DeleteInstanceProfile")
def delete_instance_profile(call: Call, req: InstanceProfileInput) -> None:
    """Delete a profile. Raises DeleteConflict while it has a role."""
    profile = profile_named(call, req.instance_profile_name)
    if profile.role is not None:
        message = "Cannot delete entity, must remove roles from instance profile first."
        raise AwsError("DeleteConflict", message, 409)
    instance_profiles.delete(call.db, profile.name)


@record
class MembershipInput:
    instance_profile_name: str
    role_name: str


@operation("iam", "AddRoleToInstanceProfile")
def add_role_to_instance_profile(call: Call, req: MembershipInput) -> None:
    """Put a role into a profile. Raises LimitExceeded when it has one: there is room for one alone."""
    profile, role = profile_named(call, req.instance_profile_name), role_named(call, req.role_name)
    if profile.role is not None:
        message = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"
        raise AwsError("LimitExceeded", message, 409)
    instance_profiles.save(call.db, replace(profile, role=role.name))


@operation("iam", "RemoveRoleFromInstanceProfile")
def remove_role_from_instance_profile(call: Call, req: MembershipInput) -> None:
    """Take the role out of a profile. Raises NoSuchEntity when it has another one or none."""
    profile = profile_named(call, req.instance_profile_name)
    if profile.role != req.role_name:
        raise AwsError("NoSuchEntity", f"The role with name {req.role_name} cannot be found.", 404)
    instance_profiles.save(call.db, replace(profile, role=None))


@record
class ListInstanceProfilesInput:
    path_prefix: str = "/"


@operation("iam", "ListInstanceProfiles")
def list_instance_profiles(call: Call, req: ListInstanceProfilesInput) -> dict[str, Any]:
    return _views(call, instance_profiles.below(call.db, req.path_prefix))


@operation("iam", "ListInstanceProfilesForRole")
def list_instance_profiles_for_role(call: Call, req: RoleInput) -> dict[str, Any]:
    return _views(call, instance_profiles.of_role(call.db, role_named(call, req.role_name).name))


@record
class TagInstanceProfileInput:
    instance_profile_name: str
    tags: tuple[Tag, ...]


@operation("iam", "TagInstanceProfile")
def tag_instance_profile(call: Call, req: TagInstanceProfileInput) -> None:
    profile = profile_named(call, req.instance_profile_name)
    instance_profiles.save(call.db, replace(profile, tags={**profile.tags, **tags_of(req.tags)}))


@record
class UntagInstanceProfileInput:
    instance_profile_name: str
    tag_keys: tuple[str, ...]


@operation("iam", "UntagInstanceProfile")
def untag_instance_profile(call: Call, req: UntagInstanceProfileInput) -> None:
    profile = profile_named(call, req.instance_profile_name)
    kept = {key: value for key, value in profile.tags.items() if key not in req.tag_keys}
    instance_profiles.save(call.db, replace(profile, tags=kept))


@operation("iam", "ListInstanceProfileTags")
def list_instance_profile_tags(call: Call, req: InstanceProfileInput) -> dict[str, Any]:
    return {"tags": listed(profile_named(call, req.instance_profile_name).tags)}


def _views(call: Call, profiles: Iterable[InstanceProfile]) -> dict[str, Any]:
    return {"instance_profiles": [view(call, profile) for profile in profiles]}


def view(call: Call, profile: InstanceProfile) -> dict[str, Any]:
    """Return a profile as IAM shows it."""
    return {
        "path": profile.path,
        "instance_profile_name": profile.name,
        "instance_profile_id": profile.id,
        "arn": profile.arn,
        "create_date": profile.created_at,
        "roles": [role_view(role_named(call, profile.role))] if profile.role else [],
        "tags": listed(profile.tags) or None,
    }
