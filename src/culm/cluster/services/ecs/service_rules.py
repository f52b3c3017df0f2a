"""What ECS refuses of a service, in its words.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
"""

import re
from collections.abc import Collection
from typing import Literal

from culm.cluster.services.ecs import awsvpc, placement_rules, strategies
from culm.cluster.store.elbv2 import target_groups
from culm.cluster.wire.operations import Call
from culm.core.decide.zones import is_spread
from culm.core.model.services import DeploymentConfiguration, LoadBalancer, Service
from culm.core.model.task_definitions import TaskDefinition
from culm.errors import AwsError

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
MOST_TARGET_GROUPS = 5
NO_DAEMON_COUNT = (
    "The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and"
    " try again"
)


def check(call: Call, service: Service, definition: TaskDefinition, *, kept: Collection[LoadBalancer] = ()) -> None:
    """Raise AwsError unless the service could run this revision.

    `kept`: the load balancers of what runs. They are not looked at again, so that a service can be scaled to none
    after its listener has gone.
    """
    if not NAME.fullmatch(service.service_name):
        raise _refused("Invalid service name.")
    if service.desired_count < 0:
        raise _refused("Desired count can not be negative.")
    awsvpc.check(call, definition, service.network_configuration, service.launch_type, service.platform_version)
    _check_percents(service)
    _check_placement(service)
    if len(service.load_balancers) > MOST_TARGET_GROUPS:
        raise _refused(f"load balancers can have at most {MOST_TARGET_GROUPS} items.")
    for balancer in service.load_balancers:
        if balancer not in kept:
            _check_load_balancer(call, balancer, definition)
    if service.health_check_grace_period_seconds and not service.load_balancers:
        raise _refused("Health check grace period is only valid for services configured to use load balancers")
    strategies.check(call, None, service.capacity_provider_strategy)


def check_controller(type: str) -> None:
    """Raise InvalidParameterException for CodeDeploy."""
    if type == "CODE_DEPLOY":
        raise _refused(f"culm does not support the deployment controller {type}")


def check_external(service: Service) -> None:
    """Raise InvalidParameterException for what a service says that its task sets have to say, and for daemons.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-external.html
    """
    if not NAME.fullmatch(service.service_name):
        raise _refused("Invalid service name.")
    if service.desired_count < 0:
        raise _refused("Desired count can not be negative.")
    if service.scheduling_strategy == "DAEMON":
        raise _refused("The daemon scheduling strategy does not support the EXTERNAL deployment controller.")
    _check_placement(service)
    configuration = service.deployment_configuration
    for what, given in (
        ("loadBalancers", service.load_balancers),
        ("networkConfiguration", service.network_configuration),
        ("serviceConnectConfiguration", service.service_connect_configuration),
        ("platformVersion", service.platform_version),
        ("deploymentCircuitBreaker", configuration.deployment_circuit_breaker),
        ("alarms", configuration.alarms),
    ):
        if given:
            raise _refused(
                f"{what} cannot be given for a service with the EXTERNAL deployment controller: task sets say it."
            )


_OF_EXTERNAL = {
    "desired_count",
    "placement_constraints",
    "placement_strategy",
    "health_check_grace_period_seconds",
    "enable_execute_command",
    "enable_ecs_managed_tags",
    "propagate_tags",
}


def check_external_update(given: Collection[str]) -> None:
    """Raise InvalidParameterException for members that a service with task sets cannot change."""
    if refused := sorted(set(given) - _OF_EXTERNAL):
        raise _refused(f"Cannot update {', '.join(refused)} on services with an EXTERNAL deployment controller.")


def desired_count(scheduling_strategy: Literal["REPLICA", "DAEMON"], given: int | None) -> int:
    """Return how many tasks a service wants: a REPLICA one says it, and a DAEMON one has a task on each instance."""
    if scheduling_strategy == "DAEMON":
        if given is not None:
            raise _refused(NO_DAEMON_COUNT)
        return 0
    if given is None:
        raise _refused("Desired count can not be blank for a REPLICA service.")
    return given


