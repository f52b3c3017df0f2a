"""What an instance's agent is told of a task: its task definition, with the task's overrides; pure."""

from collections.abc import Mapping
from dataclasses import replace

from culm.core.model.agent import ContainerPayload, TaskPayload
from culm.core.model.task_definitions import FILES_LABEL, ContainerDefinition, LinuxParameters, TaskDefinition
from culm.core.model.tasks import ContainerOverride, Task


def payload(
    task: Task, definition: TaskDefinition, images: Mapping[str, str], names: tuple[str, ...] = ()
) -> TaskPayload:
    """Return a task for its agent; `images` by container name: what to pull.

    `names`: the endpoints of Service Connect that it may call.
    """
    changed = {override.name: override for override in task.overrides.container_overrides}
    arns = {container.name: container.container_arn for container in task.containers}
    kind, _, name = task.group.partition(":")
    memory = task.overrides.memory or definition.memory
    return TaskPayload(
        arn=task.task_arn,
        desired_status="RUNNING",
        task_cluster_arn=task.cluster_arn,
        family=definition.family,
        version=str(definition.revision),
        group=task.group,
        service_name=name if kind == "service" else "",
        memory=int(memory) if memory else None,
        execution_role_arn=task.overrides.execution_role_arn or definition.execution_role_arn,
        task_role_arn=task.overrides.task_role_arn or definition.task_role_arn,
        volumes=definition.volumes,
        names=names,
        address=task.interface.address if task.interface else "",
        launch_type=task.launch_type,
        pid_mode=definition.pid_mode,
        containers=tuple(
            filled(made, images[definition.container_definitions[0].name])
            if FILES_LABEL in made.docker_labels
            else made
            for made in (
                _container(c, changed.get(c.name, ContainerOverride()), arns[c.name], images[c.name])
                for c in definition.container_definitions
            )
        ),
    )


def filled(container: ContainerPayload, image: str) -> ContainerPayload:
    """Return a container that fetches files for others as it is here: the agent fetches them when it starts.

    What runs is `true`, of the task's first image, which is there anyway: the image of the AWS CLI is large, and host
    processes have none.
    """
    return replace(container, image=image, entry_point=("true",), command=None)


def _container(definition: ContainerDefinition, override: ContainerOverride, arn: str, image: str) -> ContainerPayload:
    environment = (*definition.environment, *override.environment)
    return ContainerPayload(
        name=definition.name,
        image=image,
        container_arn=arn,
        essential=definition.essential,
        cpu=definition.cpu if override.cpu is None else override.cpu,
        memory=definition.memory if override.memory is None else override.memory,
        memory_reservation=(
            definition.memory_reservation if override.memory_reservation is None else override.memory_reservation
        ),
        entry_point=definition.entry_point or None,
        command=(definition.command if override.command is None else override.command) or None,
        environment={pair.name: pair.value for pair in environment},
        secrets=definition.secrets or (),
        working_directory=definition.working_directory,
        user=definition.user,
        port_mappings=definition.port_mappings,
        mount_points=definition.mount_points,
        depends_on=definition.depends_on or (),
        start_timeout=definition.start_timeout,
        stop_timeout=definition.stop_timeout,
        restart_policy=definition.restart_policy,
        health_check=definition.health_check,
        log_configuration=definition.log_configuration,
        docker_labels=definition.docker_labels or {},
        ulimits=definition.ulimits or (),
        linux_parameters=definition.linux_parameters or LinuxParameters(),
        readonly_root_filesystem=definition.readonly_root_filesystem or False,
        hostname=definition.hostname,
        interactive=bool(definition.interactive),
        pseudo_terminal=bool(definition.pseudo_terminal),
    )
