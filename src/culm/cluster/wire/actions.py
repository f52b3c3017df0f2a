"""What a request needs to be allowed: IAM actions, and the resources that they are on.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from culm.core.model.arn import arn
from culm.core.model.record import record

Members = Mapping[str, Any]
"""A request's, under AWS's own names."""

FREE = {
    ("sts", "GetCallerIdentity"),
    ("sts", "AssumeRole"),
    ("sts", "AssumeRoleWithWebIdentity"),
    ("sts", "GetSessionToken"),
    ("sts", "GetFederationToken"),
}
"""Anybody may know who he is; who may assume a role, the role says; the last two are the operator's alone."""


@record
class Place:
    """Where resources are."""

    region: str
    account: str


@record
class Need:
    action: str
    resource: str = "*"


def needs(service: str, operation: str, members: Members, place: Place) -> list[Need]:
    """Return what must be allowed for an operation, all of it."""
    if (service, operation) in FREE:
        return []
    if service == "s3":
        return s3(operation, members)
    prefix = PREFIXES.get(service, service)
    on = resources(service, operation, members, place)
    needs = [Need(action=f"{prefix}:{operation}", resource=each) for each in on]
    if operation == "BatchGetSecretValue":
        needs += [
            Need(action="secretsmanager:GetSecretValue", resource=_secret(each, members, place))
            for each in members.get("SecretIdList") or ("*",)
        ]
    if service == "ssm":
        asked = [members.get("Name"), *(members.get("Names") or ())]
        needs += [
            Need(action="secretsmanager:GetSecretValue", resource=_secret(secret, members, place))
            for secret in map(referenced_secret, asked)
            if secret
        ]
    return [*needs, *passed_roles(service, members)]


SECRETS = "/aws/reference/secretsmanager/"


def referenced_secret(parameter: object) -> str:
    """Return the name of the secret that the name of a parameter stands for; "" for any other parameter."""
    return str(parameter)[len(SECRETS) :].partition(":")[0] if str(parameter).startswith(SECRETS) else ""


PREFIXES = {"elbv2": "elasticloadbalancing"}


def resources(service: str, operation: str, members: Members, place: Place) -> list[str]:
    """Return the ARNs of what a request names; `*` if it names nothing."""
    for name, build in RESOURCES.get(f"{service}.{operation}", RESOURCES.get(service, ())):
        value = members.get(name)
        if not value:
            continue
        values = value if isinstance(value, list) else [value]
        return [each if str(each).startswith("arn:") else build(str(each), members, place) for each in values]
    return ["*"]


Build = Callable[[str, Members, Place], str]


def _named(service: str, kind: str) -> Build:
    return lambda value, members, place: arn(service, place.region, place.account, f"{kind}{value}")


def _in_cluster(kind: str) -> Build:
    def build(value: str, members: Members, place: Place) -> str:
        cluster = str(members.get("cluster") or "default").rpartition("/")[2]
        return arn("ecs", place.region, place.account, f"{kind}/{cluster}/{value}")

    return build


def _parameter(value: str, members: Members, place: Place) -> str:
    return arn("ssm", place.region, place.account, f"parameter/{value.removeprefix('/')}")


def _log(value: str, members: Members, place: Place) -> str:
    stream = members.get("logStreamName", "")
    return arn("logs", place.region, place.account, f"log-group:{value}:log-stream:{stream}")


def _role(value: str, members: Members, place: Place) -> str:
    return arn("iam", "", place.account, f"role/{value}")


def _secret(value: str, members: Members, place: Place) -> str:
    """Return a secret's ARN as policies write it: with `-??????` for its last six characters."""
    if value == "*" or value.startswith("arn:"):
        return value
    return arn("secretsmanager", place.region, place.account, f"secret:{value}-??????")


def _balanced(kind: str) -> Build:
    """Build the ARN of what belongs to a load balancer; it has no id yet, so `*` stands in its place."""
    return lambda value, members, place: arn("elasticloadbalancing", place.region, place.account, f"{kind}/{value}/*")


