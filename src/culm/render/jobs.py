"""Jobs: what EventBridge Scheduler is told to run when, and as whom. Pure."""

import json

from culm.core.model.arn import arn
from culm.core.model.schedules import OVERLAP_TAG
from culm.project.project import Project, Service
from culm.render.names import execution_role_name, family
from culm.render.surroundings import Input, Surroundings

POLICY = "schedules"
"""The name of the scheduler's role's one policy."""


def role_name(project: Project) -> str:
    """Return the name of the role that starts jobs; no service's role has a dot in its name."""
    return f"{project.name}.scheduler"


def trust(surroundings: Surroundings) -> Input:
    """Return the trust policy: EventBridge Scheduler may assume the role, for schedules of this account alone.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    """
    statement: Input = {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": surroundings.account}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def role(project: Project, surroundings: Surroundings) -> Input:
    """Return the input of iam.CreateRole for EventBridge Scheduler when it starts the project's jobs."""
    return {
        "RoleName": role_name(project),
        "AssumeRolePolicyDocument": json.dumps(trust(surroundings)),
        "Description": f"culm: the jobs of {project.name}",
    }


def policy(project: Project, surroundings: Surroundings) -> Input:
    """Return what starts revisions of the project's jobs in the project's cluster, and hands them their roles.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html
    """
    region, account = surroundings.region, surroundings.account
    roles = [family(project, job) for job in project.jobs.values()] + [execution_role_name(project)]
    revisions = [
        arn("ecs", region, account, f"task-definition/{family(project, job)}:*") for job in project.jobs.values()
    ]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "ecs:RunTask",
                "Resource": revisions,
                "Condition": {"ArnEquals": {"ecs:cluster": arn("ecs", region, account, f"cluster/{project.name}")}},
            },
            {
                "Effect": "Allow",
                "Action": "iam:PassRole",
                "Resource": [arn("iam", "", account, f"role/{name}") for name in roles],
                "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            },
        ],
    }


def role_policy(project: Project, surroundings: Surroundings) -> Input:
    """Return iam.PutRolePolicy of the role that starts jobs."""
    return {
        "RoleName": role_name(project),
        "PolicyName": POLICY,
        "PolicyDocument": json.dumps(policy(project, surroundings)),
    }


def schedule_name(project: Project, job: Service) -> str:
    return family(project, job)


def schedule(project: Project, job: Service, task_definition_arn: object, surroundings: Surroundings) -> Input:
    """Return the input of scheduler.CreateSchedule, and of UpdateSchedule, which takes the same.

    `task_definition_arn` is an ARN, or what stands for one that is not known yet.
    """
    assert job.schedule is not None, "a job has a schedule"
    region, account = surroundings.region, surroundings.account
    overlap = job.schedule.overlap
    tags = {} if overlap == "allow" else {"Tags": [{"key": OVERLAP_TAG, "value": overlap}]}
    return {
        "Name": schedule_name(project, job),
        "ScheduleExpression": job.schedule.expression,
        "ScheduleExpressionTimezone": job.schedule.zone,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "ENABLED",
        "Description": f"culm: {job.name} of {project.name}" + ("" if overlap == "allow" else f", overlap: {overlap}"),
        "Target": {
            "Arn": arn("ecs", region, account, f"cluster/{project.name}"),
            "RoleArn": arn("iam", "", account, f"role/{role_name(project)}"),
            "EcsParameters": {
                "TaskDefinitionArn": task_definition_arn,
                "TaskCount": job.count,
                "LaunchType": "EC2",
                "PlacementStrategy": [
                    {"type": s.type, "field": s.field} if s.field else {"type": s.type} for s in project.placement
                ],
                **tags,
            },
            "RetryPolicy": {
                "MaximumEventAgeInSeconds": job.schedule.missed,
                "MaximumRetryAttempts": job.schedule.retries,
            },
        },
    }
