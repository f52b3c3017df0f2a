"""Who is who: instances, ECS itself, each service's tasks, and the bound that no task's role can leave. Pure."""

import json
from typing import Any

from culm import render
from culm.aws.document import ACCOUNT, REGION, Ref, Resources, Section, logical, resource, substituted
from culm.project.project import Project
from culm.render import identity, jobs, stack_role

SERVICE_TAG = "culm:service"
SHARED_TAG = "culm:shares"
"""Names the service whose configuration a role reads besides its own: the first of the same folder."""
OWN_ACTIONS = (
    *("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"),
    *("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"),
    *("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sns:Publish", "events:PutEvents"),
    *("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan"),
    *("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"),
    "dynamodb:ConditionCheckItem",
)
"""What tasks may be given for things that are named after the project."""


def section(project: Project, surroundings: render.Surroundings) -> Section:
    """Return the roles of the instances and the boundary of the tasks' roles."""
    resources: Resources = {
        "InstanceRole": resource(
            "IAM::Role",
            {
                "RoleName": f"{project.name}.instances",
                "Description": f"culm: the instances of {project.name}",
                "AssumeRolePolicyDocument": trust("ec2.amazonaws.com"),
                "Policies": [{"PolicyName": "agent", "PolicyDocument": substituted(agent_policy(project))}],
                # the way into an instance whose agent does not join: culm aws shell INSTANCE
                "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"],
            },
        ),
        "InstanceProfile": resource("IAM::InstanceProfile", {"Roles": [Ref("InstanceRole")]}),
        "ExecutionRole": role(
            identity.execution_role(project, surroundings),
            identity.EXECUTION_POLICY,
            identity.execution_policy(project, surroundings),
        ),
        "TaskBoundary": resource(
            "IAM::ManagedPolicy",
            {
                "ManagedPolicyName": stack_role.boundary_name(project),
                "Description": f"culm: the most that tasks of {project.name} can be allowed",
                "PolicyDocument": substituted(boundary(project, surroundings)),
            },
        ),
    }
    for service in project.everything.values():
        given = role(
            identity.role(project, service, surroundings),
            identity.POLICY,
            identity.policy(project, service, surroundings),
        )
        given["Properties"]["PermissionsBoundary"] = Ref("TaskBoundary")
        shared = [{"Key": SHARED_TAG, "Value": service.shares}] if service.shares else []
        given["Properties"]["Tags"] = [{"Key": SERVICE_TAG, "Value": service.name}, *shared]
        resources[f"RoleOf{logical(service.name)}"] = given
    if project.jobs:
        resources["SchedulerRole"] = role(
            jobs.role(project, surroundings), jobs.POLICY, jobs.policy(project, surroundings)
        )
    return Section(
        title="Roles: instances talk to ECS and cannot read the vault; ECS fetches images and writes logs;\n"
        "each service's tasks read their own configuration. TaskBoundary is the most that any of them can be given.",
        resources=resources,
    )


def role(given: render.Input, policy_name: str, policy: render.Input) -> dict[str, Any]:
    """Return the deploy's own iam.CreateRole and PutRolePolicy, as a resource."""
    return resource(
        "IAM::Role",
        {
            "RoleName": given["RoleName"],
            "Description": given["Description"],
            "AssumeRolePolicyDocument": substituted(json.loads(given["AssumeRolePolicyDocument"])),
            "Policies": [{"PolicyName": policy_name, "PolicyDocument": substituted(policy)}],
        },
    )


def trust(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def agent_policy(project: Project) -> dict[str, Any]:
    """Return what the ECS agent asks of ECS, and of this cluster alone, the place of its own logs, and images.

    The execution role fetches a task's image; a task without one has it fetched by its instance. Tasks' logs are the
    execution role's alone.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html
    """
    here = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
    cluster = [
        *("ecs:RegisterContainerInstance", "ecs:DeregisterContainerInstance", "ecs:SubmitContainerStateChange"),
        *("ecs:SubmitTaskStateChange", "ecs:SubmitAttachmentStateChanges"),
    ]
    # the proxy of a task asks what other services there are, under the name of the task's service
    polled = {"Effect": "Allow", "Action": "ecs:Poll", "Resource": f"{here}:*/{project.name}/*"}
    itself = ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"]
    images = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{project.name}/*"
    fetch = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    own_logs = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{render.instances_log_group(project.name)}:*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "ecs:DiscoverPollEndpoint", "Resource": "*"},
            {"Effect": "Allow", "Action": cluster, "Resource": f"{here}:cluster/{project.name}"},
            {"Effect": "Allow", "Action": itself, "Resource": f"{here}:container-instance/{project.name}/*"},
            {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": own_logs},
            {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
            {"Effect": "Allow", "Action": fetch, "Resource": images},
            *([polled] if any(service.connected for service in project.services.values()) else []),
        ],
    }


def boundary(project: Project, surroundings: render.Surroundings) -> dict[str, Any]:
    """Return the boundary of services' roles: no policy that is added to one reaches further.

    Not to another service's configuration, and not to IAM.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    """
    vault = f"arn:aws:s3:::{surroundings.vault}"
    # the role's own tags; `!` keeps CloudFormation from filling them in; a tag that a role lacks matches nothing
    shares = any(service.shares for service in project.everything.values())
    tags = [SERVICE_TAG, SHARED_TAG] if shares else [SERVICE_TAG]
    own = [f"{surroundings.env}/${{!aws:PrincipalTag/{tag}}}/*" for tag in tags]
    objects = [f"{vault}/{prefix}" for prefix in own]
    exec_channel = ["CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"]
    anywhere = [f"arn:aws:{service}:*:{ACCOUNT}" for service in ("sqs", "sns")]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OwnConfiguration",
                "Effect": "Allow",
                "Action": "s3:GetObject",
                "Resource": identity.lone(objects),
            },
            {
                "Sid": "NamesOfOwnConfiguration",
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": vault,
                "Condition": {"StringLike": {"s3:prefix": identity.lone(own)}},
            },
            {"Sid": "DecryptedByS3", **identity.decryption(surroundings, [vault, *objects])},
            {
                "Sid": "NamedAfterTheProject",
                "Effect": "Allow",
                "Action": list(OWN_ACTIONS),
                "Resource": [
                    f"arn:aws:s3:::{project.name}-*",
                    *(f"{where}:{project.name}-*" for where in anywhere),
                    f"arn:aws:dynamodb:*:{ACCOUNT}:table/{project.name}-*",
                    f"arn:aws:events:*:{ACCOUNT}:event-bus/{project.name}-*",
                ],
            },
            {
                "Sid": "Mail",
                "Effect": "Allow",
                "Action": ["ses:SendEmail", "ses:SendRawEmail"],
                "Resource": f"arn:aws:ses:*:{ACCOUNT}:identity/*",
            },
            {
                "Sid": "EcsExec",
                "Effect": "Allow",
                "Action": [f"ssmmessages:{action}" for action in exec_channel],
                "Resource": "*",
            },
        ],
    }
