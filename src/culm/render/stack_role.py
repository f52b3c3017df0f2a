"""The role by which CI changes a target's stack, with `ci-changes-stack: true`. Pure.

Whoever may change a stack through a service role can write any template, and so do whatever that role may. So the role
`<project>.stack` may do only what the services of culm.yml need when they come and go: make roles named
`<project>-...`, each under the boundary of the project's tasks, log groups and image repositories. It cannot say who
may assume a role that is there, cannot touch the boundary, nor any role with a dot in its name (CI's, the instances',
its own), and has no right to networks, instances, the vault, keys or databases. CI gains nothing by it that it cannot
do already by deploying an image that runs as a service.

CloudFormation remembers the role of a stack and uses it for whoever comes without one:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
So administrators hand over a role of their own, `<project>.stack-administrator`, and CI's rights hold only for change
sets that name the lesser role. Change sets of CI are called `culm-ci-...`: it cannot carry out an administrator's.
"""

from collections.abc import Collection

from culm.project.project import Project
from culm.render.surroundings import Input, Surroundings

SERVICE = "cloudformation.amazonaws.com"
CHANGE_SETS = "culm-ci-"
"""How names of CI's change sets begin."""
POLICY = "stack"
TEMPLATES = "culm-templates"
"""The account's bucket for templates that are too long for a request."""
KINDS: Collection[str] = ("AWS::IAM::Role", "AWS::Logs::LogGroup", "AWS::ECR::Repository")
"""Kinds of resources that CI may change."""
PREFIXES = ("RoleOf", "LogsOf", "ImagesOf")
"""How their logical ids begin."""


def name(project: Project) -> str:
    """Return the name of the service role that CI hands to CloudFormation."""
    return f"{project.name}.stack"


def administrators_name(project: Project) -> str:
    """Return the name of the service role that administrators hand to CloudFormation."""
    return f"{project.name}.stack-administrator"


def boundary_name(project: Project) -> str:
    """Return the name of the policy that bounds every role of tasks."""
    return f"{project.name}.tasks"


def stack_name(project: Project) -> str:
    return f"culm-{project.name}"


def changes(logical_id: str, kind: str) -> bool:
    """Tell whether CI may change a resource of the stack, by its logical id and type."""
    return kind in KINDS and logical_id.startswith(PREFIXES)


def trust() -> Input:
    """Return the trust policy of a service role: CloudFormation alone."""
    statement = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def policy(project: Project, surroundings: Surroundings) -> Input:
    """Return what CloudFormation may do for CI.

    Rights to each kind of resource: https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
    (`handlers`), as `aws cloudformation describe-type` shows them.
    """
    here = f"{surroundings.region}:{surroundings.account}"
    iam = f"arn:aws:iam::{surroundings.account}"
    roles = f"{iam}:role/{project.name}-*"
    bounded = {"ArnEquals": {"iam:PermissionsBoundary": f"{iam}:policy/{boundary_name(project)}"}}
    write = ("CreateRole", "PutRolePolicy", "DeleteRolePolicy", "PutRolePermissionsBoundary")
    handle = ("GetRole", "GetRolePolicy", "ListRolePolicies", "ListAttachedRolePolicies", "DeleteRole", "TagRole")
    log = ("CreateLogGroup", "DeleteLogGroup", "PutRetentionPolicy", "TagResource", "ListTagsForResource")
    image = (
        *("CreateRepository", "DescribeRepositories", "PutLifecyclePolicy", "GetLifecyclePolicy"),
        *("PutImageScanningConfiguration", "PutImageTagMutability", "TagResource", "ListTagsForResource"),
    )
    return {
        "Version": "2012-10-17",
        "Statement": [
            allow("BoundedRoles", [f"iam:{verb}" for verb in write], roles, bounded),
            allow("Roles", [f"iam:{verb}" for verb in handle], roles),
            allow("Logs", [f"logs:{verb}" for verb in log], f"arn:aws:logs:{here}:log-group:/culm/{project.name}/*"),
            allow("Images", [f"ecr:{verb}" for verb in image], f"arn:aws:ecr:{here}:repository/{project.name}/*"),
            # CloudFormation looks whether the values of a template's parameters are there
            allow(
                "LookAround",
                [
                    *("logs:DescribeLogGroups", "ec2:DescribeImages", "ec2:DescribeAvailabilityZones"),
                    *("ec2:DescribeVpcs", "ec2:DescribeSubnets"),
                ],
                "*",
            ),
        ],
    }


def statements(project: Project, surroundings: Surroundings) -> list[Input]:
    """Return what CI's own role may do with the stack: change it by way of the service role alone."""
    here = f"{surroundings.region}:{surroundings.account}"
    stack = f"arn:aws:cloudformation:{here}:stack/{stack_name(project)}/*"
    role = f"arn:aws:iam::{surroundings.account}:role/{name(project)}"
    own = {"StringLike": {"cloudformation:ChangeSetName": f"{CHANGE_SETS}*"}}
    bucket = f"arn:aws:s3:::{TEMPLATES}-{surroundings.account}-{surroundings.region}"
    handle = ("DescribeChangeSet", "ExecuteChangeSet", "DeleteChangeSet")
    return [
        allow(
            "ProposeChange",
            "cloudformation:CreateChangeSet",
            stack,
            {"ArnEquals": {"cloudformation:RoleArn": role}, **own},
        ),
        allow("CarryOutChange", [f"cloudformation:{verb}" for verb in handle], stack, own),
        allow("FollowStack", "cloudformation:DescribeStackEvents", stack),
        allow("HandRoleToStack", "iam:PassRole", role, {"StringEquals": {"iam:PassedToService": SERVICE}}),
        allow("FindTemplates", "s3:ListBucket", bucket),
        allow(
            "LongTemplates",
            ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            f"{bucket}/{templates_prefix(project)}*",
        ),
    ]


def templates_prefix(project: Project) -> str:
    """Return where CI's templates lie in the account's bucket, apart from administrators'."""
    return f"ci/{stack_name(project)}/"


def allow(sid: str, actions: str | list[str], resources: str | list[str], condition: Input | None = None) -> Input:
    """Return a statement of a policy."""
    statement: Input = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
    return statement | ({"Condition": condition} if condition else {})
