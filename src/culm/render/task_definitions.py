"""ecs.RegisterTaskDefinition: a service's, and its migration's. Pure."""

from culm.project.project import Project, Service
from culm.render.names import execution_role_name, family, log_group
from culm.render.surroundings import Input, Surroundings

MIGRATION_LABEL = "io.culm.migration"
STOP_SECONDS = 30
"""From SIGTERM to SIGKILL, for a service that finishes its requests."""


def task_definition(
    project: Project, service: Service, image: str, migration_image: str | None, around: Surroundings
) -> Input:
    """ecs.RegisterTaskDefinition for the service itself.

    It names the migration that goes before it: a revision that is live tells that its migration has succeeded.
    """
    container = container_definition(project, service, image, around, service.name) | {
        "portMappings": [{"containerPort": service.port, "hostPort": 0, "protocol": "tcp"}],
        "stopTimeout": STOP_SECONDS,
    }
    if migration_image:
        container["dockerLabels"] = {MIGRATION_LABEL: migration_image.rpartition("@")[2]}
    return definition(project, service, family(project, service), container, around)


def migration(project: Project, service: Service, image: str, around: Surroundings) -> Input:
    """ecs.RegisterTaskDefinition for its migration: a one-time task, never a service."""
    container = container_definition(project, service, image, around, "migrate")
    return definition(project, service, family(project, service, migrate=True), container, around)


def container_definition(
    project: Project, service: Service, image: str, around: Surroundings, log_prefix: str
) -> Input:
    return {
        "name": service.name,
        "image": image,
        "essential": True,
        "memory": service.memory,
        "cpu": service.cpu,
        "environment": [
            {"name": "MYENV", "value": around.env},
            {"name": "VAULT", "value": f"s3://{around.vault}"},
        ],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log_group(project, service),
                "awslogs-region": around.region,
                "awslogs-stream-prefix": log_prefix,
            },
        },
    }


def definition(project: Project, service: Service, family_name: str, container: Input, around: Surroundings) -> Input:
    return {
        "family": family_name,
        "taskRoleArn": f"arn:aws:iam::{around.account}:role/{family(project, service)}",
        "executionRoleArn": f"arn:aws:iam::{around.account}:role/{execution_role_name(project.name)}",
        "networkMode": "bridge",
        "requiresCompatibilities": ["EC2"],
        "containerDefinitions": [container],
    }
