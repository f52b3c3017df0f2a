"""The roles that CI's jobs assume without stored keys: their names, and what the one for plans may do. Pure.

Whom they trust: `github_roles`, `gitlab_roles`. What deploys may do: `permissions`.
"""

from culm.project.project import Project
from culm.render import Input, Surroundings, bucket

MAIN = "main"
LOOKS = (
    *("ecs:DescribeClusters", "ecs:DescribeServices", "ecs:DescribeTasks", "ecs:DescribeTaskDefinition"),
    *("ecs:DescribeContainerInstances", "ecs:ListServices", "ecs:ListTasks", "ecs:ListContainerInstances"),
    *("ecr:DescribeRepositories", "ecr:DescribeImages"),
    *("elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeListeners"),
    *("elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTargetGroups"),
    *("elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTargetHealth"),
    *("logs:DescribeLogGroups", "rds:DescribeDBInstances", "ec2:DescribeSubnets"),
    *("cloudformation:DescribeStacks", "cloudformation:GetTemplate"),
    *("application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies"),
    *("autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeScalingActivities"),
)
"""What `plan`, `diff` and `status` call: descriptions, and nothing that a service has written."""
SCHEDULES = ("scheduler:ListSchedules", "scheduler:GetSchedule")
"""What they call for jobs, and for schedules that culm.yml names no more. A deploy has them with its jobs."""


def deploy_role(project: Project) -> str:
    """Return its name. Its dot is in no service's name, so it is never taken for a task's role."""
    return f"{project.name}.deploy"


def plan_role(project: Project) -> str:
    return f"{project.name}.plan"


def assumed_by(provider_arn: str, condition: Input) -> Input:
    """Return the trust policy of a role that web identities assume under a condition.

    `provider_arn` is the account's OIDC provider that signs them, an AWS::IAM::OIDCProvider.
    """
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider_arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def plan_policy(project: Project, surroundings: Surroundings) -> Input:
    """Return a policy that only reads, and no configuration: the vault's keys are listed, their content is not read."""
    roles = [f"arn:aws:iam::{surroundings.account}:role/{project.name}{mark}*" for mark in ".-"]
    buckets = [bucket(project, name, surroundings.account, surroundings.region) for name in project.buckets]
    of_caches = ["elasticache:DescribeReplicationGroups"] if project.caches else []
    looked = [f"arn:aws:s3:::{name}" for name in (surroundings.vault, *buckets)]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": [*LOOKS, *SCHEDULES, *of_caches], "Resource": "*"},
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": looked if len(looked) > 1 else looked[0]},
            {
                "Effect": "Allow",
                "Action": ["iam:GetRole", "iam:GetRolePolicy", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies"],
                "Resource": roles,
            },
        ],
    }
