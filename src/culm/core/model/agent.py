"""Messages between the control plane and the container agent, as records (the ECS agent protocol).

In the embedded cluster they are passed by method call. Names are the protocol's in snake_case. Times are epoch
seconds. https://github.com/aws/amazon-ecs-agent/tree/master/ecs-agent/acs/model
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from culm.core.model.instances import Attribute
from culm.core.model.record import record
from culm.core.model.task_definitions import (
    ContainerDependency,
    ContainerRestartPolicy,
    ContainerSecret,
    HealthCheck,
    LinuxParameters,
    LogConfiguration,
    MountPoint,
    PortMapping,
    Ulimit,
    Volume,
)
from culm.core.model.tasks import Health, NetworkBinding


@record
class RoleCredentials:
    credentials_id: str
    role_arn: str
    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: float


@record
class ContainerPayload:
    """A container as the agent has to run it, with overrides applied."""

    name: str
    image: str
    container_arn: str
    essential: bool = True
    cpu: int = 0
    memory: int | None = None
    """Hard limit, MiB."""
    memory_reservation: int | None = None
    entry_point: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[ContainerSecret, ...] = ()
    """Names only: the values are fetched when it starts."""
    working_directory: str | None = None
    user: str | None = None
    port_mappings: tuple[PortMapping, ...] = ()
    mount_points: tuple[MountPoint, ...] = ()
    depends_on: tuple[ContainerDependency, ...] = ()
    start_timeout: int | None = None
    stop_timeout: int | None = None
    restart_policy: ContainerRestartPolicy | None = None
    health_check: HealthCheck | None = None
    log_configuration: LogConfiguration | None = None
    docker_labels: Mapping[str, str] = field(default_factory=dict)
    ulimits: tuple[Ulimit, ...] = ()
    linux_parameters: LinuxParameters = LinuxParameters()
    readonly_root_filesystem: bool = False
    hostname: str | None = None
    interactive: bool = False
    pseudo_terminal: bool = False


@record
class TaskPayload:
    """A task for an agent. With `desired_status` STOPPED nothing but its ARN counts."""

    arn: str
    desired_status: Literal["RUNNING", "STOPPED"]
    task_cluster_arn: str = ""
    family: str = ""
    version: str = ""
    group: str = ""
    service_name: str = ""
    memory: int | None = None
    """Task-level limit, MiB."""
    execution_role_arn: str | None = None
    """The role that fetches its secrets."""
    task_role_arn: str | None = None
    """The role that fetches its files."""
    volumes: tuple[Volume, ...] = ()
    names: tuple[str, ...] = ()
    """Of Service Connect's endpoints that its containers may call: they lead to the cluster's balancer."""
    address: str = ""
    """Of a task that has one of its own; its ports are published there, and not on the instance's address."""
    launch_type: str = "EC2"
    pid_mode: str | None = None
    containers: tuple[ContainerPayload, ...] = ()


@record
class PayloadMessage:
    """Tasks to start or to stop; one that the agent knows already is only acknowledged."""

    tasks: tuple[TaskPayload, ...]


@record
class TaskManifestMessage:
    """Every task that should run on the instance. The agent asks before it stops others."""

    task_arns: tuple[str, ...]


@record
class TaskStopVerificationMessage:
    """Tasks that the agent runs although the manifest does not name them."""

    stop_candidates: tuple[str, ...]


@record
class TaskStopVerificationAck:
    """The candidates that the agent has to stop."""

    stop_tasks: tuple[str, ...]


@record
class IAMRoleCredentialsMessage:
    task_arn: str
    role_credentials: RoleCredentials


ToAgent = PayloadMessage | TaskManifestMessage | TaskStopVerificationAck | IAMRoleCredentialsMessage


@record
class RegisterContainerInstance:
    cluster: str
    """Its name."""
    ec2_instance_id: str
    address: str
    """Where its tasks' host ports are reached."""
    cpu: int
    """CPU units: 1024 a vCPU."""
    memory: int
    """MiB."""
    ports: tuple[int, ...]
    """TCP ports that are taken from the start."""
    attributes: tuple[Attribute, ...]
    container_instance_arn: str | None = None
    """Of an instance that registered before."""


@record
class ContainerStateChange:
    container_name: str
    status: Literal["PENDING", "RUNNING", "STOPPED"]
    runtime_id: str | None = None
    image_digest: str | None = None
    exit_code: int | None = None
    reason: str | None = None
    network_bindings: tuple[NetworkBinding, ...] = ()


@record
class SubmitTaskStateChange:
    task: str
    """Its ARN."""
    status: Literal["PENDING", "RUNNING", "STOPPED"]
    reason: str = ""
    containers: tuple[ContainerStateChange, ...] = ()
    pull_started_at: float | None = None
    pull_stopped_at: float | None = None
    execution_stopped_at: float | None = None


@record
class ContainerHealth:
    container_name: str
    health_status: Health


@record
class PublishHealth:
    """The health of one task's containers, sent when it changes. No other message has it."""

    task: str
    containers: tuple[ContainerHealth, ...]


@record
class StatsSet:
    """A summary of samples of one figure."""

    min: float
    max: float
    sum: float
    sample_count: int = 1


@record
class ContainerMetric:
    container_name: str
    cpu_stats_set: StatsSet | None
    """Per cent of one vCPU. None: this is the first look at it."""
    memory_stats_set: StatsSet
    """MiB."""


@record
class TaskMetric:
    task_arn: str
    container_metrics: tuple[ContainerMetric, ...]


@record
class PublishMetrics:
    """What an instance's tasks used since the last such message. An idle instance sends none."""

    task_metrics: tuple[TaskMetric, ...]


FromAgent = SubmitTaskStateChange | TaskStopVerificationMessage | PublishHealth | PublishMetrics
