"""Managed policies: the account's own, and those of Amazon's that roles of tasks and of instances are given."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from sqlite3 import Connection

import msgspec

from culm.core.model.record import record


@record
class PolicyVersion:
    version_id: str
    document: str
    created_at: float


@record
class ManagedPolicy:
    name: str
    arn: str
    path: str
    id: str
    created_at: float
    """Epoch seconds."""
    document: str
    """The default version's."""
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    default_version: str = "v1"
    updated_at: float | None = None
    latest_version: int = 1
    """The number of the newest that ever was: numbers are not used again."""
    other_versions: tuple[PolicyVersion, ...] = ()
    default_since: float | None = None
    """When the default version was made; None: with the policy."""

    @property
    def versions(self) -> tuple[PolicyVersion, ...]:
        """All of them, the default one first."""
        made = self.created_at if self.default_since is None else self.default_since
        default = PolicyVersion(version_id=self.default_version, document=self.document, created_at=made)
        return (default, *self.other_versions)


def _of_amazon(name: str, path: str, *actions: str) -> ManagedPolicy:
    statement = {"Effect": "Allow", "Action": [*actions], "Resource": "*"}
    return ManagedPolicy(
        name=name,
        arn=f"arn:aws:iam::aws:policy{path}{name}",
        path=path,
        id=f"ANPA{hashlib.sha256(name.encode()).hexdigest().upper()[:17]}",
        created_at=0.0,
        document=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


_PULLS = (
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchGetImage",
)
_READS_REPOSITORIES = (
    *_PULLS,
    "ecr:GetRepositoryPolicy",
    "ecr:DescribeRepositories",
    "ecr:ListImages",
    "ecr:DescribeImages",
    "ecr:GetLifecyclePolicy",
    "ecr:GetLifecyclePolicyPreview",
    "ecr:ListTagsForResource",
    "ecr:DescribeImageScanFindings",
)
_PUSHES = ("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage")
_LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")
_CHANNELS = ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")
_REGISTERS_TARGETS = (
    "elasticloadbalancing:DeregisterInstancesFromLoadBalancer",
    "elasticloadbalancing:DeregisterTargets",
    "elasticloadbalancing:Describe*",
    "elasticloadbalancing:RegisterInstancesWithLoadBalancer",
    "elasticloadbalancing:RegisterTargets",
)

# Names, paths and actions: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
# Where Amazon's names single resources, all of them are meant here.
AMAZON = {
    policy.arn: policy
    for policy in (
        _of_amazon(
            "AmazonECSTaskExecutionRolePolicy",
            "/service-role/",
            *_PULLS,
            *_LOGS,
        ),
        _of_amazon(
            "AmazonEC2ContainerServiceforEC2Role",
            "/service-role/",
            "ec2:DescribeTags",
            "ecs:CreateCluster",
            "ecs:DeregisterContainerInstance",
            "ecs:DiscoverPollEndpoint",
            "ecs:Poll",
            "ecs:RegisterContainerInstance",
            "ecs:StartTelemetrySession",
            "ecs:UpdateContainerInstancesState",
            "ecs:Submit*",
            *_PULLS,
            *_LOGS,
            "ecs:TagResource",
        ),
        _of_amazon(
            "AmazonEC2ContainerServiceRole",
            "/service-role/",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:Describe*",
            *_REGISTERS_TARGETS,
        ),
        _of_amazon(
            "AmazonEC2ContainerServiceAutoscaleRole",
            "/service-role/",
            "ecs:DescribeServices",
            "ecs:UpdateService",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:PutMetricAlarm",
        ),
        _of_amazon("AmazonEC2ContainerServiceEventsRole", "/service-role/", "ecs:RunTask", "iam:PassRole"),
        _of_amazon(
            "AmazonSSMManagedInstanceCore",
            "/",
            "ssm:DescribeAssociation",
            "ssm:GetDeployablePatchSnapshotForInstance",
            "ssm:GetDocument",
            "ssm:DescribeDocument",
            "ssm:GetManifest",
            "ssm:GetParameter",
            "ssm:GetParameters",
            "ssm:ListAssociations",
            "ssm:ListInstanceAssociations",
            "ssm:PutInventory",
            "ssm:PutComplianceItems",
            "ssm:PutConfigurePackageResult",
            "ssm:UpdateAssociationStatus",
            "ssm:UpdateInstanceAssociationStatus",
            "ssm:UpdateInstanceInformation",
            *(f"ssmmessages:{each}" for each in _CHANNELS),
            "ec2messages:AcknowledgeMessage",
            "ec2messages:DeleteMessage",
            "ec2messages:FailMessage",
            "ec2messages:GetEndpoint",
            "ec2messages:GetMessages",
            "ec2messages:SendReply",
        ),
        _of_amazon(
            "CloudWatchAgentServerPolicy",
            "/",
            "cloudwatch:PutMetricData",
            "ec2:DescribeVolumes",
            "ec2:DescribeTags",
            "logs:PutLogEvents",
            "logs:PutRetentionPolicy",
            "logs:DescribeLogStreams",
            "logs:DescribeLogGroups",
            "logs:CreateLogStream",
            "logs:CreateLogGroup",
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:GetSamplingStatisticSummaries",
            "ssm:GetParameter",
        ),
        _of_amazon(
            "AWSXRayDaemonWriteAccess",
            "/",
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:GetSamplingStatisticSummaries",
        ),
        _of_amazon("AmazonEC2ContainerRegistryReadOnly", "/", *_READS_REPOSITORIES),
        _of_amazon("AmazonEC2ContainerRegistryPullOnly", "/", *_PULLS, "ecr:BatchImportUpstreamImage"),
        _of_amazon("AmazonEC2ContainerRegistryPowerUser", "/", *_READS_REPOSITORIES, *_PUSHES),
        _of_amazon("AmazonEC2ContainerRegistryFullAccess", "/", "ecr:*", "cloudtrail:LookupEvents"),
        _of_amazon(
            "AmazonECS_FullAccess", "/", "ecs:*", "elasticloadbalancing:*", "logs:*", "application-autoscaling:*"
        ),
        _of_amazon("CloudWatchLogsFullAccess", "/", "logs:*", "cloudwatch:GenerateQuery"),
        _of_amazon(
            "CloudWatchLogsReadOnlyAccess",
            "/",
            *(f"logs:{each}*" for each in ("Describe", "Get", "List", "FilterLogEvents")),
        ),
        _of_amazon("CloudWatchFullAccess", "/", "autoscaling:Describe*", "cloudwatch:*", "logs:*", "sns:*"),
        _of_amazon("SecretsManagerReadWrite", "/", "secretsmanager:*", "kms:DescribeKey", "kms:ListKeys"),
        _of_amazon("AmazonSSMFullAccess", "/", "cloudwatch:PutMetricData", "ssm:*", "ssmmessages:*", "ec2messages:*"),
        _of_amazon("AmazonS3FullAccess", "/", "s3:*", "s3-object-lambda:*"),
        _of_amazon("AmazonSQSFullAccess", "/", "sqs:*"),
        _of_amazon("AmazonSNSFullAccess", "/", "sns:*"),
        _of_amazon("AmazonDynamoDBFullAccess", "/", "dynamodb:*"),
        _of_amazon("AmazonRDSFullAccess", "/", "rds:*"),
        _of_amazon("AmazonElasticFileSystemClientReadWriteAccess", "/", "elasticfilesystem:Client*"),
        _of_amazon("AdministratorAccess", "/", "*"),
        _of_amazon("AmazonSSMReadOnlyAccess", "/", "ssm:Describe*", "ssm:Get*", "ssm:List*"),
        _of_amazon("AmazonS3ReadOnlyAccess", "/", "s3:Get*", "s3:List*", "s3:Describe*"),
    )
}

_decode = msgspec.json.Decoder(ManagedPolicy).decode


def find(db: Connection, arn: str) -> ManagedPolicy | None:
    """Return the managed policy of an ARN, Amazon's own among them; None when there is none."""
    if arn in AMAZON:
        return AMAZON[arn]
    row = db.execute("SELECT body FROM iam_policy WHERE arn = ?", (arn,)).fetchone()
    return _decode(row[0]) if row else None


def below(db: Connection, path: str) -> Sequence[ManagedPolicy]:
    """Return the account's own."""
    rows = db.execute("SELECT body FROM iam_policy WHERE substr(path, 1, ?) = ? ORDER BY arn", (len(path), path))
    return [_decode(row[0]) for row in rows]


def save(db: Connection, policy: ManagedPolicy) -> None:
    db.execute(
        "INSERT INTO iam_policy VALUES (?, ?, ?) ON CONFLICT (arn) DO UPDATE SET body = excluded.body",
        (policy.arn, policy.path, msgspec.json.encode(policy).decode()),
    )


def delete(db: Connection, arn: str) -> None:
    db.execute("DELETE FROM iam_policy WHERE arn = ?", (arn,))


def attached_to(db: Connection, arn: str) -> Sequence[str]:
    """Return the names of the roles that have it."""
    return [row[0] for row in db.execute("SELECT role FROM iam_attachment WHERE policy_arn = ? ORDER BY 1", (arn,))]


def attachments(db: Connection, arn: str) -> int:
    """Return how many roles have it."""
    return int(db.execute("SELECT count(*) FROM iam_attachment WHERE policy_arn = ?", (arn,)).fetchone()[0])