def default_configuration(scheduling_strategy: Literal["REPLICA", "DAEMON"]) -> DeploymentConfiguration:
    """Return the percentages of a service that names none: a DAEMON stops first, a REPLICA starts first."""
    if scheduling_strategy == "DAEMON":
        return DeploymentConfiguration(minimum_healthy_percent=0, maximum_percent=100)
    return DeploymentConfiguration()


def the_same(there: Service, asked: Service) -> Service:
    """Return the service that is there, if it is what CreateService asks for again."""
    if there.status == "DRAINING":
        raise _refused("Unable to Start a service that is still Draining.")
    same = (
        there.task_definition == asked.task_definition
        and there.desired_count == asked.desired_count
        and there.load_balancers == asked.load_balancers
        and there.service_connect_configuration == asked.service_connect_configuration
        and there.scheduling_strategy == asked.scheduling_strategy
    )
    if not same:
        raise _refused("Creation of service was not idempotent.")
    return there


def _check_percents(service: Service) -> None:
    configuration = service.deployment_configuration
    minimum, maximum = configuration.minimum_healthy_percent, configuration.maximum_percent
    if minimum < 0 or maximum <= 0 or minimum > maximum:
        raise _refused("minimumHealthyPercent must be between 0 and maximumPercent, and maximumPercent above 0.")
    if minimum == maximum == 100:
        raise _refused("Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.")
    if service.availability_zone_rebalancing == "ENABLED" and (why := not_rebalanced(service)) is not None:
        raise _refused(why)
    breaker = configuration.deployment_circuit_breaker
    if breaker and breaker.threshold_configuration.value < 1:
        raise _refused("The threshold of the deployment circuit breaker must be at least 1.")


def not_rebalanced(service: Service) -> str | None:
    """Return why ECS does not rebalance a service over its zones; None: it may.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html
    """
    if service.scheduling_strategy == "DAEMON":
        return "AvailabilityZoneRebalancing is not supported with a DAEMON scheduling strategy."
    if service.deployment_configuration.maximum_percent <= 100:
        return "AvailabilityZoneRebalancing needs a maximumPercent above 100."
    if not is_spread(service.placement_strategy):
        return "AvailabilityZoneRebalancing needs Availability Zone spread as the first placement strategy."
    return None


def _check_placement(service: Service) -> None:
    if service.scheduling_strategy == "DAEMON" and service.placement_strategy:
        raise _refused("Placement strategies are not supported with a DAEMON scheduling strategy.")
    if service.launch_type == "FARGATE":
        placement_rules.check_fargate(service.placement_constraints, service.placement_strategy)
        if service.scheduling_strategy == "DAEMON":
            raise _refused("The daemon scheduling strategy is not supported for the FARGATE launch type.")
    placement_rules.check(service.placement_constraints, service.placement_strategy)


def _check_load_balancer(call: Call, balancer: LoadBalancer, definition: TaskDefinition) -> None:
    if balancer.target_group_arn is None:
        raise _refused("culm does not support loadBalancerName: Classic Load Balancers are not there")
    container = next((c for c in definition.container_definitions if c.name == balancer.container_name), None)
    if container is None:
        raise _refused(f"The container {balancer.container_name} does not exist in the task definition.")
    if balancer.container_port not in [m.container_port for m in container.port_mappings]:
        raise _refused(
            f"The container {balancer.container_name} did not have a container port {balancer.container_port} defined."
        )
    group = target_groups.find(call.db, balancer.target_group_arn)
    if group is None:
        raise _refused(f"The specified target group does not exist: {balancer.target_group_arn}")
    if not target_groups.load_balancer_arns(call.db, balancer.target_group_arn):
        raise _refused(
            f"The target group with targetGroupArn {balancer.target_group_arn}"
            " does not have an associated load balancer."
        )
    if (group.target_type == "ip") != (definition.network_mode == "awsvpc"):
        raise _refused(
            f"The provided target group {balancer.target_group_arn} has target type {group.target_type}, which is"
            f" incompatible with the {definition.network_mode} network mode specified in the task definition."
        )


def _refused(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
