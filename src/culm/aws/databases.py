"""RDS instances for culm.yml's `databases`. They cannot be deleted by mistake, and leave a snapshot. Pure."""

from typing import Any

from culm.aws.document import Att, Ref, Resources, Section, logical, resource, tags
from culm.aws.network import Network
from culm.project.project import Project, Rds

PORT = 5432
VERSION = "18"
"""PostgreSQL's major version; RDS chooses and renews the minor one."""
MASTER = "culm"
DATA = {"DeletionPolicy": "Snapshot", "UpdateReplacePolicy": "Snapshot"}


def section(project: Project, network: Network) -> Section | None:
    if not project.rds:
        return None
    resources: Resources = {
        "DatabaseSubnets": resource(
            "RDS::DBSubnetGroup",
            {"DBSubnetGroupDescription": f"Databases of {project.name}", "SubnetIds": network.private},
        ),
        "DatabaseSecurityGroup": resource(
            "EC2::SecurityGroup",
            {
                "GroupDescription": f"The databases of {project.name}",
                "VpcId": network.vpc,
                "SecurityGroupIngress": [
                    {
                        "Description": "Tasks, by their instances",
                        "IpProtocol": "tcp",
                        "FromPort": PORT,
                        "ToPort": PORT,
                        "SourceSecurityGroupId": Att("InstanceSecurityGroup.GroupId"),
                    }
                ],
                "SecurityGroupEgress": [
                    {"Description": "Nowhere", "IpProtocol": "-1", "CidrIp": "127.0.0.1/32"},
                ],
                "Tags": tags(Name=f"{project.name} databases"),
            },
        ),
    }
    for name, rds in project.rds.items():
        resources[f"Database{logical(name)}"] = instance(project, name, rds)
    return Section(
        title="Databases: private, encrypted, their master password kept and changed by Secrets Manager.\n"
        "Deleting one leaves a snapshot, and has to be allowed first.",
        resources=resources,
    )


def instance(project: Project, name: str, rds: Rds) -> dict[str, Any]:
    return {
        **resource("RDS::DBInstance", {}, **DATA),
        "Properties": {
            "DBInstanceIdentifier": f"{project.name}-{name}",
            "DBInstanceClass": rds.instance,
            "Engine": "postgres",
            "EngineVersion": VERSION,
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
