"""A service's user in a Valkey or Redis server, by ElastiCache's API: the server itself need not be reachable.

Users of one server see the same keys: a queue is there to be shared. Services that are to be kept apart name servers of
their own. The API and its rules are the same on both targets, but that Amazon's servers speak TLS alone.
https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.RBAC.html
"""

import secrets
from collections.abc import Collection
from functools import partial

from culm.project.project import Project, Service
from culm.target.connection import Target
from culm.target.observe import or_none

NODE_TYPE = "cache.t4g.micro"
ACCESS = "on ~* &* +@all -@admin +client|list"
"""Every key and channel, and every command but those that administer the server; workers count each other by one."""

NO_GROUP = ("UserGroupNotFound", "UserGroupNotFoundFault")
NO_USER = ("UserNotFound", "UserNotFoundFault")


def identifier(project: Project, database: str) -> str:
    """Return the identifier of the server and of its user group: `shop-cache`."""
    return f"{project.name}-{database}"


def user(project: Project, database: str, service: Service) -> str:
    """Return the name of a service's user of a cache."""
    return f"{project.name}-{database}-{service.original}"


def create(target: Target, project: Project, database: str) -> None:
    """Wish for a server and for the group of its users."""
    client, name, engine = target.client("elasticache"), identifier(project, database), project.databases[database]
    if or_none(lambda: client.describe_user_groups(UserGroupId=name), *NO_GROUP) is None:
        client.create_user_group(UserGroupId=name, Engine=engine)
    client.create_replication_group(
        ReplicationGroupId=name,
        ReplicationGroupDescription=f"{database} of {project.name}",
        Engine=engine,
        CacheNodeType=NODE_TYPE,
        NumCacheClusters=1,
        UserGroupIds=[name],
    )


def members(target: Target, group: str) -> Collection[str]:
    """Return the ids of the users that a server lets in."""
    [described] = target.client("elasticache").describe_user_groups(UserGroupId=group)["UserGroups"]
    users: list[str] = described.get("UserIds", [])
    return users


def admit(target: Target, project: Project, database: str, service: Service, members: Collection[str]) -> str:
    """Make the service's user, or give it another password, and let it in; the password."""
    client, name, password = target.client("elasticache"), user(project, database, service), secrets.token_urlsafe(24)
    there = or_none(lambda: client.describe_users(UserId=name), *NO_USER)
    if there is not None and there["Users"]:
        client.modify_user(UserId=name, Passwords=[password], AccessString=ACCESS)
    else:
        engine = project.databases[database]
        client.create_user(UserId=name, UserName=name, Engine=engine, Passwords=[password], AccessString=ACCESS)
    if name not in members:
        client.modify_user_group(UserGroupId=identifier(project, database), UserIdsToAdd=[name])
    return password


def url(target: Target, project: Project, database: str, service: Service, password: str) -> str:
    """Return its URL but for the address: `redis://`, which clients of both engines take; `rediss://` is with TLS."""
    scheme = "rediss" if target.settings.provider == "aws" else "redis"
    return f"{scheme}://{user(project, database, service)}:{password}@0.0.0.0:0/0"


def forget(target: Target, project: Project) -> None:
    """Delete the users that `up` made in servers of the base stack, which is gone."""
    client = target.client("elasticache")
    for database in project.elasticache:
        for service in project.users(database):
            or_none(partial(client.delete_user, UserId=user(project, database, service)), *NO_USER)


def delete(target: Target, project: Project, database: str) -> None:
    """Delete a server's user group and the users that `up` made; the server is gone, or going."""
    client, name = target.client("elasticache"), identifier(project, database)
    group = or_none(lambda: client.describe_user_groups(UserGroupId=name), *NO_GROUP)
    users = [each for described in (group or {}).get("UserGroups", ()) for each in described.get("UserIds", ())]
    if group is not None:
        or_none(lambda: client.delete_user_group(UserGroupId=name), *NO_GROUP)
    for each in users:
        or_none(partial(client.delete_user, UserId=each), *NO_USER)
