"""From a task's payload to what the runtime is told: names, labels, environment, ports; pure."""

import zlib
from collections.abc import Mapping
from dataclasses import field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from culm.cluster.instance import shared_network
from culm.cluster.instance.runtime.interface import Mount, Port, Probe, Scratch, Spec
from culm.core.model.agent import ContainerPayload, TaskPayload
from culm.core.model.record import record
from culm.core.model.task_definitions import Volume

TASK_ARN = "com.amazonaws.ecs.task-arn"
CONTAINER_NAME = "com.amazonaws.ecs.container-name"
INSTANCE = "culm.container-instance"
PAYLOAD = "culm.task"
"""The task's whole payload: what an agent that restarts needs to know of a container that it finds."""
ATTEMPT = "culm.attempt"

METADATA = "/v4/"
AMAZONS_AGENT = "http://169.254.170.2"
"""https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html"""

FILE_SYSTEMS = "efs"
"""The folder, beside those of the tasks, in which each file system of EFS is a folder: its root, which is made empty.

An access point is a folder of its own in it, by its id: what it points to is known to AWS alone.
"""
SHARED_VOLUMES = "shared"
"""The folder of volumes that outlive their tasks, beside those of the tasks, whose names are ids."""
DEFAULT_STOP_TIMEOUT = 30
"""Seconds between SIGTERM and SIGKILL."""


@record
class Surroundings:
    """What every container on this instance is told of the world around it."""

    address: str
    """The instance's own address; ports are published on it."""
    region: str
    api: str
    """Base URL of the cluster's API as containers reach it."""
    agent: str
    """Base URL of the agent as containers reach it: `http://169.254.170.2` as on Amazon, else the API's."""
    volumes: str
    """The folder for volumes without a source path."""


def container_name(task: TaskPayload, container: str, attempt: int = 0) -> str:
    """Return a container's name, `ecs-web-3-nginx-0f0e...`.

    A restart by the restart policy is a container of its own, `...-1`.
    """
    name = f"ecs-{task.family}-{task.version}-{container}-{task.arn.rpartition('/')[2]}"
    return f"{name}-{attempt}" if attempt else name


@record
class Launch:
    """One attempt to run a container, and what the agent has fetched for it."""

    container_instance_arn: str
    attempt: int = 0
    """How often the restart policy has started it before."""
    login: tuple[str, str] | None = None
    """User and password for the image's registry."""
    credentials_path: str = ""
    """Where the task finds its keys under the agent's address; empty where it has no role."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Name of an environment variable -> its value."""
    network_of: str | None = None
    """Name of the container, as the runtime has it, that holds the task's network; None where it does not run."""


def spec(task: TaskPayload, container: ContainerPayload, surroundings: Surroundings, launch: Launch) -> Spec:
    """Return what the runtime is told to start for this container of the task."""
    name = container_name(task, container.name, launch.attempt)
    return Spec(
        name=name,
        image=container.image,
        address=task.address or surroundings.address,
        entry_point=container.entry_point,
        command=container.command,
        environment={
            **agent_environment(surroundings, metadata_path(task, container), launch.credentials_path),
            "AWS_EXECUTION_ENV": f"AWS_ECS_{task.launch_type}",
            **container.environment,
            **launch.secrets,
        },
        working_directory=container.working_directory,
        user=container.user,
        memory=container.memory if container.memory is not None else task.memory,
        cpu=container.cpu,
        ports=_ports(task, container),
        mounts=_mounts(task, container, surroundings),
        probe=_probe(container),
        labels=labels(task, container, launch.container_instance_arn, launch.attempt),
        registry_auth=launch.login,
        init=container.linux_parameters.init_process_enabled or False,
        read_only=container.readonly_root_filesystem,
        scratch=tuple(
            Scratch(path=each.container_path, size=each.size, options=each.mount_options or ())
            for each in container.linux_parameters.tmpfs or ()
        ),
        hostname=container.hostname,
        hosts=dict.fromkeys(task.names, urlsplit(surroundings.api).hostname or ""),
        input_open=container.interactive,
        terminal=container.pseudo_terminal,
        ulimits=container.ulimits,
        host_processes=task.pid_mode == "host",
        **_network(task, container, name, launch),
    )


def metadata_path(task: TaskPayload, container: ContainerPayload) -> str:
    """Return the container's own place at the task metadata endpoint; the same after a restart of the agent."""
    return f"{METADATA}{task.arn.rpartition('/')[2]}-{zlib.crc32(container.name.encode()):010}"


