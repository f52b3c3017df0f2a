"""ecs.CreateService and UpdateService: count, placement, and how a deployment rolls. Pure."""

from culm.core.decide.incidents import ERRORS_TAG, NOTIFY_TAG
from culm.project.project import Project, Service
from culm.project.sizes import Roll
from culm.render.sleep import sleep_tags
from culm.render.surroundings import NO_ALIASES, Aliases, Input, Surroundings
from culm.render.task_definitions import inner_alias

START_FIRST, STOP_FIRST = (100, 200), (0, 100)
"""minimumHealthyPercent and maximumPercent."""
MOST_FAILURES = 2
"""Failed tasks that end the roll of a service with one task: once may be chance, twice is a loop."""
INSTANCES_TAG = "culm:instances"


def cluster_tags(surroundings: Surroundings) -> list[Input]:
    """Return the cluster's tags: they name its instances, which the local cluster then simulates.

    On the local target others name the secret with the URL that it tells of what goes wrong, and from which share of
    errors on.
    """
    tags = [{"key": INSTANCES_TAG, "value": surroundings.instances}]
    if surroundings.webhook is not None:
        tags.append({"key": NOTIFY_TAG, "value": surroundings.webhook})
    if surroundings.errors is not None:
        tags.append({"key": ERRORS_TAG, "value": str(surroundings.errors)})
    return tags


def service(
    project: Project,
    service: Service,
    task_definition_arn: str,
    target_group_arn: str | None,
    inner: Aliases = NO_ALIASES,
) -> Input:
    """Return ecs.CreateService, less how it rolls (`deployment_configuration`).

    No target group: it is behind no balancer.

    `inner`: `Surroundings.inner` of the target.
    """
    balancers = []
    if target_group_arn is not None:
        balancers = [{"targetGroupArn": target_group_arn, "containerName": service.name, "containerPort": service.port}]
    # ECS refuses a grace period where there is no load balancer
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
    grace = {"healthCheckGracePeriodSeconds": service.grace} if service.balanced else {}
    return {
        "cluster": project.name,
        "serviceName": service.name,
        "taskDefinition": task_definition_arn,
        "desiredCount": 0 if service.asleep else service.count,
        "launchType": "EC2",
        "schedulingStrategy": "REPLICA",
        "placementStrategy": [
            {"type": s.type, "field": s.field} if s.field else {"type": s.type} for s in project.placement
        ],
        **grace,
        "enableExecuteCommand": service.exec,
        # ECS turns this on by default; it moves tasks about and forbids maximumPercent 100
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html
        "availabilityZoneRebalancing": "DISABLED",
        "loadBalancers": balancers,
        **({"serviceConnectConfiguration": connect(service, inner)} if service.connected else {}),
        **({"tags": [{"key": k, "value": v} for k, v in tags.items()]} if (tags := sleep_tags(service)) else {}),
    }


def connect(service: Service, inner: Aliases) -> Input:
    """Return how it takes part in the calls between services, in the namespace that the cluster has by default."""
    if not service.called:
        return {"enabled": True, "services": []}
    _, port = inner_alias(service, inner)
    alias = {"port": port, "dnsName": service.name}
    endpoint = {"portName": service.name, "discoveryName": service.name, "clientAliases": [alias]}
    return {"enabled": True, "services": [endpoint]}


def percents(roll: Roll, *, start_first: bool) -> tuple[int, int]:
    """Return minimumHealthyPercent and maximumPercent; `start_first` decides for `roll: auto`."""
    if isinstance(roll, tuple):
        return roll
    return START_FIRST if roll == "start-first" or (roll == "auto" and start_first) else STOP_FIRST


def deployment_configuration(service: Service, *, start_first: bool, undoes: bool = False) -> Input:
    """Return how a service rolls.

    The breaker ends a roll that cannot succeed; `undoes`: and goes back, as no migration has run.

    AWS's own threshold, half of the desired count but three tasks at least, lets a single task fail for minutes.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    """
    minimum, maximum = percents(service.roll, start_first=start_first)
    breaker: Input = {"enable": True, "rollback": undoes}
    least = service.count if service.scaling is None else service.scaling.bounds.least
    if least <= 1:
        breaker["thresholdConfiguration"] = {"type": "COUNT", "value": MOST_FAILURES}
    return {"minimumHealthyPercent": minimum, "maximumPercent": maximum, "deploymentCircuitBreaker": breaker}
