"""The load balancer's inputs: listener, target groups, health checks, path rules and their order. Pure."""

from collections.abc import Mapping, Sequence, Set
from itertools import count
from typing import Any

from culm.project.project import Project, Service
from culm.render.names import family
from culm.render.surroundings import Input, Surroundings

HEALTH_SECONDS = 5
"""Between two probes: the least that an ALB takes. AWS's own default, 30, is most of a slow deploy."""
PROBE_TIMEOUT_SECONDS = 2
GOOD_PROBES = 2


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
