"""What a task definition asks of an instance's agent, and what the agents of this cluster's instances can do.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-constraints.html#attributes
"""

from culm.core.model.task_definitions import ContainerDefinition, RequiredAttribute, TaskDefinition

DOCKER = "com.amazonaws.ecs.capability.docker-remote-api."
LOGGING = "com.amazonaws.ecs.capability.logging-driver."


def required_attributes(definition: TaskDefinition) -> tuple[RequiredAttribute, ...]:
    """Return RegisterTaskDefinition's `requiresAttributes`."""
    names: dict[str, None] = {}
    for container in definition.container_definitions:
        names.update(dict.fromkeys(_of_container(container, definition)))
    if definition.task_role_arn:
        names["com.amazonaws.ecs.capability.task-iam-role"] = None
        names[f"{DOCKER}1.17"] = None
    if definition.network_mode == "awsvpc":
        names["ecs.capability.task-eni"] = None
    if definition.network_mode == "host" and definition.task_role_arn:
        names["com.amazonaws.ecs.capability.task-iam-role-network-host"] = None
    for efs in (v.efs_volume_configuration for v in definition.volumes if v.efs_volume_configuration):
        names["ecs.capability.efs"] = None
        if efs.authorization_config is not None:
            names["ecs.capability.efsAuth"] = None
    if definition.cpu or definition.memory:
        names["ecs.capability.task-cpu-mem-limit"] = None
    return tuple(RequiredAttribute(name=name) for name in names)


def _of_container(container: ContainerDefinition, definition: TaskDefinition) -> list[str]:
    names = []
    if container.log_configuration:
        names.append(LOGGING + container.log_configuration.log_driver)
        names.append(f"{DOCKER}1.{19 if container.log_configuration.log_driver == 'awslogs' else 18}")
        if container.log_configuration.log_driver == "awslogs" and definition.execution_role_arn:
            names.append("ecs.capability.execution-role-awslogs")
    if ".dkr.ecr." in container.image:
        names.append("com.amazonaws.ecs.capability.ecr-auth")
        if definition.execution_role_arn:
            names.append("ecs.capability.execution-role-ecr-pull")
    for secret in container.secrets or ():
        kind = "asm" if ":secretsmanager:" in secret.value_from else "ssm"
        names.append(f"ecs.capability.secrets.{kind}.environment-variables")
    if container.memory_reservation is not None:
        names.append(f"{DOCKER}1.21")
    if container.health_check:
        names += ["ecs.capability.container-health-check", f"{DOCKER}1.24"]
    if container.depends_on:
        names.append("ecs.capability.container-ordering")
    if container.restart_policy and container.restart_policy.enabled:
        names.append("ecs.capability.container-restart-policy")
    return names


def compatibilities(definition: TaskDefinition) -> tuple[str, ...]:
    """Return the launch types that could run it."""
    if definition.network_mode == "awsvpc":
        fits = definition.cpu and definition.memory and definition.pid_mode is None
        return ("EC2", "FARGATE") if fits else ("EC2",)
    return ("EXTERNAL", "EC2")
