"""Users and user groups: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.RBAC.html"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from culm.cluster.services.elasticache.names import checked, engine
from culm.cluster.store import caches
from culm.cluster.store.caches import User, UserGroup
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.record import record
from culm.errors import AwsError


@record
class CreateUserInput:
    user_id: str
    user_name: str
    engine: str
    access_string: str
    passwords: tuple[str, ...] = ()


@operation("elasticache", "CreateUser", wakes=True)
def create_user(call: Call, req: CreateUserInput) -> dict[str, Any]:
    """Create a user; only SHA-256 digests of the passwords are kept, as the server itself keeps them."""
    identifier = checked(req.user_id, "UserId")
    if caches.find_user(call.db, identifier):
        raise AwsError("UserAlreadyExists", f"User {identifier} already exists.", status=400)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", req.user_name):
        raise AwsError("InvalidParameterValue", f"UserName {req.user_name} is not a valid name.")
    user = User(
        identifier=identifier,
        name=req.user_name,
        engine=engine(req.engine),
        access_string=access(req.access_string),
        digests=digests(req.passwords),
    )
    caches.save_user(call.db, user)
    return described(call, user)


@record
class ModifyUserInput:
    user_id: str
    access_string: str | None = None
    passwords: tuple[str, ...] = ()


@operation("elasticache", "ModifyUser", wakes=True)
def modify_user(call: Call, req: ModifyUserInput) -> dict[str, Any]:
    """Change a user; passwords replace all those before."""
    user = _find_user(call, req.user_id)
    if req.access_string is not None:
        user = replace(user, access_string=access(req.access_string))
    if req.passwords:
        user = replace(user, digests=digests(req.passwords))
    caches.save_user(call.db, user)
    return described(call, user)


@record
class DescribeUsersInput:
    engine: str | None = None
    user_id: str | None = None


@operation("elasticache", "DescribeUsers")
def describe_users(call: Call, req: DescribeUsersInput) -> dict[str, Any]:
    """Return one user, or all, of one engine if it is named. Raises UserNotFound."""
    users = caches.users(call.db) if req.user_id is None else [_find_user(call, req.user_id)]
    return {"users": [described(call, user) for user in users if req.engine in (None, user.engine)]}


@record
class DeleteUserInput:
    user_id: str


@operation("elasticache", "DeleteUser", wakes=True)
def delete_user(call: Call, req: DeleteUserInput) -> dict[str, Any]:
    """Delete a user; the groups that it is in lose it."""
    user = _find_user(call, req.user_id)
    caches.delete_user(call.db, user.identifier)
    return described(call, user) | {"status": "deleting"}


@record
class CreateUserGroupInput:
    user_group_id: str
    engine: str
    user_ids: tuple[str, ...] = ()


@operation("elasticache", "CreateUserGroup", wakes=True)
def create_user_group(call: Call, req: CreateUserGroupInput) -> dict[str, Any]:
    """Create a group of users. Raises UserGroupAlreadyExists, and UserNotFound for a member that does not exist."""
    identifier = checked(req.user_group_id, "UserGroupId")
    if caches.find_user_group(call.db, identifier):
        raise AwsError("UserGroupAlreadyExists", f"User group {identifier} already exists.", status=400)
    members = tuple(_find_user(call, each).identifier for each in req.user_ids)
    group = UserGroup(identifier=identifier, engine=engine(req.engine), users=members)
    caches.save_user_group(call.db, group)
    return described_group(call, group)


@record
class ModifyUserGroupInput:
    user_group_id: str
    user_ids_to_add: tuple[str, ...] = ()
    user_ids_to_remove: tuple[str, ...] = ()


@operation("elasticache", "ModifyUserGroup", wakes=True)
def modify_user_group(call: Call, req: ModifyUserGroupInput) -> dict[str, Any]:
    """Add users to a group and remove others. Raises InvalidParameterCombination for one that is in it already."""
    group = _find_user_group(call, req.user_group_id)
    added = [_find_user(call, each).identifier for each in req.user_ids_to_add]
    if present := set(added) & set(group.users):
        listed = ", ".join(sorted(present))
        raise AwsError("InvalidParameterCombination", f"Already in user group {group.identifier}: {listed}.")
    kept = [each for each in group.users if each not in req.user_ids_to_remove]
    group = replace(group, users=(*kept, *added))
    caches.save_user_group(call.db, group)
    return described_group(call, group)


@record
class DescribeUserGroupsInput:
    user_group_id: str | None = None


@operation("elasticache", "DescribeUserGroups")
def describe_user_groups(call: Call, req: DescribeUserGroupsInput) -> dict[str, Any]:
    """Return one group of users, or all. Raises UserGroupNotFound."""
    groups = caches.user_groups(call.db) if req.user_group_id is None else [_find_user_group(call, req.user_group_id)]
    return {"user_groups": [described_group(call, group) for group in groups]}


@record
class DeleteUserGroupInput:
    user_group_id: str


@operation("elasticache", "DeleteUserGroup", wakes=True)
def delete_user_group(call: Call, req: DeleteUserGroupInput) -> dict[str, Any]:
    """Delete a group of users. Raises InvalidUserGroupState while a cache uses it."""
    group = _find_user_group(call, req.user_group_id)
    if used := _servers(call, group):
        what = f"User group {group.identifier} is used by {', '.join(used)}."
        raise AwsError("InvalidUserGroupState", what, status=400)
    caches.delete_user_group(call.db, group.identifier)
    return described_group(call, group) | {"status": "deleting"}


def access(text: str) -> str:
    """Return the rules of an ACL, without passwords, which have a parameter of their own."""
    if not re.fullmatch(r"(on|off)( [~&%+@|A-Za-z0-9*?:_.\[\]{}()-]+)*", text):
        raise AwsError("InvalidParameterValue", "The parameter AccessString is not a valid access string.")
    if {"reset", "resetpass", "nopass"} & set(text.split()):
        raise AwsError("InvalidParameterValue", "The parameter AccessString may not hold reset, resetpass or nopass.")
    return text


def digests(passwords: Sequence[str]) -> tuple[str, ...]:
    """Return the SHA-256 of each password, as Valkey's ACL takes it.

    Raises InvalidParameterValue for more than two, and for one that does not have 16 to 128 characters.
    """
    if len(passwords) > 2 or not all(16 <= len(password) <= 128 for password in passwords):
        raise AwsError("InvalidParameterValue", "A user has up to two passwords of 16 to 128 characters.")
    return tuple(hashlib.sha256(password.encode()).hexdigest() for password in passwords)


def described(call: Call, user: User) -> dict[str, Any]:
    """Return the `User` shape."""
    kind = "password" if user.digests else "no-password"
    return {
        "user_id": user.identifier,
        "user_name": user.name,
        "status": "active",
        "engine": user.engine,
        "minimum_engine_version": "7.2" if user.engine == "valkey" else "6.0",
        "access_string": user.access_string,
        "user_group_ids": [each.identifier for each in caches.user_groups(call.db) if user.identifier in each.users],
        "authentication": {"type": kind, "password_count": len(user.digests)},
        "arn": arn("elasticache", call.region, call.account, f"user:{user.identifier}"),
    }


def described_group(call: Call, group: UserGroup) -> dict[str, Any]:
    """Return the `UserGroup` shape."""
    return {
        "user_group_id": group.identifier,
        "status": "active",
        "engine": group.engine,
        "user_ids": list(group.users),
        "replication_groups": _servers(call, group),
        "arn": arn("elasticache", call.region, call.account, f"usergroup:{group.identifier}"),
    }


def _servers(call: Call, group: UserGroup) -> list[str]:
    return [each.identifier for each in caches.groups.every(call.db) if group.identifier in each.wish.user_groups]


def _find_user(call: Call, identifier: str) -> User:
    user = caches.find_user(call.db, identifier.lower())
    if user is None:
        raise AwsError("UserNotFound", f"User {identifier} not found.", status=404)
    return user


def _find_user_group(call: Call, identifier: str) -> UserGroup:
    group = caches.find_user_group(call.db, identifier.lower())
    if group is None:
        raise AwsError("UserGroupNotFound", f"User group {identifier} not found.", status=404)
    return group
