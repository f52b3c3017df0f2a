"""Services: so many tasks of a task definition, kept running.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html
"""

from dataclasses import replace
from typing import Any, Literal

from culm.cluster.services.ecs import awsvpc, service_connect, service_rules, strategies
from culm.cluster.services.ecs.references import (
    cluster_arn,
    find_cluster,
    find_service,
    find_task_definition,
    new_deployment_id,
    service_arn,
    usable_task_definition,
)
from culm.cluster.services.ecs.service_views import view
from culm.cluster.services.ecs.tasks import check_launch_type
from culm.cluster.store.ecs import services, tags
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.deployments import begin
from culm.core.model.arn import arn, last
from culm.core.model.record import Stored, record
from culm.core.model.services import (
    CapacityProviderStrategyItem,
    DeploymentAlarms,
    DeploymentCircuitBreaker,
    DeploymentConfiguration,
    LoadBalancer,
    NetworkConfiguration,
    Service,
    ServiceConnectConfiguration,
)
from culm.core.model.task_definitions import PlacementConstraint, PlacementStrategy, Tag, TaskDefinition
from culm.errors import AwsError


@record
class DeploymentController:
    type: Literal["ECS", "CODE_DEPLOY", "EXTERNAL"]


@record
class DeploymentConfigurationInput:
    """None: AWS's default when created, as it was when updated."""

    minimum_healthy_percent: int | None = None
    maximum_percent: int | None = None
    deployment_circuit_breaker: DeploymentCircuitBreaker | None = None
    alarms: DeploymentAlarms | None = None
    strategy: Literal["ROLLING"] = "ROLLING"


@record
class CreateServiceInput:
    service_name: str
    cluster: str | None = None
    task_definition: str | None = None
    desired_count: int | None = None
    availability_zone_rebalancing: Literal["ENABLED", "DISABLED"] | None = None
    """None: ENABLED, if it suits the service."""
    load_balancers: tuple[LoadBalancer, ...] = ()
    client_token: Stored[str | None] = None
    launch_type: Literal["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"] | None = None
    capacity_provider_strategy: Stored[tuple[CapacityProviderStrategyItem, ...]] = ()
    role: Stored[str | None] = None
    deployment_configuration: DeploymentConfigurationInput = DeploymentConfigurationInput()
    placement_constraints: tuple[PlacementConstraint, ...] = ()
    placement_strategy: tuple[PlacementStrategy, ...] = ()
    health_check_grace_period_seconds: int | None = None
    scheduling_strategy: Literal["REPLICA", "DAEMON"] = "REPLICA"
    deployment_controller: DeploymentController = DeploymentController(type="ECS")
    tags: Stored[tuple[Tag, ...]] = ()
    enable_ecs_managed_tags: Stored[bool] = False
    propagate_tags: Literal["TASK_DEFINITION", "SERVICE", "NONE"] = "NONE"
    enable_execute_command: bool = False
    service_connect_configuration: ServiceConnectConfiguration | None = None
    network_configuration: NetworkConfiguration | None = None
    platform_version: str | None = None


@operation("ecs", "CreateService", wakes=True)
def create_service(call: Call, req: CreateServiceInput) -> dict[str, Any]:
    """Record what the caller wants; the reconciler makes it so."""
    cluster = find_cluster(call, req.cluster)
    check_launch_type(req.launch_type)
    service_rules.check_controller(req.deployment_controller.type)
    external = req.deployment_controller.type == "EXTERNAL"
    if req.task_definition is None and not external:
        raise AwsError("InvalidParameterException", "TaskDefinition can not be blank.")
    definition = usable_task_definition(call, req.task_definition) if req.task_definition is not None else None
    strategy = strategies.effective(cluster, req.launch_type, req.capacity_provider_strategy)
    service = Service(
        service_arn=service_arn(call, cluster.name, req.service_name),
        service_name=req.service_name,
        cluster_arn=cluster_arn(call, cluster.name),
        task_definition=definition.task_definition_arn if definition else "",
        desired_count=service_rules.desired_count(req.scheduling_strategy, req.desired_count),
        scheduling_strategy=req.scheduling_strategy,
        load_balancers=req.load_balancers,
        deployment_configuration=_configuration(
            req.deployment_configuration, service_rules.default_configuration(req.scheduling_strategy)
        ),
        placement_constraints=req.placement_constraints,
        placement_strategy=req.placement_strategy,
        health_check_grace_period_seconds=req.health_check_grace_period_seconds or 0,
        created_at=call.now,
        launch_type=awsvpc.launch_type_of(req.launch_type, strategy),
        role_arn=_role(call, req),
        created_by=arn("iam", "", call.account, "root"),
        propagate_tags=req.propagate_tags,
        enable_execute_command=req.enable_execute_command,
        availability_zone_rebalancing=req.availability_zone_rebalancing or "DISABLED",
        capacity_provider_strategy=strategy,
        enable_ecs_managed_tags=req.enable_ecs_managed_tags,
        service_connect_configuration=req.service_connect_configuration,
        network_configuration=req.network_configuration,
        platform_version=req.platform_version,
        deployment_controller="EXTERNAL" if external else "ECS",
    )
    if external:
        service_rules.check_external(service)
    if definition is not None and not external:
        service = service_connect.taking_part(call, cluster, service, definition)
    if req.availability_zone_rebalancing is None and service_rules.not_rebalanced(service) is None:
        service = replace(service, availability_zone_rebalancing="ENABLED")
    if definition is not None and not external:
        service_rules.check(call, service, definition)
    if (there := services.find(call.db, service.service_arn)) is not None and there.status != "INACTIVE":
        return {"service": view(call, service_rules.the_same(there, service))}

    made = service if external else begin(service, new_deployment_id(call), service.task_definition, call.now)
    services.create(call.db, made)
    service_connect.carry(call, made)
    tags.clear(call.db, service.service_arn)
    tags.put(call.db, service.service_arn, req.tags)
    return {"service": view(call, made, with_tags=True)}


