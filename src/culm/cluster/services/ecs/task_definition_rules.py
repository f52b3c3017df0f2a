"""What RegisterTaskDefinition refuses, in AWS's words, and the defaults that it fills in.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from culm.cluster.services.ecs import placement_rules
from culm.core.model import fargate
from culm.core.model.task_definitions import (
    ContainerDefinition,
    EfsVolumeConfiguration,
    PortMapping,
    TaskDefinition,
    Volume,
)
from culm.errors import AwsError

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
MINIMUM_MEMORY = 6
"""MiB: Docker's own minimum since 20.10."""
SIZE = {
    "cpu": re.compile(r"(\d+\.?\d*|\.\d+)\s*(vCPU)?", re.IGNORECASE),
    "memory": re.compile(r"(\d+\.?\d*|\.\d+)\s*(GB)?", re.IGNORECASE),
}
UNITS = {"cpu": "CPU units", "memory": "MiB"}
DRIVERS = ("awslogs", "json-file")
AWSLOGS_OPTIONS = {
    "awslogs-create-group",
    "awslogs-datetime-format",
    "awslogs-group",
    "awslogs-multiline-pattern",
    "awslogs-region",
    "awslogs-stream-prefix",
    "max-buffer-size",
    "mode",
}
"""https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html"""
"""What the agents of this cluster can do."""


def check(definition: TaskDefinition) -> TaskDefinition:
    """Return the definition with defaults filled in, or raise ClientException."""
    if not NAME.fullmatch(definition.family):
        raise _refused("Family contains invalid characters.")
    if not definition.container_definitions:
        raise _refused("Container definitions should not be null or empty.")
    definition = replace(definition, cpu=cpu_units(definition.cpu), memory=mebibytes(definition.memory))
    _check_task_memory(definition)
    _check_secrets(definition)
    names = [container.name for container in definition.container_definitions]
    for container in definition.container_definitions:
        _check_container(container, definition.memory)
    if len(set(names)) < len(names):
        raise _refused("Container definitions must have unique names.")
    if not any(container.essential for container in definition.container_definitions):
        raise _refused("TaskDefinition must contain at least one essential container.")
    _check_dependencies(definition.container_definitions)
    _check_volumes(definition)
    if "FARGATE" in (definition.requires_compatibilities or ()):
        if definition.network_mode != "awsvpc":
            raise _refused("Fargate only supports network mode ‘awsvpc’.")
        if definition.pid_mode == "host":
            raise _refused(
                "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is"
                " 'task'."
            )
        check_fargate_size(definition.cpu, definition.memory)
    for constraint in definition.placement_constraints:
        if constraint.type != "memberOf" or not constraint.expression:
            raise _refused("Task definition placement constraints must be of type memberOf, with an expression.")
    placement_rules.check(definition.placement_constraints, ())
    containers = tuple(_with_defaults(c, definition.network_mode) for c in definition.container_definitions)
    _check_ports(containers)
    return replace(definition, container_definitions=containers)


def check_fargate_size(cpu: str | None, memory: str | None) -> None:
    """Raise ClientException, in ECS's words, unless Fargate has tasks of so many CPU units with so many MiB."""
    for name, value in (("cpu", cpu), ("memory", memory)):
        if not value:
            raise _refused(f"Fargate requires that '{name}' be defined at the task level.")
    if int(memory or 0) not in fargate.SIZES.get(int(cpu or 0), ()):
        raise _refused(
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory."
            " See the Amazon ECS documentation for the valid values."
        )


def _check_secrets(definition: TaskDefinition) -> None:
    for container in definition.container_definitions:
        names = [pair.name for pair in container.environment] + [secret.name for secret in container.secrets or ()]
        if container.secrets and definition.execution_role_arn is None:
            raise _refused(
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
            )
        if container.secrets and len(set(names)) < len(names):
            raise _refused(
                "The secret name must be unique and not shared with any new or existing environment variables set on"
                f" the container, such as '{next(name for name in names if names.count(name) > 1)}'."
            )


def cpu_units(value: str | None) -> str | None:
    """Return a task's `cpu` as AWS keeps it: `.25 vCPU` is 256. Raises ClientException.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html (cpu, memory)
    """
    return _size("cpu", value)


