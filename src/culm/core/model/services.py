"""Services and their deployments: how many tasks of which revision are wanted, and the state of the roll.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html
"""

import math
from typing import Literal

from culm.core.model.record import Stored, record
from culm.core.model.task_definitions import PlacementConstraint, PlacementStrategy, Tag


@record
class LoadBalancer:
    target_group_arn: str | None = None
    load_balancer_name: str | None = None
    container_name: str = ""
    container_port: int = 0


@record
class AwsVpcConfiguration:
    """Where tasks of the network mode `awsvpc` get their addresses."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...] = ()
    assign_public_ip: Literal["ENABLED", "DISABLED"] = "DISABLED"


@record
class NetworkConfiguration:
    awsvpc_configuration: AwsVpcConfiguration | None = None


@record
class ServiceConnectClientAlias:
    """The name and port by which other services call an endpoint."""

    port: int
    dns_name: str | None = None
    """None: the discovery name and the namespace."""


@record
class ServiceConnectService:
    """One endpoint: a named port of the task definition.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceConnectService.html
    """

    port_name: str
    discovery_name: str | None = None
    client_aliases: tuple[ServiceConnectClientAlias, ...] = ()


@record
class ServiceConnectConfiguration:
    """Whether a service's tasks reach the endpoints of a namespace, and which of their own ports are endpoints there.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceConnectConfiguration.html
    """

    enabled: bool
    namespace: str | None = None
    """Its name or ARN; None: the cluster's default."""
    services: tuple[ServiceConnectService, ...] = ()


@record
class ThresholdConfiguration:
    """How many failed tasks a deployment may have.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentCircuitBreaker.html
    """

    type: Literal["COUNT", "BOUNDED_PERCENT", "UNBOUNDED_PERCENT"] = "BOUNDED_PERCENT"
    value: int = 50
    """Failed tasks, or per cent of the desired count."""


@record
class DeploymentCircuitBreaker:
    enable: bool
    rollback: bool
    reset_on_healthy_task: bool = True
    threshold_configuration: ThresholdConfiguration = ThresholdConfiguration()


@record
class DeploymentAlarms:
    """CloudWatch alarms that end a deployment when they go off."""

    alarm_names: tuple[str, ...]
    rollback: bool
    enable: bool


@record
class DeploymentConfiguration:
    """Per cent of the desired count; AWS's defaults for REPLICA services (0 and 100 for DAEMON)."""

    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    deployment_circuit_breaker: DeploymentCircuitBreaker | None = None
    alarms: DeploymentAlarms | None = None
    strategy: Literal["ROLLING"] = "ROLLING"


@record
class Deployment:
    """Times are epoch seconds."""

    id: str
    """`ecs-svc/<19 digits>`, the `started_by` of its tasks."""
    status: Literal["PRIMARY", "ACTIVE", "INACTIVE"]
    task_definition: str
    desired_count: int
    created_at: float
    updated_at: float
    rollout_state: Literal["IN_PROGRESS", "COMPLETED", "FAILED"] = "IN_PROGRESS"
    rollout_state_reason: str = ""
    failed_tasks: int = 0
    rolls_back: str | None = None
    """The id of the failed deployment that this one has to undo; a roll-back is never rolled back."""
    rolled_back_to: str | None = None
    """The id of the deployment that undoes this failed one."""
    stop_requested: Literal["ROLLBACK"] | None = None
    """A wish of StopServiceDeployment."""


@record
class CapacityProviderStrategyItem:
    capacity_provider: str
    weight: int = 0
    base: int = 0


@record
class ServiceEvent:
    id: str
    created_at: float
    message: str


@record
class TaskSet:
    """What makes a service of the scheduler a task set of another service, whose deployments its owner steers.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-external.html
    """

    service_arn: str
    """Of the service that it belongs to."""
    scale: float
    """Per cent of that service's desired count."""
    updated_at: float
    primary: bool = False
    external_id: Stored[str | None] = None

    def desired(self, of_service: int) -> int:
        """Return how many tasks it wants: its share of the service's, rounded up."""
        return math.ceil(self.scale * of_service / 100)


@record
class Service:
    service_arn: str
    service_name: str
    cluster_arn: str
    task_definition: str
    """The ARN of the revision that the caller wants."""
    desired_count: int
    status: Literal["ACTIVE", "DRAINING", "INACTIVE"] = "ACTIVE"
    scheduling_strategy: Literal["REPLICA", "DAEMON"] = "REPLICA"
    load_balancers: tuple[LoadBalancer, ...] = ()
    service_connect_configuration: ServiceConnectConfiguration | None = None
    endpoints: tuple[LoadBalancer, ...] = ()
    """Of Service Connect: the cluster's own target groups, which no API shows, and the ports registered with them."""
    deployment_configuration: DeploymentConfiguration = DeploymentConfiguration()
    placement_constraints: tuple[PlacementConstraint, ...] = ()
    placement_strategy: tuple[PlacementStrategy, ...] = ()
    health_check_grace_period_seconds: int = 0
    deployments: tuple[Deployment, ...] = ()
    created_at: float = 0.0
    events: tuple[ServiceEvent, ...] = ()
    """Newest first."""
    tags: Stored[tuple[Tag, ...]] = ()
    launch_type: str = "EC2"
    role_arn: Stored[str | None] = None
    created_by: Stored[str | None] = None
    propagate_tags: Literal["TASK_DEFINITION", "SERVICE", "NONE"] = "NONE"
    enable_execute_command: bool = False
    availability_zone_rebalancing: Literal["ENABLED", "DISABLED"] = "DISABLED"
    capacity_provider_strategy: Stored[tuple[CapacityProviderStrategyItem, ...]] = ()
    enable_ecs_managed_tags: Stored[bool] = False
    network_configuration: NetworkConfiguration | None = None
    platform_version: Stored[str | None] = None
    """Of Fargate; None: LATEST."""
    deployment_controller: Literal["ECS", "EXTERNAL"] = "ECS"
    """EXTERNAL: it has task sets instead of deployments."""
    task_set: TaskSet | None = None

    @property
    def balancers(self) -> tuple[LoadBalancer, ...]:
        """Return all that its tasks are registered with: public load balancers, and Service Connect's endpoints."""
        return (*self.load_balancers, *self.endpoints)

    @property
    def primary(self) -> Deployment | None:
        """The deployment that the caller asked for last, or the target of a roll-back."""
        return next((d for d in self.deployments if d.status == "PRIMARY"), None)


def dashed(digits: str) -> str:
    """Return 32 hexadecimal digits with the dashes of an event's id."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