def agent_environment(surroundings: Surroundings, metadata: str, credentials: str) -> Mapping[str, str]:
    """Return what the agent sets on every container; the local cluster adds the SDKs' own way to find its endpoint.

    `metadata` and `credentials` are paths under the agent's address. The SDKs know that of Amazon's agent by heart.
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
    """
    identity = {}
    if credentials and surroundings.agent == AMAZONS_AGENT:
        identity["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = credentials
    elif credentials:
        identity["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{surroundings.agent}{credentials}"
    return {
        "ECS_CONTAINER_METADATA_URI_V4": f"{surroundings.agent}{metadata}",
        "AWS_REGION": surroundings.region,
        "AWS_DEFAULT_REGION": surroundings.region,
        "AWS_ENDPOINT_URL": surroundings.api,
        "AWS_ENDPOINT_URL_S3": surroundings.api,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        **identity,
    }


def labels(
    task: TaskPayload, container: ContainerPayload, container_instance_arn: str, attempt: int
) -> Mapping[str, str]:
    return {
        **container.docker_labels,
        "com.amazonaws.ecs.cluster": task.task_cluster_arn.rpartition("/")[2],
        CONTAINER_NAME: container.name,
        TASK_ARN: task.arn,
        "com.amazonaws.ecs.task-definition-family": task.family,
        "com.amazonaws.ecs.task-definition-version": task.version,
        INSTANCE: container_instance_arn,
        ATTEMPT: str(attempt),
        PAYLOAD: msgspec.json.encode(task).decode(),
    }


def log_stream(task: TaskPayload, container: ContainerPayload, runtime_id: str) -> tuple[str, str] | None:
    """Return (group, stream) of a container that logs through awslogs: `prefix/container/task-id`.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
    """
    configuration = container.log_configuration
    if configuration is None or configuration.log_driver != "awslogs":
        return None
    prefix = configuration.options.get("awslogs-stream-prefix")
    stream = f"{prefix}/{container.name}/{task.arn.rpartition('/')[2]}" if prefix else runtime_id
    return configuration.options["awslogs-group"], stream


def volumes_folder(task: TaskPayload, surroundings: Surroundings) -> str:
    """Return where the volumes are that are the task's own."""
    return f"{surroundings.volumes}/{task.arn.rpartition('/')[2]}"


def volume_source(task: TaskPayload, volume: Volume, surroundings: Surroundings) -> str:
    """Return where a volume is on the host.

    It is named by its definition, shared by all tasks that name it, or the task's own.
    """
    if volume.host is not None and volume.host.source_path is not None:
        return volume.host.source_path
    docker = volume.docker_volume_configuration
    if docker is not None and docker.scope == "shared":
        return f"{surroundings.volumes}/{SHARED_VOLUMES}/{volume.name}"
    if (efs := volume.efs_volume_configuration) is not None:
        folder = f"/{efs.access_point_id}" if efs.access_point_id else efs.root_directory
        return f"{surroundings.volumes}/{FILE_SYSTEMS}/{efs.file_system_id}{folder}".rstrip("/")
    return f"{volumes_folder(task, surroundings)}/{volume.name}"


def _ports(task: TaskPayload, container: ContainerPayload) -> tuple[Port, ...]:
    """Return a container's ports; a task whose address is shared with others gets free ones of the host."""
    dynamic = task.address == "127.0.0.1"
    return tuple(
        Port(container_port=m.container_port, host_port=0 if dynamic else m.host_port, protocol=m.protocol)
        for m in container.port_mappings
    )


def _network(task: TaskPayload, container: ContainerPayload, name: str, launch: Launch) -> dict[str, Any]:
    """Return `network_of` and `peers` of a container that shares a network."""
    held_by = shared_network.holder(task)
    sharing = shared_network.joining(task) | {held_by}
    if held_by is None or container.name not in sharing:
        return {}
    peers = [c for c in task.containers if c.name in sharing and c.name != container.name]
    return {
        "network_of": name if container.name == held_by else launch.network_of,
        "peers": tuple(port for peer in peers for port in _ports(task, peer)),
    }


def _mounts(task: TaskPayload, container: ContainerPayload, surroundings: Surroundings) -> tuple[Mount, ...]:
    sources = {volume.name: volume_source(task, volume, surroundings) for volume in task.volumes}
    return tuple(
        Mount(
            source=sources[m.source_volume],
            container_path=m.container_path,
            read_only=bool(m.read_only),
        )
        for m in container.mount_points
    )


def _probe(container: ContainerPayload) -> Probe | None:
    check = container.health_check
    if check is None or check.command[:1] == ("NONE",):
        return None
    return Probe(
        command=check.command,
        interval=check.interval,
        timeout=check.timeout,
        retries=check.retries,
        start_period=check.start_period or 0,
    )
