"""Services and their deployments: how many tasks of which revision are wanted, and how far the roll has come.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html
"""

from typing import Literal

from culm.model.record import record
from culm.model.task_definitions import PlacementConstraint, PlacementStrategy


@record
class LoadBalancer:
    target_group_arn: str | None = None
    load_balancer_name: str | None = None
    container_name: str = ""
    container_port: int = 0


@record
class DeploymentCircuitBreaker:
    enable: bool
    rollback: bool


@record
class DeploymentConfiguration:
    """AWS's defaults for REPLICA services."""

    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    deployment_circuit_breaker: DeploymentCircuitBreaker | None = None


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
    deployment_configuration: DeploymentConfiguration = DeploymentConfiguration()
    placement_constraints: tuple[PlacementConstraint, ...] = ()
    placement_strategy: tuple[PlacementStrategy, ...] = ()
    health_check_grace_period_seconds: int = 0
    deployments: tuple[Deployment, ...] = ()
    created_at: float = 0.0