def mebibytes(value: str | None) -> str | None:
    """Return a task's `memory` as AWS keeps it: `0.5 GB` is 512. Raises ClientException."""
    return _size("memory", value)


def _size(name: str, value: str | None) -> str | None:
    if value is None or not value.strip():
        return None
    match = SIZE[name].fullmatch(value.strip())
    if match is None:
        raise _refused(f"Invalid '{name}' setting for task: '{value}' is not a number of {UNITS[name]}.")
    number, unit = match.groups()
    amount = float(number) * (1024 if unit else 1)
    if amount != int(amount) or amount < 1:
        raise _refused(f"Invalid '{name}' setting for task: '{value}' is not a whole number of {UNITS[name]}.")
    return str(int(amount))


def _check_task_memory(definition: TaskDefinition) -> None:
    if definition.memory is not None:
        total = sum(container.counted_memory for container in definition.container_definitions)
        if total > int(definition.memory):
            raise _refused(
                f"Invalid setting for task. The sum of the containers' memory, {total}, exceeds 'memory' of the task,"
                f" {definition.memory}."
            )


def _check_container(container: ContainerDefinition, task_memory: str | None) -> None:
    if not container.name:
        raise _refused("Container.name should not be null or empty.")
    if not NAME.fullmatch(container.name):
        raise _refused("Container.name contains invalid characters.")
    if not container.image:
        raise _refused("Container.image should not be null or empty.")
    name = container.name
    if container.memory is None and container.memory_reservation is None and task_memory is None:
        raise _refused(
            f"Invalid setting for container '{name}'."
            " At least one of 'memory' or 'memoryReservation' must be specified."
        )
    for field, value in (("memory", container.memory), ("memoryReservation", container.memory_reservation)):
        if value is not None and value < MINIMUM_MEMORY:
            raise _refused(f"Invalid '{field}' setting for container '{name}'. Must be at least {MINIMUM_MEMORY}.")
    if container.memory is not None and (container.memory_reservation or 0) > container.memory:
        raise _refused(
            f"Invalid setting for container '{name}'. The 'memory' must be greater than or equal to"
            " 'memoryReservation'."
        )
    if container.cpu < 0:
        raise _refused(f"Invalid 'cpu' setting for container '{name}'.")
    for field in ("privileged", "disable_networking"):
        if getattr(container, field):
            raise AwsError("InvalidParameterException", f"culm does not support {field} of container '{name}'")
    if container.log_configuration and container.log_configuration.log_driver not in DRIVERS:
        driver = container.log_configuration.log_driver
        raise AwsError(
            "InvalidParameterException", f"culm does not support the log driver {driver}; it has {', '.join(DRIVERS)}"
        )
    if (
        container.log_configuration
        and container.log_configuration.log_driver == "awslogs"
        and "awslogs-group" not in container.log_configuration.options
    ):
        raise _refused("Log driver awslogs requires options: awslogs-group")
    if (
        container.log_configuration
        and container.log_configuration.log_driver == "awslogs"
        and (unknown := container.log_configuration.options.keys() - AWSLOGS_OPTIONS)
    ):
        raise _refused(f"Log driver awslogs disallows options: {', '.join(sorted(unknown))}")
    if container.health_check and container.health_check.command[:1] not in (("CMD",), ("CMD-SHELL",)):
        raise _refused("HealthCheck command must begin with CMD or CMD-SHELL.")


def _check_dependencies(containers: Sequence[ContainerDefinition]) -> None:
    """Every dependency exists, HEALTHY ones have a health check, and there is no cycle."""
    by_name = {container.name: container for container in containers}
    for container in containers:
        for dependency in container.depends_on or ():
            other = by_name.get(dependency.container_name)
            if other is None or other is container:
                raise _refused(
                    f"Container '{container.name}' depends on unknown container '{dependency.container_name}'."
                )
            if dependency.condition == "HEALTHY" and other.health_check is None:
                raise _refused(f"Container '{other.name}' needs a health check: '{container.name}' waits for HEALTHY.")
            if dependency.condition in ("COMPLETE", "SUCCESS") and other.essential:
                raise _refused(
                    f"Container '{other.name}' can't be essential: '{container.name}' waits for its"
                    f" {dependency.condition}."
                )
    settled: set[str] = set()
    while len(settled) < len(containers):
        ready = [
            c.name
            for c in containers
            if c.name not in settled and all(d.container_name in settled for d in c.depends_on or ())
        ]
        if not ready:
            raise _refused("There is a cycle in the container dependencies.")
        settled.update(ready)


