"""Replication groups: https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html"""

from typing import Any, Literal

from culm.cluster.services.elasticache.names import checked, engine
from culm.cluster.store import caches
from culm.cluster.store.caches import GroupWish, ReplicationGroup
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.record import Stored, record
from culm.errors import AwsError

PORT = 6379
VERSIONS = {"valkey": "8.0", "redis": "7.1"}
"""What is described; the program of this machine may be another one."""


@record
class CreateReplicationGroupInput:
    replication_group_id: str
    replication_group_description: Stored[str]
    engine: str = "redis"
    engine_version: Stored[str | None] = None
    cache_node_type: Stored[str] = "cache.t4g.micro"
    num_cache_clusters: Literal[1] = 1
    automatic_failover_enabled: Literal[False] = False
    transit_encryption_enabled: Literal[False] = False
    port: int = PORT
    user_group_ids: tuple[str, ...] = ()


@operation("elasticache", "CreateReplicationGroup", wakes=True)
def create_replication_group(call: Call, req: CreateReplicationGroupInput) -> dict[str, Any]:
    """Wish for a server; the cache loop makes it. Only users of its user groups get in."""
    identifier = checked(req.replication_group_id, "ReplicationGroupId")
    if caches.groups.find(call.db, identifier):
        raise AwsError("ReplicationGroupAlreadyExists", f"Replication group {identifier} already exists.", status=400)
    for name in req.user_group_ids:
        if caches.find_user_group(call.db, name) is None:
            raise AwsError("UserGroupNotFound", f"User group {name} not found.", status=404)
    if not 1150 <= req.port <= 65535:
        raise AwsError("InvalidParameterValue", "The parameter Port must be between 1150 and 65535.")
    wish = GroupWish(
        engine=engine(req.engine),
        engine_version=VERSIONS[req.engine],
        description=req.replication_group_description,
        node_type=req.cache_node_type,
        user_groups=req.user_group_ids,
    )
    group = ReplicationGroup(identifier=identifier, wish=wish, port=req.port, created_at=call.now)
    caches.insert(call.db, group)
    return {"replication_group": describe(call, group)}


@record
class DescribeReplicationGroupsInput:
    replication_group_id: str | None = None


@operation("elasticache", "DescribeReplicationGroups")
def describe_replication_groups(call: Call, req: DescribeReplicationGroupsInput) -> dict[str, Any]:
    """Return one cache, or all. Raises ReplicationGroupNotFoundFault."""
    groups = (
        caches.groups.every(call.db) if req.replication_group_id is None else [_find(call, req.replication_group_id)]
    )
    return {"replication_groups": [describe(call, group) for group in groups]}


@record
class DeleteReplicationGroupInput:
    replication_group_id: str
    retain_primary_cluster: Literal[False] = False


@operation("elasticache", "DeleteReplicationGroup", wakes=True)
def delete_replication_group(call: Call, req: DeleteReplicationGroupInput) -> dict[str, Any]:
    """Delete a group; the data goes with it."""
    group = _find(call, req.replication_group_id)
    if group.deleting:
        raise AwsError("InvalidReplicationGroupState", f"Replication group {group.identifier} is being deleted.")
    caches.groups.wish_deleted(call.db, group.identifier)
    return {"replication_group": describe(call, _find(call, group.identifier))}


def describe(call: Call, group: ReplicationGroup) -> dict[str, Any]:
    """Return the `ReplicationGroup` shape.

    ElastiCache has no status for a server that cannot be made but `create-failed`.
    """
    status = {"failed": "create-failed"}.get(group.status, group.status)
    endpoint = None
    if group.endpoint_address:
        endpoint = {"address": group.endpoint_address, "port": group.endpoint_port}
    node = {"node_group_id": "0001", "status": status, "primary_endpoint": endpoint}
    return {
        "replication_group_id": group.identifier,
        "description": f"{group.wish.description}: {group.status_reason}"
        if group.status_reason
        else group.wish.description,
        "status": "deleting" if group.deleting else status,
        "node_groups": [node],
        "engine": group.wish.engine,
        "cache_node_type": group.wish.node_type,
        "cluster_enabled": False,
        "automatic_failover": "disabled",
        "multi_az": "disabled",
        "auth_token_enabled": False,
        "transit_encryption_enabled": False,
        "at_rest_encryption_enabled": False,
        "user_group_ids": list(group.wish.user_groups),
        "replication_group_create_time": group.created_at,
        "arn": arn("elasticache", call.region, call.account, f"replicationgroup:{group.identifier}"),
    }


def _find(call: Call, identifier: str) -> ReplicationGroup:
    group = caches.groups.find(call.db, identifier.lower())
    if group is None:
        raise AwsError("ReplicationGroupNotFoundFault", f"Replication group {identifier} not found.", status=404)
    return group
