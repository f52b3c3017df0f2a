"""ElastiCache nodes for culm.yml's `databases`, with the group of users that each lets in. Pure.

`up` makes the users themselves, one for each service: their passwords are in no template. A group needs a first member
that nobody can be: of Valkey one without rights who logs in by IAM, of Redis the user `default` without rights.
https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.RBAC.html
"""

from typing import Any

from culm.aws.document import Att, Ref, Resources, logical, resource
from culm.aws.network import Network
from culm.project import engines
from culm.project.project import Project

VERSIONS = {"valkey": "8.0", "redis": "7.1"}


def resources(project: Project, network: Network) -> Resources:
    """Return the caches' resources; empty where culm.yml asks for none."""
    if not project.elasticache:
        return {}
    made: Resources = {
        "CacheSubnets": resource(
            "ElastiCache::SubnetGroup",
            {"Description": f"Caches of {project.name}", "SubnetIds": network.private},
        )
    }
    for name, settings in project.elasticache.items():
        engine, called = project.databases[name], logical(name)
        made[f"NobodyOf{called}"] = resource("ElastiCache::User", nobody(project, name, engine))
        made[f"UsersOf{called}"] = resource(
            "ElastiCache::UserGroup",
            {"UserGroupId": f"{project.name}-{name}", "Engine": engine, "UserIds": [Ref(f"NobodyOf{called}")]},
        )
        made[f"Cache{called}"] = resource("ElastiCache::ReplicationGroup", node(project, name, settings.instance))
    return made


def nobody(project: Project, name: str, engine: str) -> dict[str, Any]:
    """Return a user who may do nothing: a user group has to have one."""
    identifier = f"{project.name}-{name}-nobody"
    common = {"UserId": identifier, "Engine": engine, "AccessString": "off -@all"}
    if engine == "redis":
        return {**common, "UserName": "default", "AuthenticationMode": {"Type": "no-password-required"}}
    return {**common, "UserName": identifier, "AuthenticationMode": {"Type": "iam"}}


def node(project: Project, name: str, instance: str) -> dict[str, Any]:
    engine = project.databases[name]
    return {
        "ReplicationGroupId": f"{project.name}-{name}",
        "ReplicationGroupDescription": f"{name} of {project.name}",
        "Engine": engine,
        "EngineVersion": VERSIONS[engine],
        "CacheNodeType": instance,
        "NumCacheClusters": 1,
        "AutomaticFailoverEnabled": False,
        "Port": engines.PORTS[engine],
        "CacheSubnetGroupName": Ref("CacheSubnets"),
        "SecurityGroupIds": [Att("DatabaseSecurityGroup.GroupId")],
        "AtRestEncryptionEnabled": True,
        "TransitEncryptionEnabled": True,
        "UserGroupIds": [Ref(f"UsersOf{logical(name)}")],
    }
