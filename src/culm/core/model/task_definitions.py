"""Task definitions: what a task is made of (AWS's names, AWS's defaults).

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from culm.core.model.record import Stored, record


@record
class KeyValuePair:
    name: str = ""
    value: str = ""


@record
class ContainerSecret:
    """An environment variable whose value is fetched when the container starts."""

    name: str
    value_from: str
    """The ARN of a secret of Secrets Manager, or the ARN or name of a parameter."""


FILES_LABEL = "io.culm.files"
"""A label of a container that fetches files before others begin: JSON, S3 URI by path in that container."""


@record
class Tag:
    key: str = ""
    value: str = ""


@record
class PortMapping:
    container_port: int
    host_port: int = 0
    protocol: Literal["tcp", "udp"] = "tcp"
    name: Stored[str | None] = None
    app_protocol: Stored[str | None] = None


@record
class HealthCheck:
    """Times in seconds."""

    command: tuple[str, ...]
    interval: int = 30
    timeout: int = 5
    retries: int = 3
    start_period: int | None = None


@record
class ContainerDependency:
    container_name: str
    condition: Literal["START", "COMPLETE", "SUCCESS", "HEALTHY"]


@record
class LogConfiguration:
    log_driver: str
    options: Mapping[str, str] = field(default_factory=dict)


@record
class MountPoint:
    source_volume: str = ""
    container_path: str = ""
    read_only: bool | None = None
    """None: it may be written to, and is described without the member, as it was given."""


@record
class HostVolume:
    source_path: str | None = None


@record
class DockerVolumeConfiguration:
    """A volume by name: `shared` ones outlive their tasks, and every task that names one has the same.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DockerVolumeConfiguration.html
    """

    scope: Literal["task", "shared"] = "task"
    autoprovision: bool | None = None
    driver: Literal["local"] = "local"
    labels: Stored[Mapping[str, str] | None] = None


@record
class EfsAuthorizationConfig:
    access_point_id: str | None = None
    iam: Stored[Literal["ENABLED", "DISABLED"] | None] = None


@record
class EfsVolumeConfiguration:
    """A folder of an EFS file system, the same for every task that names it.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_EFSVolumeConfiguration.html
    """

    file_system_id: str
    root_directory: str = "/"
    transit_encryption: Stored[Literal["ENABLED", "DISABLED"] | None] = None
    transit_encryption_port: Stored[int | None] = None
    authorization_config: EfsAuthorizationConfig | None = None

    @property
    def access_point_id(self) -> str | None:
        return self.authorization_config.access_point_id if self.authorization_config else None


@record
class Volume:
    name: str = ""
    host: HostVolume | None = None
    docker_volume_configuration: DockerVolumeConfiguration | None = None
    efs_volume_configuration: EfsVolumeConfiguration | None = None


@record
class ContainerRestartPolicy:
    enabled: bool
    ignored_exit_codes: tuple[int, ...] | None = None
    restart_attempt_period: int = 300


LimitName = Literal[
    "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice",
    "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
]  # fmt: skip


@record
class Ulimit:
    """A limit of the kernel on each of a container's processes; -1: none."""

    name: LimitName
    soft_limit: int
    hard_limit: int


@record
class Tmpfs:
    container_path: str
    size: int
    """MiB."""
    mount_options: tuple[str, ...] | None = None
    """None: not given, and not shown."""


@record
class LinuxParameters:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinuxParameters.html"""

    init_process_enabled: bool | None = None
    tmpfs: tuple[Tmpfs, ...] | None = None
    """None: not given. ECS leaves it out, and tools that compare what they sent look for what is new."""


@record
class ContainerDefinition:
    """`privileged` and `disable_networking` are refused unless false, AWS's default, which tools send back."""

    name: str = ""
    image: str = ""
    cpu: int = 0
    memory: int | None = None
    """Hard limit, MiB."""
    memory_reservation: int | None = None
    """Soft limit, MiB; what placement counts, where it is set."""
    essential: bool = True
    port_mappings: tuple[PortMapping, ...] = ()
    entry_point: tuple[str, ...] | None = None
    """None: the image's."""
    command: tuple[str, ...] | None = None
    """None: the image's."""
    environment: tuple[KeyValuePair, ...] = ()
    secrets: tuple[ContainerSecret, ...] | None = None
    """None: not given. ECS shows an empty `environment`, but leaves out `secrets`."""
    working_directory: str | None = None
    user: str | None = None
    health_check: HealthCheck | None = None
    log_configuration: LogConfiguration | None = None
    depends_on: tuple[ContainerDependency, ...] | None = None
    start_timeout: int | None = None
    stop_timeout: int | None = None
    mount_points: tuple[MountPoint, ...] = ()
    restart_policy: ContainerRestartPolicy | None = None
    docker_labels: Mapping[str, str] | None = None
    version_consistency: Literal["enabled", "disabled"] | None = None
    """Whether a service's deployment pins the image's tag to a digest; None: enabled."""
    hostname: str | None = None
    interactive: bool | None = None
    """Its standard input stays open."""
    pseudo_terminal: bool | None = None
    ulimits: tuple[Ulimit, ...] | None = None
    linux_parameters: LinuxParameters | None = None
    readonly_root_filesystem: bool | None = None
    privileged: bool | None = None
    disable_networking: bool | None = None

    @property
    def counted_memory(self) -> int:
        """The MiB that placement takes from an instance: the reservation, or else the hard limit."""
        return self.memory_reservation if self.memory_reservation is not None else (self.memory or 0)


@record
class PlacementConstraint:
    type: Literal["distinctInstance", "memberOf"]
    expression: str | None = None


@record
class PlacementStrategy:
    type: Literal["random", "spread", "binpack"]
    field: str | None = None


@record
class RequiredAttribute:
    name: str


@record
class RuntimePlatform:
    cpu_architecture: str | None = None
    operating_system_family: str | None = None


@record
class EphemeralStorage:
    size_in_gi_b: int


@record
class TaskDefinition:
    task_definition_arn: str
    family: str
    revision: int
    container_definitions: tuple[ContainerDefinition, ...]
    status: Literal["ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"] = "ACTIVE"
    cpu: str | None = None
    """Task-level CPU units, as AWS keeps them: a string."""
    memory: str | None = None
    """Task-level hard limit, MiB."""
    network_mode: Literal["bridge", "host", "none", "awsvpc"] = "bridge"
    task_role_arn: str | None = None
    execution_role_arn: str | None = None
    placement_constraints: tuple[PlacementConstraint, ...] = ()
    volumes: tuple[Volume, ...] = ()
    requires_compatibilities: tuple[str, ...] | None = None
    compatibilities: tuple[str, ...] = ("EXTERNAL", "EC2")
    registered_at: float = 0.0
    registered_by: str | None = None
    deregistered_at: float | None = None
    delete_requested_at: float | None = None
    requires_attributes: tuple[RequiredAttribute, ...] = ()
    """What an instance's agent must be able to do."""
    pid_mode: str | None = None
    """`host`: its containers see the host's processes."""
    ipc_mode: str | None = None
    runtime_platform: RuntimePlatform | None = None
    ephemeral_storage: EphemeralStorage | None = None
    enable_fault_injection: bool | None = None
