"""What a deploy has to be allowed where a base stack is: this project's things, and no other's. Pure."""

from culm.project.project import Project, TargetSettings
from culm.render import (
    Input,
    Surroundings,
    bucket,
    ci_roles,
    database_task,
    execution_role_name,
    family,
    jobs,
    messages,
    stack_role,
)
from culm.render.scaling import DIMENSION, SERVICE
from culm.render.stack_role import allow

LOCK = "culm.lock"
"""The object that one deploy at a time makes in the vault's bucket: the name of no file of an environment."""
PUSH = (
    *("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
    *("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"),
)


DEPENDENT = ("ec2:DescribeVpcs", "ec2:DescribeInternetGateways")
"""What elasticloadbalancing:CreateTargetGroup asks of EC2 in the caller's name.
https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-permissions.html"""


def deploy_policy(project: Project, surroundings: Surroundings, settings: TargetSettings | None = None) -> Input:
    """Return the policy for `up`, `deploy`, `migrate`, `rollback`, `scale`, `restart`, `logs` and `down`.

    The stack stays as it is: nothing of it may be changed. Where `settings` say `ci-changes-stack: true`, services may
    be added to it, by way of the role of `stack_role`. That role cannot change this policy, so that services are named
    by their beginning then.
    https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
    """
    here = f"{surroundings.region}:{surroundings.account}"
    iam = f"arn:aws:iam::{surroundings.account}:role"
    families = [family(project, service) for service in project.everything.values()]
    changes_stack = settings is not None and settings.ci_changes_stack
    if changes_stack:
        families = [f"{project.name}-*"]
    roles = [*(f"{iam}/{own}" for own in families), f"{iam}/{execution_role_name(project)}"]
    scheduler = [f"{iam}/{jobs.role_name(project)}"] if project.jobs else []
    return {
        "Version": "2012-10-17",
        "Statement": [
            allow("Look", [*ci_roles.LOOKS, *DEPENDENT, "ecs:ListTaskDefinitions", "ecr:GetAuthorizationToken"], "*"),
            # by their beginning, as the role that plans has it: IAM counts a policy's characters
            allow(
                "LookAtRoles", ["iam:GetRole", "iam:GetRolePolicy"], [f"{iam}/{project.name}{mark}*" for mark in ".-"]
            ),
            allow(
                "HandRolesToTasks",
                "iam:PassRole",
                roles,
                {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            ),
            *rolls(project.name, f"arn:aws:ecs:{here}"),
            *routes(project.name, f"arn:aws:elasticloadbalancing:{here}", families),
            allow("Images", list(PUSH), f"arn:aws:ecr:{here}:repository/{project.name}/*"),
            allow(
                "Logs",
                ["logs:FilterLogEvents", "logs:GetLogEvents"],
                f"arn:aws:logs:{here}:log-group:/culm/{project.name}/*",
            ),
            *vault(surroundings),
            *scaling(project, surroundings),
            *databases(project, surroundings),
            *caches(project, here),
            *parameters(project, here),
            *buckets(project, surroundings),
            *schedules(project, here, scheduler),
            *namespaces(project),
            *(sleepers(project, surroundings) if settings is not None and settings.sleep is not None else []),
            *(failure_events(here) if settings is not None and settings.notify is not None else []),
            *(stack_role.statements(project, surroundings) if changes_stack else []),
            through_s3(surroundings),
        ],
    }


def rolls(name: str, ecs: str, services: str = "*") -> list[Input]:
    """Return what allows revisions, services, migrations and their tasks in the project's own cluster.

    `ecs` is how ARNs of the region begin; `services` a pattern of the names that are meant.
    """
    return [
        # neither knows a resource: a revision takes part in nothing before it is run, in this cluster alone
        allow("Revisions", [f"ecs:{verb}TaskDefinition" for verb in ("Register", "Deregister")], "*"),
        # one statement for both, as IAM counts a policy's characters; the last three are a failed roll's way back
        allow(
            "Services",
            [f"ecs:{verb}Service" for verb in ("Create", "Update", "Delete")]
            + ["ecs:TagResource", "ecs:UntagResource", "ecs:ListServiceDeployments", "ecs:StopServiceDeployment"]
            + ["ecs:DescribeServiceRevisions"],
            [f"{ecs}:{kind}/{name}/{services}" for kind in ("service", "service-deployment", "service-revision")],
        ),
        # another project's revision, where its name begins so, would still lack its role: HandRolesToTasks
        allow(
            "Migrations",
            "ecs:RunTask",
            f"{ecs}:task-definition/{name}-{services}",
            {"ArnEquals": {"ecs:cluster": f"{ecs}:cluster/{name}"}},
        ),
        allow("Tasks", "ecs:StopTask", f"{ecs}:task/{name}/*"),
    ]


def routes(name: str, elb: str, groups: list[str]) -> list[Input]:
    """Return what allows target groups, by patterns of their names, and rules of the project's load balancer."""
    return [
        allow(
            "TargetGroups",
            [f"elasticloadbalancing:{verb}TargetGroup" for verb in ("Create", "Modify", "Delete")]
            + ["elasticloadbalancing:ModifyTargetGroupAttributes"],
            [f"{elb}:targetgroup/{own}/*" for own in groups],
        ),
        allow("NewRules", "elasticloadbalancing:CreateRule", f"{elb}:listener/app/{name}/*"),
        allow(
            "Rules",
            [f"elasticloadbalancing:{what}" for what in ("ModifyRule", "DeleteRule", "SetRulePriorities")],
            f"{elb}:listener-rule/app/{name}/*",
        ),
    ]


def vault(surroundings: Surroundings) -> list[Input]:
    """Return what allows the vault's bucket: its lock, and the files of this environment."""
    own = f"arn:aws:s3:::{surroundings.vault}"
    return [
        allow("Vault", ["s3:ListBucket", "s3:GetBucketVersioning", "s3:ListBucketVersions"], own),
        allow("Lock", ["s3:GetObject", "s3:PutObject", "s3:DeleteObjectVersion"], f"{own}/{LOCK}"),
        allow("Configuration", ["s3:GetObject", "s3:PutObject"], f"{own}/{surroundings.env}/*"),
    ]


def through_s3(surroundings: Surroundings, env: str | None = None) -> Input:
    """Return what allows the vault's key alone, as S3 uses it for the bucket and the files of an environment."""
    own = f"arn:aws:s3:::{surroundings.vault}"
    return allow(
        "ByS3",
        ["kms:Decrypt", "kms:GenerateDataKey"],
        f"arn:aws:kms:{surroundings.region}:{surroundings.account}:key/*",
        {
            "StringEquals": {"kms:ViaService": f"s3.{surroundings.region}.amazonaws.com"},
            "StringLike": {"kms:EncryptionContext:aws:s3:arn": [own, f"{own}/{env or surroundings.env}/*"]},
        },
    )


def scaling(project: Project, surroundings: Surroundings) -> list[Input]:
    """Return what allows automatic scaling, and its end when culm.yml has none any more: of services of ECS alone.

    AWS names scalable targets by ids of its own. Its alarms are made in the caller's name, and so is the account's
    role for it, by the first service of the account that is scaled.
    https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_id-based-policy-examples.html
    https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html
    """
    here = f"{surroundings.region}:{surroundings.account}"
    prefix = "application-autoscaling"
    only = {f"{prefix}:service-namespace": "ecs", f"{prefix}:scalable-dimension": DIMENSION}
    verbs = ("RegisterScalableTarget", "DeregisterScalableTarget", "PutScalingPolicy")
    alarms = [f"cloudwatch:{verb}" for verb in ("PutMetricAlarm", "DeleteAlarms", "DescribeAlarms")]
    statements = [
        allow("Scaling", [f"{prefix}:{verb}" for verb in verbs], "*", {"StringEquals": only}),
        allow("ScalingAlarms", alarms, f"arn:aws:cloudwatch:{here}:alarm:TargetTracking-service/{project.name}/*"),
    ]
    if any(service.scaling is not None for service in project.services.values()):
        role = f"arn:aws:iam::{surroundings.account}:role/aws-service-role/{SERVICE}/*"
        named = {"StringEquals": {"iam:AWSServiceName": SERVICE}}
        statements.append(allow("ScalingRole", "iam:CreateServiceLinkedRole", role, named))
    return statements


def schedules(project: Project, here: str, roles: list[str]) -> list[Input]:
    """Return what allows jobs: their schedules, and handing the scheduler its role. Lists know no resource."""
    if not project.jobs:
        return []
    verbs = ("Get", "Create", "Update", "Delete")
    own = f"arn:aws:scheduler:{here}:schedule/default/{project.name}-*"
    passed = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    return [
        allow("Schedules", [f"scheduler:{verb}Schedule" for verb in verbs], own),
        allow("ListSchedules", "scheduler:ListSchedules", "*"),
        allow("HandRoleToScheduler", "iam:PassRole", roles, passed),
    ]


def sleepers(project: Project, surroundings: Surroundings) -> list[Input]:
    """Allow stopping and starting what services stand on, while all sleep. Groups are named by their stack."""
    here, group = f"{surroundings.region}:{surroundings.account}", "autoScalingGroup:*:autoScalingGroupName"
    own = f"arn:aws:autoscaling:{here}:{group}/{stack_role.stack_name(project)}-*"
    statements = [allow("Sleep", "autoscaling:UpdateAutoScalingGroup", own)]
    stopping = [name for name, each in project.rds.items() if each.sleep]
    if databases := [f"arn:aws:rds:{here}:db:{project.name}-{name}" for name in stopping]:
        statements.append(allow("SleepOfDatabases", ["rds:StartDBInstance", "rds:StopDBInstance"], databases))
    return statements


def namespaces(project: Project) -> list[Input]:
    """Return what allows calls between services: ECS looks their namespace up.

    Neither action knows a resource that a name could tell.
    """
    if not any(service.connected for service in project.services.values()):
        return []
    return [allow("Namespaces", ["servicediscovery:GetNamespace", "servicediscovery:ListNamespaces"], "*")]


def buckets(project: Project, surroundings: Surroundings) -> list[Input]:
    """Return what lets a deploy look whether the buckets are there; what is in them is none of its business."""
    names = [bucket(project, name, surroundings.account, surroundings.region) for name in project.buckets]
    return [allow("Buckets", "s3:ListBucket", [f"arn:aws:s3:::{name}" for name in names])] if names else []


def masters(project: Project, surroundings: Surroundings) -> list[Input]:
    """Allow reading the master's password of the project's own RDS instances.

    RDS names these secrets by ids of its own, and tags each with its instance:
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
    """
    if not project.rds:
        return []
    here, instances = f"{surroundings.region}:{surroundings.account}", database_task.instances(project, surroundings)
    return [
        allow(
            "MasterOfDatabases",
            "secretsmanager:GetSecretValue",
            f"arn:aws:secretsmanager:{here}:secret:rds!db-*",
            {"StringEquals": {"aws:ResourceTag/aws:rds:primaryDBInstanceArn": instances}},
        )
    ]


def databases(project: Project, surroundings: Surroundings) -> list[Input]:
    """Allow making users in RDS instances: as the master, or by a task that is handed scripts."""
    if not project.rds:
        return []
    here, begin = f"{surroundings.region}:{surroundings.account}", database_task.parameters(project, surroundings.env)
    scripts = allow(
        "MakeDatabases", ["ssm:PutParameter", "ssm:DeleteParameters"], f"arn:aws:ssm:{here}:parameter{begin}/*"
    )
    return [*masters(project, surroundings), scripts]


def caches(project: Project, here: str) -> list[Input]:
    """Allow making users of the project's own ElastiCache nodes. Looking at nodes knows no resource that fits.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticache.html
    """
    if not project.elasticache:
        return []
    verbs = ("CreateUser", "ModifyUser", "DescribeUsers", "ModifyUserGroup", "DescribeUserGroups")
    own = [f"arn:aws:elasticache:{here}:{kind}:{project.name}-*" for kind in ("user", "usergroup")]
    return [
        allow("Caches", [f"elasticache:{verb}" for verb in verbs], own),
        allow("LookAtCaches", "elasticache:DescribeReplicationGroups", "*"),
    ]


def parameters(project: Project, here: str) -> list[Input]:
    """Allow keeping variables whose values are in the vault; the key of the account encrypts them."""
    if not any(each.composed for service in project.everything.values() for each in service.container.secrets.values()):
        return []
    own = f"arn:aws:ssm:{here}:parameter/culm/{project.name}/*"
    return [allow("SecretVariables", ["ssm:PutParameter", "ssm:GetParameters"], own)]


def failure_events(here: str) -> list[Input]:
    """Return what allows telling that a deploy failed: events of culm's own, on the account's default bus."""
    named = {"StringEquals": {"events:source": messages.SOURCE}}
    return [allow("Messages", "events:PutEvents", f"arn:aws:events:{here}:event-bus/default", named)]
