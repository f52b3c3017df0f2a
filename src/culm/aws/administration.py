"""The rights that whoever makes, changes or removes a base stack needs. Pure.

CloudFormation works with the rights of who asks it, so that these are the rights to each kind of resource in the
template. What AWS names by its own ids (networks, keys) is bounded by the region alone, everything else by the
project's name. Whoever may make roles and say what they may do can give themselves as much; the bounds are against
mistakes.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from collections.abc import Iterable

from culm import render
from culm.aws.template import stack_name
from culm.project.project import Project, TargetSettings
from culm.render import Input, github_roles, gitlab_roles
from culm.render.stack_role import allow

ROLE = (
    *("CreateRole", "DeleteRole", "GetRole", "UpdateRole", "UpdateAssumeRolePolicy", "TagRole", "UntagRole"),
    *("PutRolePolicy", "GetRolePolicy", "DeleteRolePolicy", "ListRolePolicies", "AttachRolePolicy", "DetachRolePolicy"),
    *("ListAttachedRolePolicies", "PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary", "PassRole"),
)
PROFILE = tuple(f"{what}InstanceProfile" for what in ("Create", "Delete", "Get", "AddRoleTo", "RemoveRoleFrom"))
POLICY = (
    *("CreatePolicy", "DeletePolicy", "GetPolicy", "CreatePolicyVersion", "DeletePolicyVersion"),
    *("GetPolicyVersion", "ListPolicyVersions", "ListEntitiesForPolicy", "TagPolicy"),
)
NETWORK = (
    *("CreateVpc", "DeleteVpc", "ModifyVpcAttribute", "CreateSubnet", "DeleteSubnet", "ModifySubnetAttribute"),
    *("CreateInternetGateway", "DeleteInternetGateway", "AttachInternetGateway", "DetachInternetGateway"),
    *("CreateRouteTable", "DeleteRouteTable", "AssociateRouteTable", "DisassociateRouteTable"),
    *("CreateRoute", "DeleteRoute", "ReplaceRoute", "CreateSecurityGroup", "DeleteSecurityGroup"),
    *("AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"),
    *("RevokeSecurityGroupEgress", "CreateLaunchTemplate", "CreateLaunchTemplateVersion", "ModifyLaunchTemplate"),
    *("DeleteLaunchTemplate", "RunInstances", "TerminateInstances", "CreateTags", "DeleteTags", "Describe*"),
    *("GetLaunchTemplateData",),
)
KEY = (
    *("CreateKey", "DescribeKey", "EnableKeyRotation", "GetKeyRotationStatus", "GetKeyPolicy", "PutKeyPolicy"),
    *(
        "ScheduleKeyDeletion",
        "CancelKeyDeletion",
        "UpdateKeyDescription",
        "TagResource",
        "UntagResource",
        "ListAliases",
    ),
    *("ListResourceTags", "CreateAlias", "UpdateAlias", "DeleteAlias", "ListKeys", "Decrypt"),
    *("GenerateDataKey", "CreateGrant"),
)
SHELL_DOCUMENT = "AWS-StartInteractiveCommand"
"""Session Manager's own, which runs one command on a terminal."""
LINKED = ("ecs", "spot", "autoscaling", "elasticloadbalancing", "rds", "elasticache", "apidestinations.events")
"""Services that have a role of their own in each account, made with the first resource of theirs."""


