"""From a project to the inputs of AWS's operations: names, sizes, rules. Pure; one function an operation."""

from collections.abc import Mapping, Sequence, Set
from itertools import count
from typing import Any

from culm.manifest.project import Project, Service
from culm.manifest.sizes import Roll
from culm.model.record import record

Input = dict[str, Any]

START_FIRST, STOP_FIRST = (100, 200), (0, 100)
"""minimumHealthyPercent and maximumPercent."""
MOST_FAILURES = 2
"""Failed tasks that end the roll of a service with one task: once may be chance, twice is a loop."""
MIGRATION_LABEL = "io.culm.migration"
INSTANCES_TAG = "culm:instances"
HEALTH_SECONDS = 5
"""Between two probes: the least that an ALB takes. AWS's own default, 30, is most of a slow deploy."""
PROBE_TIMEOUT_SECONDS = 2
GOOD_PROBES = 2
DRAIN_SECONDS = 5
STOP_SECONDS = 30
"""From SIGTERM to SIGKILL, for a service that finishes its requests."""


@record
class Surroundings:
    """What the target tells: the same project renders differently only by these."""

    env: str
    """`MYENV`."""
    region: str
    account: str
    vault: str
    """The bucket with the configuration files."""
    vpc: str
    subnets: tuple[str, ...]
    port: int
    """The load balancer's HTTP port."""
    instances: str
    """`2 x t2.micro`."""
    drain_seconds: int = DRAIN_SECONDS


def family(project: Project, service: Service, *, migrate: bool = False) -> str:
    return f"{project.name}-{service.name}" + ("-migrate" if migrate else "")


def repository(project: Project, service: Service, *, migrate: bool = False) -> str:
    return f"{project.name}/{service.name}" + ("-migrate" if migrate else "")


def repositories(project: Project) -> list[str]:
    """Two a service, or one where there is nothing to migrate."""
    names = []
    for service in project.services.values():
        names.append(repository(project, service))
        if service.migration:
            names.append(repository(project, service, migrate=True))
    return names


def execution_role_name(project: str) -> str:
    """No service's role has a dot in its name."""
    return f"{project}.execution"


def log_group(project: Project, service: Service) -> str:
    return f"/culm/{project.name}/{service.name}"


def vault_bucket(project: str, account: str, region: str) -> str:
    """Of its own for each project: two may have a service of the same name."""
    return f"culm-{project}-{account}-{region}"


def task_definition(
    project: Project, service: Service, image: str, migration_image: str | None, around: Surroundings
) -> Input:
    """ecs.RegisterTaskDefinition for the service itself.

    It names the migration that goes before it: a revision that is live tells that its migration has succeeded.
    """
    container = container_definition(project, service, image, around, service.name) | {
        "portMappings": [{"containerPort": service.port, "hostPort": 0, "protocol": "tcp"}],
        "stopTimeout": STOP_SECONDS,
    }
    if migration_image:
        container["dockerLabels"] = {MIGRATION_LABEL: migration_image.rpartition("@")[2]}
    return definition(project, service, family(project, service), container, around)


def migration(project: Project, service: Service, image: str, around: Surroundings) -> Input:
    """ecs.RegisterTaskDefinition for its migration: a one-time task, never a service."""
    container = container_definition(project, service, image, around, "migrate")
    return definition(project, service, family(project, service, migrate=True), container, around)


def container_definition(
    project: Project, service: Service, image: str, around: Surroundings, log_prefix: str
) -> Input:
    return {
        "name": service.name,
        "image": image,
        "essential": True,
        "memory": service.memory,
        "cpu": service.cpu,
        "environment": [
            {"name": "MYENV", "value": around.env},
            {"name": "VAULT", "value": f"s3://{around.vault}"},
        ],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log_group(project, service),
                "awslogs-region": around.region,
                "awslogs-stream-prefix": log_prefix,
            },
        },
    }


def definition(project: Project, service: Service, family_name: str, container: Input, around: Surroundings) -> Input:
    return {
        "family": family_name,
        "taskRoleArn": f"arn:aws:iam::{around.account}:role/{family(project, service)}",
        "executionRoleArn": f"arn:aws:iam::{around.account}:role/{execution_role_name(project.name)}",
        "networkMode": "bridge",
        "requiresCompatibilities": ["EC2"],
        "containerDefinitions": [container],
    }


def cluster_tags(around: Surroundings) -> list[Input]:
    """What the cluster's instances are: the local cluster makes them so, for Amazon it is a note."""
    return [{"key": INSTANCES_TAG, "value": around.instances}]


def load_balancer(project: Project, around: Surroundings) -> Input:
    """elbv2.CreateLoadBalancer."""
    return {
        "Name": project.name,
        "Type": "application",
        "Scheme": "internet-facing",
        "Subnets": list(around.subnets),
    }


def listener(load_balancer_arn: str, around: Surroundings) -> Input:
    """elbv2.CreateListener: what no rule takes is nobody's."""
    return {
        "LoadBalancerArn": load_balancer_arn,
        "Protocol": "HTTP",
        "Port": around.port,
        "DefaultActions": [
            {
                "Type": "fixed-response",
                "FixedResponseConfig": {
                    "StatusCode": "404",
                    "ContentType": "text/plain",
                    "MessageBody": "no service has this path\n",
                },
            }
        ],
    }


def target_group(project: Project, service: Service, around: Surroundings) -> Input:
    """elbv2.CreateTargetGroup. Instances are the targets: a task is reached at its instance, on a port of its own."""
    return {
        "Name": family(project, service),
        "Protocol": "HTTP",
        "Port": service.port,
        "VpcId": around.vpc,
        "TargetType": "instance",
        **health_check(service),
    }


