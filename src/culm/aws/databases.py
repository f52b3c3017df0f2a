"""RDS instances and ElastiCache nodes for culm.yml's `databases`. RDS's cannot be deleted by mistake. Pure."""

from collections.abc import Sequence
from typing import Any

from culm.aws import elasticache
from culm.aws.document import Att, Ref, Resources, Section, logical, resource, tags
from culm.aws.network import Network
from culm.project import engines
from culm.project.project import Project, Rds

VERSIONS = {"postgres": "18", "mysql": "8.4.8", "mariadb": "11.8.6"}
"""What a server begins with; RDS renews the minor version."""
MASTER = "culm"
DATA = {"DeletionPolicy": "Snapshot", "UpdateReplacePolicy": "Snapshot"}
TITLE = (
    "Databases: private, encrypted, their master password kept and changed by Secrets Manager.\n"
    "Deleting one leaves a snapshot, and has to be allowed first."
)
OF_CACHES = "\nCaches: private, encrypted, gone when they are deleted. culm up makes a user for each service."


def section(project: Project, network: Network) -> Section | None:
    """Return the databases and caches with their network; None for a project without any."""
    if not project.rds and not project.elasticache:
        return None
    ports = sorted({engines.PORTS[project.databases[name]] for name in (*project.rds, *project.elasticache)})
    resources: Resources = {}
    if project.rds:
        resources["DatabaseSubnets"] = resource(
            "RDS::DBSubnetGroup",
            {"DBSubnetGroupDescription": f"Databases of {project.name}", "SubnetIds": network.private},
        )
    resources["DatabaseSecurityGroup"] = security_group(project, network, ports)
    for name, rds in project.rds.items():
        resources[f"Database{logical(name)}"] = instance(project, name, rds)
    resources |= elasticache.resources(project, network)
    return Section(
        title=TITLE + (OF_CACHES if project.elasticache else ""),
        resources=resources,
    )


def security_group(project: Project, network: Network, ports: Sequence[int]) -> dict[str, Any]:
    return resource(
        "EC2::SecurityGroup",
        {
            "GroupDescription": f"The databases of {project.name}",
            "VpcId": network.vpc,
            "SecurityGroupIngress": [
                {
                    "Description": "Tasks, by their instances",
                    "IpProtocol": "tcp",
                    "FromPort": port,
                    "ToPort": port,
                    "SourceSecurityGroupId": Att("InstanceSecurityGroup.GroupId"),
                }
                for port in ports
            ],
            "SecurityGroupEgress": [
                {"Description": "Nowhere", "IpProtocol": "-1", "CidrIp": "127.0.0.1/32"},
            ],
            "Tags": tags(Name=f"{project.name} databases"),
        },
    )


def instance(project: Project, name: str, rds: Rds) -> dict[str, Any]:
    return {
        **resource("RDS::DBInstance", {}, **DATA),
        "Properties": {
            "DBInstanceIdentifier": f"{project.name}-{name}",
            "DBInstanceClass": rds.instance,
            "Engine": project.databases[name],
            "EngineVersion": VERSIONS[project.databases[name]],
            "AutoMinorVersionUpgrade": True,
            "AllocatedStorage": str(rds.storage),
            "StorageType": "gp3",
            "StorageEncrypted": True,
            "MasterUsername": MASTER,
            "ManageMasterUserPassword": True,
            "DBSubnetGroupName": Ref("DatabaseSubnets"),
            "VPCSecurityGroups": [Att("DatabaseSecurityGroup.GroupId")],
            "PubliclyAccessible": False,
            "BackupRetentionPeriod": rds.backups,
            "CopyTagsToSnapshot": True,
            "DeletionProtection": True,
        },
    }