def administrators_policy(project: Project, settings: TargetSettings, surroundings: render.Surroundings) -> Input:
    """Return a policy for `aws bootstrap`, `diff`, `refresh` and `destroy` of a target; see also `deploy_policy`."""
    name, account, region = project.name, surroundings.account, surroundings.region
    here, iam = f"{region}:{account}", f"arn:aws:iam::{account}"
    names = [f"{name}.*", f"{name}-*"]
    stacks = [f"arn:aws:cloudformation:{here}:stack/{stack_name(project)}/*"]
    linked = {"StringEquals": {"iam:AWSServiceName": [f"{each}.amazonaws.com" for each in LINKED]}}
    inside = {"StringEquals": {"aws:RequestedRegion": region}}
    own_of_ecs = (f"*/{name}", f"*/{name}/*", f"capacity-provider/{stack_name(project)}-*")
    buckets = [f"arn:aws:s3:::{each}" for each in bucket_names(project, surroundings)]
    statements = [
        allow("Stack", "cloudformation:*", stacks),
        allow("LookAtStacks", [f"cloudformation:{each}" for each in LOOKS], "*"),
        allow("Roles", actions("iam", ROLE), [f"{iam}:role/{each}" for each in names]),
        allow("Profiles", actions("iam", PROFILE), f"{iam}:instance-profile/*"),
        allow("Boundary", actions("iam", POLICY), [f"{iam}:policy/{each}" for each in names]),
        allow("LinkedRoles", "iam:CreateServiceLinkedRole", f"{iam}:role/aws-service-role/*", linked),
        allow("ListRoles", "iam:ListRoles", "*"),
        allow("Network", actions("ec2", NETWORK), "*", inside),
        allow("Key", actions("kms", KEY), "*", inside),
        allow("Image", ["ssm:GetParameter", "ssm:GetParameters"], f"arn:aws:ssm:{region}::parameter/aws/service/*"),
        # these name most of their resources by ids, or look at all of them while they work
        allow("Fleet", ["autoscaling:*", "elasticloadbalancing:*"], "*", inside),
        allow("Cluster", "ecs:*", [f"arn:aws:ecs:{here}:{each}" for each in own_of_ecs]),
        allow("Images", "ecr:*", f"arn:aws:ecr:{here}:repository/{name}/*"),
        allow("Logs", "logs:*", [f"arn:aws:logs:{here}:log-group:/culm/{name}{each}" for each in ("/*", ".*")]),
        allow("LookAround", ["logs:DescribeLogGroups", "ecs:ListClusters", "ecs:DescribeTaskDefinition"], "*"),
        *shells(name, here, region),
        allow("Vault", "s3:*", [*buckets, *(f"{each}/*" for each in buckets)]),
    ]
    if settings.github is not None or settings.gitlab is not None:
        on_github = settings.github is not None
        provider = f"{iam}:oidc-provider/{github_roles.ISSUER if on_github else gitlab_roles.ISSUER}"
        statements.append(allow("GitHub" if on_github else "GitLab", "iam:CreateOpenIDConnectProvider", provider))
        statements.append(allow("ListProviders", "iam:ListOpenIDConnectProviders", "*"))
    if settings.notify is not None:
        statements += messages(name, stack_name(project), here, settings.notify.webhook)
    if settings.sleep is not None:
        statements.append(allow("Hours", "scheduler:*", f"arn:aws:scheduler:{here}:schedule/default/{name}.*"))
        if settings.sleep.on_request:
            statements.append(allow("WakeFunction", "lambda:*", f"arn:aws:lambda:{here}:function:{name}-wake"))
    if project.rds:
        own = [f"arn:aws:rds:{here}:*:{each}*" for each in (name, stack_name(project))]
        statements.append(allow("Databases", "rds:*", own))
        secrets = ["secretsmanager:CreateSecret", "secretsmanager:TagResource", "rds:Describe*"]
        statements.append(allow("MasterPasswords", secrets, "*", inside))
    if project.elasticache:
        statements.append(allow("Caches", "elasticache:*", f"arn:aws:elasticache:{here}:*:*"))
    if settings.zone is not None:
        zone = f"arn:aws:route53:::hostedzone/{settings.zone}"
        statements.append(allow("Zone", ["route53:ChangeResourceRecordSets", "route53:GetHostedZone"], zone))
        statements.append(allow("ZoneChanges", "route53:GetChange", "arn:aws:route53:::change/*"))
        statements.append(allow("Certificate", "acm:*", f"arn:aws:acm:{here}:certificate/*"))
        statements.append(allow("NewCertificate", ["acm:RequestCertificate", "acm:ListCertificates"], "*", inside))
    if any(service.connected for service in project.services.values()):
        zones = ["route53:CreateHostedZone", "ec2:DescribeVpcs"]
        statements.append(allow("Namespace", ["servicediscovery:*"], "*", inside))
        statements.append(allow("NamespaceZone", zones, "*"))
    return {"Version": "2012-10-17", "Statement": statements}


def shells(name: str, here: str, region: str) -> list[Input]:
    """Return what allows sessions on the project's instances, and the streams of one's own.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-restrict-access-quickstart.html
    """
    own = {"StringEquals": {"ssm:resourceTag/culm:project": name}}
    return [
        allow("Shell", "ssm:StartSession", f"arn:aws:ec2:{here}:instance/*", own),
        allow("ShellDocument", "ssm:StartSession", f"arn:aws:ssm:{region}::document/{SHELL_DOCUMENT}"),
        allow("ShellStream", "ssmmessages:OpenDataChannel", f"arn:aws:ssm:{here}:session/${{aws:userid}}-*"),
    ]


def messages(name: str, stack: str, here: str, secret: str | None) -> list[Input]:
    """Return what allows topic, rules and alarm, and the webhook with the URL that a secret holds.

    A connection keeps a secret itself.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
    """
    events = [f"arn:aws:events:{here}:{kind}/{stack}-*" for kind in ("rule", "connection", "api-destination")]
    events += [f"arn:aws:events:{here}:{kind}/*" for kind in ("connection", "api-destination")]
    statements = [
        allow("Topic", "sns:*", f"arn:aws:sns:{here}:{name}-messages"),
        allow("Rules", "events:*", events),
        allow("Alarm", "cloudwatch:*", f"arn:aws:cloudwatch:{here}:alarm:{stack}-*"),
    ]
    if secret is not None:
        secrets = f"arn:aws:secretsmanager:{here}:secret:"
        statements.append(allow("Webhook", "secretsmanager:GetSecretValue", f"{secrets}{secret}-*"))
        statements.append(allow("Connection", "secretsmanager:*", f"{secrets}events!connection/*"))
    return statements


LOOKS = ("ValidateTemplate", "GetTemplateSummary", "ListStacks", "DescribeStacks", "DescribeStackDriftDetectionStatus")
"""What knows no stack, or is asked before there is one."""


def bucket_names(project: Project, surroundings: render.Surroundings) -> list[str]:
    """Return the names of the vault, the project's own buckets, and the one through which long templates go."""
    account, region = surroundings.account, surroundings.region
    own = [render.bucket(project, each, account, region) for each in project.buckets]
    return [surroundings.vault, *own, f"culm-templates-{account}-{region}"]


def actions(service: str, names: Iterable[str]) -> list[str]:
    return [f"{service}:{name}" for name in names]