def health_check(service: Service) -> Input:
    """The part of a target group that can be changed later: elbv2.ModifyTargetGroup."""
    return {
        "HealthCheckPath": service.health,
        "HealthCheckIntervalSeconds": HEALTH_SECONDS,
        "HealthCheckTimeoutSeconds": PROBE_TIMEOUT_SECONDS,
        "HealthyThresholdCount": GOOD_PROBES,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200-299"},
    }


def target_group_attributes(around: Surroundings) -> Mapping[str, str]:
    return {"deregistration_delay.timeout_seconds": str(around.drain_seconds)}


def rule(service: Service, listener_arn: str, target_group_arn: str, priority: int) -> Input:
    """elbv2.CreateRule."""
    return {
        "ListenerArn": listener_arn,
        "Priority": priority,
        "Conditions": conditions(service),
        "Actions": [{"Type": "forward", "TargetGroupArn": target_group_arn}],
    }


def entrances(service: Service) -> list[str]:
    """Where people begin: each path up to its first wildcard."""
    return [path.split("*")[0].split("?")[0] for path in service.paths]


def conditions(service: Service) -> list[Input]:
    return [{"Field": "path-pattern", "PathPatternConfig": {"Values": list(service.paths)}}]


def routes(rule: Mapping[str, Any], service: Service) -> bool:
    """Whether a rule, as AWS describes it, takes the service's paths: these, no others, and on no other condition."""
    return len(rule["Conditions"]) == 1 and sorted(paths_of(rule)) == sorted(service.paths)


def paths_of(rule: Mapping[str, Any]) -> list[str]:
    """What its path conditions match, in whichever of the two forms AWS describes them."""
    return [
        value
        for c in rule["Conditions"]
        if c["Field"] == "path-pattern"
        for value in (c.get("PathPatternConfig") or {}).get("Values") or c.get("Values", ())
    ]


def by_specificity(services: Mapping[str, Service]) -> list[str]:
    """Service names in the order in which their rules must be tried: the longer fixed beginning first."""

    def fixed(service: Service) -> int:
        return max(min((p + c).index(c) for c in "*?") for p in service.paths)

    return sorted(services, key=lambda name: (-fixed(services[name]), name))


def priorities(wanted: Sequence[str], live: Mapping[str, int], taken: Set[int] = frozenset()) -> dict[str, int]:
    """A priority for each name, in the wanted order; live ones stay where they are if the order allows it.

    None is one of `taken`: those are other people's rules, and two rules of a listener cannot have the same.
    """
    kept = {name: live[name] for name in wanted if name in live}
    order = list(kept.values())
    if order != sorted(set(order)):
        return tens(wanted, taken)
    given: dict[str, int] = {}
    before = 0
    for index, name in enumerate(wanted):
        if name not in kept:
            following = next((kept[later] for later in wanted[index + 1 :] if later in kept), before + 20 + len(taken))
            ideal = min(before + 10, (before + following) // 2)
            free = [number for number in range(before + 1, following) if number not in taken]
            if not free:
                return tens(wanted, taken)
            kept[name] = min(free, key=lambda number: abs(number - ideal))
        given[name] = before = kept[name]
    return given


def tens(wanted: Sequence[str], taken: Set[int]) -> dict[str, int]:
    """10, 20, 30, ... for the names, less those that are taken."""
    free = (number for number in count(10, 10) if number not in taken)
    return dict(zip(wanted, free, strict=False))


def service(project: Project, one: Service, task_definition_arn: str, target_group_arn: str) -> Input:
    """ecs.CreateService, less how it rolls (`deployment_configuration`)."""
    return {
        "cluster": project.name,
        "serviceName": one.name,
        "taskDefinition": task_definition_arn,
        "desiredCount": one.count,
        "launchType": "EC2",
        "schedulingStrategy": "REPLICA",
        "placementStrategy": [
            {"type": s.type, "field": s.field} if s.field else {"type": s.type} for s in project.placement
        ],
        "healthCheckGracePeriodSeconds": one.grace,
        "enableExecuteCommand": one.exec,
        # ECS turns this on by default; it moves tasks about and forbids maximumPercent 100
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html
        "availabilityZoneRebalancing": "DISABLED",
        "loadBalancers": [{"targetGroupArn": target_group_arn, "containerName": one.name, "containerPort": one.port}],
    }


def percents(roll: Roll, *, start_first: bool) -> tuple[int, int]:
    """minimumHealthyPercent and maximumPercent; `start_first` decides for `auto`."""
    if isinstance(roll, tuple):
        return roll
    return START_FIRST if roll == "start-first" or (roll == "auto" and start_first) else STOP_FIRST


def deployment_configuration(service: Service, *, start_first: bool, undoes: bool = False) -> Input:
    """How it rolls. The breaker ends a roll that cannot succeed; `undoes`: and goes back, as no migration has run.

    AWS's own threshold, half of the desired count but three tasks at least, lets a single task fail for minutes.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    """
    minimum, maximum = percents(service.roll, start_first=start_first)
    breaker: Input = {"enable": True, "rollback": undoes}
    if service.count <= 1:
        breaker["thresholdConfiguration"] = {"type": "COUNT", "value": MOST_FAILURES}
    return {"minimumHealthyPercent": minimum, "maximumPercent": maximum, "deploymentCircuitBreaker": breaker}