@record
class UpdateServiceInput:
    service: str
    cluster: str | None = None
    desired_count: int | None = None
    task_definition: str | None = None
    capacity_provider_strategy: Stored[tuple[CapacityProviderStrategyItem, ...] | None] = None
    deployment_configuration: DeploymentConfigurationInput = DeploymentConfigurationInput()
    availability_zone_rebalancing: Literal["ENABLED", "DISABLED"] | None = None
    placement_constraints: tuple[PlacementConstraint, ...] | None = None
    placement_strategy: tuple[PlacementStrategy, ...] | None = None
    force_new_deployment: bool = False
    health_check_grace_period_seconds: int | None = None
    deployment_controller: DeploymentController = DeploymentController(type="ECS")
    enable_execute_command: bool | None = None
    enable_ecs_managed_tags: Stored[bool | None] = None
    load_balancers: tuple[LoadBalancer, ...] | None = None
    propagate_tags: Literal["TASK_DEFINITION", "SERVICE", "NONE"] | None = None
    service_connect_configuration: ServiceConnectConfiguration | None = None
    network_configuration: NetworkConfiguration | None = None
    platform_version: str | None = None


_KEPT_UNLESS_GIVEN = (
    "capacity_provider_strategy",
    "availability_zone_rebalancing",
    "placement_constraints",
    "placement_strategy",
    "health_check_grace_period_seconds",
    "enable_execute_command",
    "enable_ecs_managed_tags",
    "load_balancers",
    "propagate_tags",
    "service_connect_configuration",
    "network_configuration",
    "platform_version",
    "desired_count",
)


_BEGINS_A_DEPLOYMENT = (
    "service_connect_configuration",
    "network_configuration",
    "platform_version",
    "capacity_provider_strategy",
)


@operation("ecs", "UpdateService", wakes=True)
def update_service(call: Call, req: UpdateServiceInput) -> dict[str, Any]:
    """Record what the caller wants now; a new revision, other load balancers or force begin a new deployment."""
    before = _active(call, req.cluster, req.service)
    service_rules.check_controller(req.deployment_controller.type)
    given = {name: value for name in _KEPT_UNLESS_GIVEN if (value := getattr(req, name)) is not None}
    if "desired_count" in given and before.scheduling_strategy == "DAEMON":
        raise AwsError("InvalidParameterException", service_rules.NO_DAEMON_COUNT)
    if before.deployment_controller == "EXTERNAL":
        begun = {"task_definition": req.task_definition, "force_new_deployment": req.force_new_deployment}
        service_rules.check_external_update({*given, *(name for name, value in begun.items() if value)})
        services.save_wish(call.db, replace(before, **given))
        return {"service": view(call, _found(call, before.service_arn))}
    service = replace(
        before,
        deployment_configuration=_configuration(req.deployment_configuration, before.deployment_configuration),
        **given,
    )
    if req.capacity_provider_strategy:
        service = replace(service, launch_type=awsvpc.launch_type_of(None, req.capacity_provider_strategy))
    definition = _definition(call, req.task_definition, before)
    service = service_connect.taking_part(call, find_cluster(call, req.cluster), service, definition)
    same = definition.task_definition_arn == before.task_definition and not req.force_new_deployment
    service_rules.check(call, service, definition, kept=before.load_balancers if same else ())
    if (
        definition.task_definition_arn != before.task_definition
        or service.balancers != before.balancers
        or any(getattr(service, name) != getattr(before, name) for name in _BEGINS_A_DEPLOYMENT)
        or req.force_new_deployment
    ):
        service = begin(service, new_deployment_id(call), definition.task_definition_arn, call.now)
    services.save_wish(call.db, service)
    service_connect.carry(call, service)
    return {"service": view(call, _found(call, service.service_arn))}


