"""Each service's own role: it may read its own configuration, and nothing else. Pure."""

import json

from culm.manifest.project import Project, Service
from culm.manifest.render import Input, Surroundings, family

POLICY = "configuration"
"""The name of the role's one policy."""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def role_name(project: Project, service: Service) -> str:
    """Of both of its task definitions: the migration reads the same files."""
    return family(project, service)


def role(project: Project, service: Service) -> Input:
    """iam.CreateRole."""
    return {
        "RoleName": role_name(project, service),
        "AssumeRolePolicyDocument": json.dumps(TRUST),
        "Description": f"culm: tasks of {service.name} in {project.name}",
    }


def policy(service: Service, around: Surroundings) -> Input:
    """What it may do: list and read what is under `<env>/<service>/` in the vault."""
    bucket, prefix = f"arn:aws:s3:::{around.vault}", f"{around.env}/{service.name}/*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{bucket}/{prefix}"},
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": bucket,
                "Condition": {"StringLike": {"s3:prefix": prefix}},
            },
        ],
    }


def role_policy(project: Project, service: Service, around: Surroundings) -> Input:
    """iam.PutRolePolicy."""
    return {
        "RoleName": role_name(project, service),
        "PolicyName": POLICY,
        "PolicyDocument": json.dumps(policy(service, around)),
    }
