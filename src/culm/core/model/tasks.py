"""Tasks: one placed copy of a task definition, and its containers.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from enum import StrEnum
from typing import Literal

from culm.core.model.record import Stored, record
from culm.core.model.task_definitions import KeyValuePair, Tag


class Status(StrEnum):
    PROVISIONING = "PROVISIONING"
    PENDING = "PENDING"
    ACTIVATING = "ACTIVATING"
    RUNNING = "RUNNING"
    DEACTIVATING = "DEACTIVATING"
    STOPPING = "STOPPING"
    DEPROVISIONING = "DEPROVISIONING"
    STOPPED = "STOPPED"
    DELETED = "DELETED"


class StopCode(StrEnum):
    TASK_FAILED_TO_START = "TaskFailedToStart"
    ESSENTIAL_CONTAINER_EXITED = "EssentialContainerExited"
    USER_INITIATED = "UserInitiated"
    SERVICE_SCHEDULER_INITIATED = "ServiceSchedulerInitiated"
    SPOT_INTERRUPTION = "SpotInterruption"
    TERMINATION_NOTICE = "TerminationNotice"
    INFRASTRUCTURE_HEALTH = "InfrastructureHealth"


Health = Literal["HEALTHY", "UNHEALTHY", "UNKNOWN"]


@record
class NetworkBinding:
    bind_ip: str
    container_port: int
    host_port: int
    protocol: Literal["tcp", "udp"] = "tcp"


@record
class Container:
    container_arn: str
    name: str
    image: str
    image_digest: str | None = None
    runtime_id: str | None = None
    last_status: str = "PENDING"
    exit_code: int | None = None
    reason: str | None = None
    network_bindings: tuple[NetworkBinding, ...] = ()
    health_status: Health = "UNKNOWN"
    cpu: str | None = None
    memory: str | None = None
    memory_reservation: str | None = None


@record
class ContainerOverride:
    """What RunTask changes of one container; None keeps what the task definition says."""

    name: str = ""
    command: tuple[str, ...] | None = None
    environment: tuple[KeyValuePair, ...] = ()
    cpu: int | None = None
    memory: int | None = None
    memory_reservation: int | None = None


@record
class TaskOverride:
    container_overrides: tuple[ContainerOverride, ...] = ()
    cpu: str | None = None
    memory: str | None = None
    task_role_arn: str | None = None
    execution_role_arn: str | None = None


@record
class NetworkInterface:
    """Of a task of the network mode `awsvpc`, which has an address of its own."""

    attachment_id: str
    network_interface_id: str
    address: str
    subnet_id: str
    vpc_id: str
    zone: str
    """The letter of its subnet's availability zone."""
    security_groups: tuple[str, ...] = ()


@record
class Task:
    """Times are epoch seconds."""

    task_arn: str
    cluster_arn: str
    task_definition_arn: str
    group: str
    """`service:NAME` or `family:NAME`."""
    container_instance_arn: str | None = None
    last_status: Status = Status.PROVISIONING
    desired_status: Literal["RUNNING", "STOPPED"] = "RUNNING"
    containers: tuple[Container, ...] = ()
    cpu: str | None = None
    memory: str | None = None
    started_by: str | None = None
    """The deployment's id for a service's tasks."""
    launch_type: str = "EC2"
    capacity_provider_name: str | None = None
    health_status: Health = "UNKNOWN"
    version: int = 1
    created_at: float = 0.0
    pull_started_at: float | None = None
    pull_stopped_at: float | None = None
    started_at: float | None = None
    stopping_at: float | None = None
    execution_stopped_at: float | None = None
    stopped_at: float | None = None
    stop_code: StopCode | None = None
    stopped_reason: str | None = None
    healthy_at: float | None = None
    """When it first counted as healthy; None: it never did, so its end is a failure of its deployment."""
    protected_until: float | None = None
    """Scale-in protection ends then; None: it has none."""
    overrides: TaskOverride = TaskOverride()
    enable_execute_command: bool = False
    interface: NetworkInterface | None = None
    tags: Stored[tuple[Tag, ...]] = ()