RESOURCES: Mapping[str, Sequence[tuple[str, Build]]] = {
    "acm": (("CertificateArn", _named("acm", "certificate/")),),
    "ecs": (
        ("service", _in_cluster("service")),
        ("services", _in_cluster("service")),
        ("task", _in_cluster("task")),
        ("tasks", _in_cluster("task")),
        ("containerInstance", _in_cluster("container-instance")),
        ("containerInstances", _in_cluster("container-instance")),
        ("taskDefinition", _named("ecs", "task-definition/")),
        ("resourceArn", _named("ecs", "")),
        ("serviceDeploymentArn", _named("ecs", "")),
        ("serviceDeploymentArns", _named("ecs", "")),
        ("serviceRevisionArns", _named("ecs", "")),
        ("clusters", _named("ecs", "cluster/")),
        ("cluster", _named("ecs", "cluster/")),
        ("clusterName", _named("ecs", "cluster/")),
    ),
    "ecr": (
        ("repositoryName", _named("ecr", "repository/")),
        ("repositoryNames", _named("ecr", "repository/")),
        ("resourceArn", _named("ecr", "")),
    ),
    "elasticache": (
        ("ReplicationGroupId", _named("elasticache", "replicationgroup:")),
        ("UserId", _named("elasticache", "user:")),
        ("UserGroupId", _named("elasticache", "usergroup:")),
    ),
    "elbv2": tuple(
        (name, _named("elasticloadbalancing", ""))
        for name in ("LoadBalancerArn", "ListenerArn", "RuleArn", "TargetGroupArn", "ResourceArns")
    ),
    "iam": (("RoleName", _role), ("PolicyArn", _role), ("PolicySourceArn", _role), ("OpenIDConnectProviderArn", _role)),
    "logs": (
        ("logGroupName", _log),
        ("logGroupIdentifier", _log),
        ("logGroupNames", _log),
        ("logGroupIdentifiers", _log),
    ),
    "rds": (("DBInstanceIdentifier", _named("rds", "db:")), ("ResourceName", _named("rds", ""))),
    "secretsmanager": (("SecretId", _secret), ("Name", _secret)),
    "ssm": (("Name", _parameter), ("Names", _parameter), ("Path", _parameter), ("ResourceId", _parameter)),
    "ecs.CreateService": (("serviceName", _in_cluster("service")),),
    "elbv2.CreateLoadBalancer": (("Name", _balanced("loadbalancer/app")),),
    "elbv2.CreateTargetGroup": (("Name", _balanced("targetgroup")),),
}
"""The members that name what a service's operations, or one of them, are about: the nearest first."""


def passed_roles(service: str, members: Members) -> list[Need]:
    """Return the roles that must be allowed to be passed: who starts a task with a role hands the role over.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    """
    if service != "ecs":
        return []
    overrides = members.get("overrides")
    places = [members, overrides if isinstance(overrides, dict) else {}]
    roles = [place.get(name) for place in places for name in ("taskRoleArn", "executionRoleArn")]
    return [Need(action="iam:PassRole", resource=str(role)) for role in roles if role]


S3_ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
"""Operations whose actions have other names."""
OF_VERSIONS = {
    "DeleteObject": "DeleteObjectVersion",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
    "GetObject": "GetObjectVersion",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectTagging": "PutObjectVersionTagging",
}


def s3(operation: str, members: Members) -> list[Need]:
    bucket = members.get("Bucket")
    if not bucket:
        return [Need(action=f"s3:{S3_ACTIONS.get(operation, operation)}")]
    action = S3_ACTIONS.get(operation, operation)
    where = f"arn:aws:s3:::{bucket}"
    if operation == "DeleteObjects":
        return [_of_object(action, where, each) for each in (members.get("Delete") or {}).get("Objects") or ()]
    needs = [_of_object(action, where, members) if "Key" in members else Need(action=f"s3:{action}", resource=where)]
    if source := members.get("CopySource"):
        path, _, version = unquote(str(source)).removeprefix("/").partition("?versionId=")
        reading = "GetObjectVersion" if version else "GetObject"
        needs.append(Need(action=f"s3:{reading}", resource=f"arn:aws:s3:::{path}"))
    if members.get("Tagging") and operation in ("PutObject", "CreateMultipartUpload", "CopyObject"):
        needs.append(_of_object("PutObjectTagging", where, members))
    return needs


def _of_object(action: str, bucket: str, members: Members) -> Need:
    named = OF_VERSIONS.get(action, action) if members.get("VersionId") else action
    return Need(action=f"s3:{named}", resource=f"{bucket}/{members['Key']}")