def _check_volumes(definition: TaskDefinition) -> None:
    names = {volume.name for volume in definition.volumes}
    for volume in definition.volumes:
        if not NAME.fullmatch(volume.name):
            raise _refused(f"Volume name '{volume.name}' contains invalid characters.")
        path = volume.host.source_path if volume.host else None
        if path and not _is_plain(path):
            raise _refused(f"The sourcePath '{path}' of volume '{volume.name}' must be an absolute path, without '..'.")
    for container in definition.container_definitions:
        for mount in container.mount_points:
            if mount.source_volume not in names:
                raise _refused(f"Unknown volume '{mount.source_volume}'.")
            if not _is_plain(mount.container_path):
                raise _refused(
                    f"The containerPath '{mount.container_path}' of container '{container.name}' must be an absolute"
                    " path, without '..'."
                )
    for volume in definition.volumes:
        _check_configuration(volume)


def _check_configuration(volume: Volume) -> None:
    docker, efs = volume.docker_volume_configuration, volume.efs_volume_configuration
    given = {"host": volume.host, "dockerVolumeConfiguration": docker, "efsVolumeConfiguration": efs}
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise _refused(f"Volume '{volume.name}' has both {' and '.join(names)}.")
    if docker is not None and docker.scope == "task" and docker.autoprovision is not None:
        raise _refused("autoprovision is only valid for volumes with the scope 'shared'.")
    if efs is not None:
        _check_file_system(volume.name, efs)


def _check_file_system(name: str, efs: EfsVolumeConfiguration) -> None:
    """Raise ClientException for what no mount of EFS can be.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-efs-config.html
    """
    for what, id in (("fileSystemId", efs.file_system_id), ("accessPointId", efs.access_point_id or "fsap")):
        if not NAME.fullmatch(id):
            raise _refused(f"The {what} '{id}' of volume '{name}' is invalid.")
    if not _is_plain(efs.root_directory):
        raise _refused(f"The rootDirectory '{efs.root_directory}' of volume '{name}' must be absolute, without '..'.")
    if efs.access_point_id and efs.root_directory != "/":
        raise _refused(f"The rootDirectory of volume '{name}' must be omitted or '/' where it has an accessPointId.")
    secured = efs.authorization_config is not None and (
        efs.access_point_id is not None or efs.authorization_config.iam == "ENABLED"
    )
    if secured and efs.transit_encryption != "ENABLED":
        raise _refused(f"transitEncryption of volume '{name}' must be ENABLED where it has an authorizationConfig.")
    if efs.transit_encryption_port is not None and efs.transit_encryption != "ENABLED":
        raise _refused(f"transitEncryptionPort of volume '{name}' needs transitEncryption to be ENABLED.")


def _is_plain(path: str) -> bool:
    return path.startswith("/") and ".." not in path.split("/") and "\0" not in path


def _check_ports(containers: Sequence[ContainerDefinition]) -> None:
    taken = set()
    for container in containers:
        for mapping in container.port_mappings:
            port = (mapping.host_port, mapping.protocol)
            if mapping.host_port and port in taken:
                raise _refused(f"Host port {mapping.host_port}/{mapping.protocol} is mapped twice.")
            taken.add(port)


def _with_defaults(container: ContainerDefinition, network_mode: str) -> ContainerDefinition:
    """In `host` and `awsvpc` mode the host port is the container's own."""
    return replace(
        container, port_mappings=tuple(_with_host_port(m, container, network_mode) for m in container.port_mappings)
    )


def _with_host_port(mapping: PortMapping, container: ContainerDefinition, network_mode: str) -> PortMapping:
    if not (0 < mapping.container_port < 65536 and 0 <= mapping.host_port < 65536):
        raise _refused(f"Invalid port mapping for container '{container.name}'.")
    if network_mode in ("bridge", "none"):
        return mapping
    if mapping.host_port not in (0, mapping.container_port):
        raise _refused(
            f"When networkMode={network_mode}, the host ports and container ports in port mappings must match."
        )
    return replace(mapping, host_port=mapping.container_port)


def _refused(message: str) -> AwsError:
    return AwsError("ClientException", message)