@record
class DeleteServiceInput:
    service: str
    cluster: str | None = None
    force: bool = False


@operation("ecs", "DeleteService", wakes=True)
def delete_service(call: Call, req: DeleteServiceInput) -> dict[str, Any]:
    """Make a service DRAINING until its last task has stopped, then INACTIVE."""
    service = _existing(call, req.cluster, req.service)
    if service.status == "ACTIVE":
        if service.scheduling_strategy == "REPLICA" and service.desired_count > 0 and not req.force:
            raise AwsError("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
        for each in (service, *services.task_sets(call.db, service.service_arn)):
            services.delete(call.db, each.service_arn, call.now)
        service_connect.forget(call, service)
    return {"service": view(call, _found(call, service.service_arn))}


@record
class DescribeServicesInput:
    services: tuple[str, ...]
    cluster: str | None = None
    include: tuple[str, ...] = ()


@operation("ecs", "DescribeServices")
def describe_services(call: Call, req: DescribeServicesInput) -> dict[str, Any]:
    """Return up to 10 services; unknown ones are in `failures`.

    Raises InvalidParameterException for none and for more.
    """
    cluster = find_cluster(call, req.cluster)
    if not req.services:
        raise AwsError("InvalidParameterException", "Services cannot be empty.")
    if len(req.services) > 10:
        raise AwsError("InvalidParameterException", "Services cannot be more than 10.")
    matching, failures = [], []
    for reference in req.services:
        service = find_service(call, cluster, reference)
        if service is None:
            failures.append({"arn": service_arn(call, cluster.name, last(reference)), "reason": "MISSING"})
        else:
            matching.append(view(call, service, with_tags="TAGS" in req.include))
    return {"services": matching, "failures": failures}


@record
class ListServicesInput:
    cluster: str | None = None
    launch_type: str | None = None
    scheduling_strategy: str | None = None


@operation("ecs", "ListServices")
def list_services(call: Call, req: ListServicesInput) -> dict[str, Any]:
    cluster = find_cluster(call, req.cluster)
    return {"service_arns": services.arns(call.db, cluster.name, req.launch_type, req.scheduling_strategy)}


def _existing(call: Call, cluster: str | None, reference: str) -> Service:
    service = find_service(call, find_cluster(call, cluster), reference)
    if service is None or service.status == "INACTIVE":
        raise AwsError("ServiceNotFoundException", "Service not found.")
    return service


def _active(call: Call, cluster: str | None, reference: str) -> Service:
    service = find_service(call, find_cluster(call, cluster), reference)
    if service is None:
        raise AwsError("ServiceNotFoundException", "Service not found.")
    if service.status != "ACTIVE":
        raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
    return service


def _found(call: Call, arn: str) -> Service:
    service = services.find(call.db, arn)
    assert service is not None, arn
    return service


def _definition(call: Call, reference: str | None, service: Service) -> TaskDefinition:
    """A service may keep, and scale, a revision that is no longer ACTIVE."""
    if reference is not None:
        return usable_task_definition(call, reference)
    definition = find_task_definition(call, service.task_definition)
    assert definition is not None, service.task_definition
    return definition


def _configuration(given: DeploymentConfigurationInput, otherwise: DeploymentConfiguration) -> DeploymentConfiguration:
    minimum, maximum = given.minimum_healthy_percent, given.maximum_percent
    return DeploymentConfiguration(
        minimum_healthy_percent=otherwise.minimum_healthy_percent if minimum is None else minimum,
        maximum_percent=otherwise.maximum_percent if maximum is None else maximum,
        deployment_circuit_breaker=given.deployment_circuit_breaker or otherwise.deployment_circuit_breaker,
        alarms=given.alarms or otherwise.alarms,
    )


def _role(call: Call, req: CreateServiceInput) -> str | None:
    if not req.load_balancers:
        return None
    linked = "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    return req.role or arn("iam", "", call.account, linked)
