"""Roles of tasks: each service's may read its own configuration, and nothing else. Pure."""

import json

from culm.project.previews import own_name
from culm.project.project import Project, Service
from culm.render import (
    Input,
    Surroundings,
    bucket,
    database_task,
    execution_role_name,
    family,
    preview_role,
    secret_parameter,
)

POLICY = "configuration"
"""The name of a service's role's one policy."""
EXECUTION_POLICY = "execution"
EXEC = "ssmmessages:*Channel"
"""What the agent of ECS Exec calls, with the rights of the task that it sits in: to create and open two channels.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
"""


def trust(surroundings: Surroundings) -> Input:
    """Return the trust policy of tasks' roles: ECS may assume them, for tasks of this account alone.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html (confused deputy)
    """
    statement: Input = {
        "Effect": "Allow",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": surroundings.account}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def role_name(project: Project, service: Service) -> str:
    """Return the role's name; the service and its migration share the role, as they read the same files."""
    return family(project, service)


def role(project: Project, service: Service, surroundings: Surroundings) -> Input:
    """Return the input of iam.CreateRole for a service's tasks."""
    return {
        "RoleName": role_name(project, service),
        "AssumeRolePolicyDocument": json.dumps(trust(surroundings)),
        "Description": f"culm: tasks of {service.name} in {project.name}",
        **preview_role.bounds(project, service.original, surroundings),
    }


def policy(project: Project, service: Service, surroundings: Surroundings) -> Input:
    """Return a policy to list and read what is under `<env>/<service>/` in the vault, and to decrypt it by S3.

    A service that is built from another's folder reads that one's configuration, too.

    With a bucket key S3 decrypts in the bucket's name, without one in the object's:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
    """
    bucket = f"arn:aws:s3:::{surroundings.vault}"
    prefixes = [f"{surroundings.env}/{name}/*" for name in (service.original, service.shares) if name]
    objects = [f"{bucket}/{prefix}" for prefix in prefixes]
    entered = [{"Effect": "Allow", "Action": EXEC, "Resource": "*"}] if service.exec else []
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": lone(objects)},
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": bucket,
                "Condition": {"StringLike": {"s3:prefix": lone(prefixes)}},
            },
            decryption(surroundings, [bucket, *objects]),
            *entered,
            *buckets(project, service, surroundings),
        ],
    }


def buckets(project: Project, service: Service, surroundings: Surroundings) -> list[Input]:
    """Return the statements by which a service reads, writes and lists the buckets that it names."""
    names = [bucket(project, name, surroundings.account, surroundings.region) for name in service.buckets]
    if not names:
        return []
    return [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": lone([f"arn:aws:s3:::{name}/*" for name in names]),
        },
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": lone([f"arn:aws:s3:::{name}" for name in names])},
    ]


def lone(values: list[str]) -> str | list[str]:
    """Return a list of one as its one value, as the documents in the field are written; others unchanged."""
    return values[0] if len(values) == 1 else values


def decryption(surroundings: Surroundings, contexts: list[str]) -> Input:
    """Return a statement: S3 may decrypt for its caller what belongs to these.

    Whoever may not read an object gets none.
    """
    return {
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": f"arn:aws:kms:{surroundings.region}:{surroundings.account}:key/*",
        "Condition": {
            "StringEquals": {"kms:ViaService": f"s3.{surroundings.region}.amazonaws.com"},
            "StringLike": {"kms:EncryptionContext:aws:s3:arn": contexts},
        },
    }


def role_policy(project: Project, service: Service, surroundings: Surroundings) -> Input:
    """Return iam.PutRolePolicy of a service's role."""
    return {
        "RoleName": role_name(project, service),
        "PolicyName": POLICY,
        "PolicyDocument": json.dumps(policy(project, service, surroundings)),
    }


def execution_role(project: Project, surroundings: Surroundings) -> Input:
    """Return the input of iam.CreateRole for ECS when it fetches images and writes logs for the project."""
    return {
        "RoleName": execution_role_name(project),
        "AssumeRolePolicyDocument": json.dumps(trust(surroundings)),
        "Description": f"culm: ECS for the tasks of {project.name}",
        **preview_role.bounds(project, "", surroundings),
    }


def execution_policy(project: Project, surroundings: Surroundings) -> Input:
    """Return what ECS may do for the project's tasks.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
    """
    here = f"{surroundings.region}:{surroundings.account}"
    own = own_name(project.preview.name, "") if project.preview is not None else ""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                "Resource": f"arn:aws:ecr:{here}:repository/{project.name}/*",
            },
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": f"arn:aws:logs:{here}:log-group:/culm/{project.name}/{own}*",
            },
            *secrets(project, here, surroundings.env),
            *database_task.execution_statements(project, surroundings),
        ],
    }


def secrets(project: Project, here: str, env: str) -> list[Input]:
    """Return the statements by which ECS fetches what services' `secrets:` name before it starts a container.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html
    """
    named = {
        secret_parameter(project, service, variable, env) if each.composed else each.value_from
        for service in project.everything.values()
        for variable, each in service.container.secrets.items()
    }
    arns = {name if name.startswith("arn:") else f"arn:aws:ssm:{here}:parameter/{name.lstrip('/')}" for name in named}
    actions = {":secretsmanager:": "secretsmanager:GetSecretValue", ":ssm:": "ssm:GetParameters"}
    statements: list[Input] = []
    for api, action in actions.items():
        if resources := sorted(arn for arn in arns if api in arn):
            # the ARN of a secret may go on with the name of a key, a stage and a version
            plain = [":".join(arn.split(":")[:7]) for arn in resources] if "secrets" in api else resources
            statements.append({"Effect": "Allow", "Action": action, "Resource": lone(sorted(set(plain)))})
    return statements


def execution_role_policy(project: Project, surroundings: Surroundings) -> Input:
    """Return iam.PutRolePolicy of the role by which ECS starts tasks."""
    return {
        "RoleName": execution_role_name(project),
        "PolicyName": EXECUTION_POLICY,
        "PolicyDocument": json.dumps(execution_policy(project, surroundings)),
    }
