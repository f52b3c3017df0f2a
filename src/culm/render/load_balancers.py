"""Inputs for the load balancer: listener, target groups, health checks, path rules and their order. Pure."""

import re
from collections.abc import Mapping, Sequence, Set
from itertools import count
from typing import Any

from culm.project.project import Project, Service
from culm.render.names import group_name
from culm.render.surroundings import Input, Surroundings


def load_balancer(project: Project, surroundings: Surroundings) -> Input:
    """Return the input of elbv2.CreateLoadBalancer."""
    return {
        "Name": project.name,
        "Type": "application",
        "Scheme": "internet-facing",
        "Subnets": list(surroundings.subnets),
    }


def listener(load_balancer_arn: str, surroundings: Surroundings) -> Input:
    """Return the input of elbv2.CreateListener: requests that no rule takes get 404."""
    return {
        "LoadBalancerArn": load_balancer_arn,
        "Protocol": "HTTP",
        "Port": surroundings.port,
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


def target_group(project: Project, service: Service, surroundings: Surroundings) -> Input:
    """Return elbv2.CreateTargetGroup.

    Instances are the targets: a task is reached at its instance, on a port of its own.
    """
    return {
        "Name": group_name(project, service),
        "Protocol": "HTTP",
        "Port": service.port,
        "VpcId": surroundings.vpc,
        "TargetType": "instance",
        **health_check(service),
    }


def health_check(service: Service) -> Input:
    """Return the part of a target group that can be changed later: elbv2.ModifyTargetGroup."""
    check = service.check
    return {
        "HealthCheckPath": check.path,
        "HealthCheckIntervalSeconds": check.interval,
        "HealthCheckTimeoutSeconds": check.timeout,
        "HealthyThresholdCount": check.healthy,
        "UnhealthyThresholdCount": check.unhealthy,
        "Matcher": {"HttpCode": check.codes},
    }


def target_group_attributes(service: Service, surroundings: Surroundings) -> Mapping[str, str]:
    """Return how long a target drains: the service's `drain`, else the target's, else its stop time."""
    default = service.container.stop if surroundings.drain_seconds is None else surroundings.drain_seconds
    seconds = service.drain if service.drain is not None else default
    return {"deregistration_delay.timeout_seconds": str(seconds)}


def rule(service: Service, listener_arn: str, target_group_arn: str, priority: int) -> Input:
    """Return the input of elbv2.CreateRule."""
    changed = {"Transforms": moved} if (moved := transforms(service)) else {}
    return {
        "ListenerArn": listener_arn,
        "Priority": priority,
        "Conditions": conditions(service),
        "Actions": [{"Type": "forward", "TargetGroupArn": target_group_arn}],
        **changed,
    }


def entrances(service: Service) -> list[str]:
    """Return the addresses to open: each path up to its first wildcard."""
    return [path.split("*")[0].split("?")[0] for path in service.paths]


def conditions(service: Service) -> list[Input]:
    """Return a rule's conditions: all must hold, each by any of its values."""
    routing = service.routing
    hosts = [{"Field": "host-header", "HostHeaderConfig": {"Values": list(routing.hosts)}}] if routing.hosts else []
    headers = [
        {
            "Field": "http-header",
            "HttpHeaderConfig": {"HttpHeaderName": name, "Values": [value] if isinstance(value, str) else list(value)},
        }
        for name, value in routing.headers.items()
    ]
    return [{"Field": "path-pattern", "PathPatternConfig": {"Values": list(service.patterns)}}, *hosts, *headers]


def transforms(service: Service) -> list[Input]:
    """Return what makes `/a?b` of `/x/a?b` before the load balancer hands it over, for `strip: true`.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-transforms.html
    """
    if not service.routing.strip:
        return []
    [path] = service.paths
    rewrite = {"Regex": f"^{re.escape(path[:-2])}/?(.*)$", "Replace": "/$1"}
    return [{"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [rewrite]}}]


def routes(rule: Mapping[str, Any], service: Service) -> bool:
    """Return whether a rule, as AWS describes it, takes just the service's requests and rewrites them as it wants."""
    same = sorted(map(condition, rule["Conditions"])) == sorted(map(condition, conditions(service)))
    return same and rewrites(rule.get("Transforms") or ()) == rewrites(transforms(service))


def condition(described: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    """Return field, header's name and values of a condition, in whichever of the two forms AWS describes it."""
    config: Mapping[str, Any] = next((v for key, v in described.items() if key.endswith("Config") and v), {})
    values = config.get("Values") or described.get("Values") or ()
    return described["Field"], config.get("HttpHeaderName", "").lower(), tuple(sorted(map(str, values)))


def rewrites(described: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Return type, regular expression and replacement of each of a rule's transforms."""
    return [
        (each["Type"], rewrite["Regex"], rewrite["Replace"])
        for each in described
        for config in (each.get("UrlRewriteConfig"), each.get("HostHeaderRewriteConfig"))
        if config
        for rewrite in config.get("Rewrites", ())
    ]


def paths_of(rule: Mapping[str, Any]) -> list[str]:
    """Return what its path conditions match, in whichever of the two forms AWS describes them."""
    return [
        value
        for c in rule["Conditions"]
        if c["Field"] == "path-pattern"
        for value in (c.get("PathPatternConfig") or {}).get("Values") or c.get("Values", ())
    ]


def by_specificity(services: Mapping[str, Service]) -> list[str]:
    """Return names of the balanced services in the order in which their rules must be tried.

    Those for certain hosts before those for any, as a web server chooses; then the longer fixed beginning, and of
    equal ones that with more headers.
    """

    def order(service: Service) -> tuple[bool, int, int, str]:
        fixed = max(min((path + mark).index(mark) for mark in "*?") for path in service.paths)
        return not service.routing.hosts, -fixed, -len(service.routing.headers), service.name

    return [service.name for service in sorted((s for s in services.values() if s.balanced), key=order)]


def priorities(
    wanted: Sequence[str], live: Mapping[str, int], taken: Set[int] = frozenset(), first: int = 0
) -> dict[str, int]:
    """Return a priority for each name, in this order; existing ones stay if the order allows it.

    None is one of `taken`: those are other people's rules, and two rules of a listener cannot have the same. None is
    less than `first`.
    """
    kept = {name: live[name] for name in wanted if name in live}
    order = list(kept.values())
    if order != sorted(set(order)):
        return tens(wanted, taken, first)
    given: dict[str, int] = {}
    before = first
    for index, name in enumerate(wanted):
        if name not in kept:
            following = next((kept[later] for later in wanted[index + 1 :] if later in kept), before + 20 + len(taken))
            ideal = min(before + 10, (before + following) // 2)
            free = [number for number in range(before + 1, following) if number not in taken]
            if not free:
                return tens(wanted, taken, first)
            kept[name] = min(free, key=lambda number: abs(number - ideal))
        given[name] = before = kept[name]
    return given


def tens(wanted: Sequence[str], taken: Set[int], first: int = 0) -> dict[str, int]:
    """Return 10, 20, 30, ... for the names, or what follows `first`, without those that are taken."""
    free = (number for number in count(first + 10, 10) if number not in taken)
    return dict(zip(wanted, free, strict=False))
