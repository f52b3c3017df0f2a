"""What services stand on: every call that `up` would make for it, and what nobody has written down. Pure."""

import json
from collections.abc import Iterator
from typing import Any

from culm import render
from culm.operate.drift.live import LiveState
from culm.operate.drift.rows import Row, fields, leftover, members, missing
from culm.plan import diff
from culm.plan.calls import Call
from culm.plan.observed import Observed
from culm.project.previews import preview_of
from culm.project.project import Project, TargetSettings
from culm.render import identity

DEFAULTS = {
    "slow_start.duration_seconds": "0",
    "stickiness.enabled": "false",
    "load_balancing.algorithm.type": "round_robin",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
}
"""Of a target group's attributes that culm does not set.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
"""
FIXED = ("Protocol", "VpcId", "TargetType")
"""What a target group cannot change any more."""


def base(project: Project, settings: TargetSettings, observation: LiveState) -> Iterator[Row]:
    """Yield what differs of what services stand on, and what is there that culm.yml does not name."""
    live, surroundings = observation.survey.observed, observation.survey.surroundings
    for change in diff.base(project, live, surroundings):
        yield from called(change, live)
    yield from databases(project, settings, live)
    yield from roles(project, observation)
    yield from groups(project, observation)
    known = set(render.repositories(project))
    yield from (leftover(f"repository {name}") for name in sorted(set(live.repositories) - known))
    known = {render.log_group(project, service) for service in project.everything.values()}
    yield from (leftover(f"log group {name}") for name in sorted(live.log_groups - known) if preview_of(name) is None)
    yield from listener(observation)


def called(change: Call, live: Observed) -> list[Row]:
    """Return what a call of `up` would change back."""
    given = change.input
    match change.operation:
        case "tag_resource":
            now = {tag["key"]: tag["value"] for tag in (live.cluster or {}).get("tags", ())}
            wanted = {tag["key"]: tag["value"] for tag in given["tags"]}
            return members(f"cluster {(live.cluster or {}).get('clusterName', '')}".rstrip(), wanted, now, "culm.yml")
        case "modify_listener":
            return members("listener", {"Port": given["Port"]}, live.listener or {}, "culm.yml")
        case "put_role_policy":
            name = given["RoleName"]
            return fields(f"role {name}", json.loads(given["PolicyDocument"]), live.roles[name], "culm.yml")
        case "modify_target_group":
            name, group = group_of(given, live)
            wanted = {key: value for key, value in given.items() if key != "TargetGroupArn"}
            return members(f"target group {name}", wanted, group, "culm.yml")
        case "modify_target_group_attributes":
            name, _ = group_of(given, live)
            wanted = {pair["Key"]: pair["Value"] for pair in given["Attributes"]}
            return members(f"target group {name}", wanted, live.attributes.get(name, {}), "culm.yml")
        case "set_rule_priorities":
            wanted = {move["RuleArn"]: move["Priority"] for move in given["RulePriorities"]}
            return [
                Row(
                    what=f"rule of {name}",
                    field="Priority",
                    wanted=str(wanted[rule["RuleArn"]]),
                    live=str(rule["Priority"]),
                    wins="culm.yml",
                )
                for name, rule in live.rules.items()
                if rule["RuleArn"] in wanted
            ]
        case _ if change.what.startswith("create "):
            return [missing(change.what.removeprefix("create "))]
        case _:
            return [missing(change.what)]


def group_of(given: Any, live: Observed) -> tuple[str, Any]:
    """Return the name and the description of the target group that an input names."""
    arn = given["TargetGroupArn"]
    return next((name, group) for name, group in live.target_groups.items() if group["TargetGroupArn"] == arn)


def databases(project: Project, settings: TargetSettings, live: Observed) -> Iterator[Row]:
    """Yield the database servers that are missing; on Amazon those without `rds` or `elasticache` are not ours."""
    for name in project.databases:
        identifier = f"{project.name}-{name}"
        wanted = project.users(name) and (settings.provider == "local" or project.made_on_aws(name))
        if wanted and identifier not in {**live.databases, **live.caches}:
            yield missing(f"database server {identifier}")


def roles(project: Project, observation: LiveState) -> Iterator[Row]:
    """Return what was added by hand to tasks' roles and ECS's own."""
    policies = {identity.role_name(project, service): identity.POLICY for service in project.everything.values()}
    policies[render.execution_role_name(project)] = identity.EXECUTION_POLICY
    trust = identity.trust(observation.survey.surroundings)
    for name, policy in policies.items():
        if (role := observation.roles.get(name)) is None:
            continue
        yield from fields(f"role {name}", {"trust": trust}, {"trust": role.trust}, "live")
        yield from (leftover(f"role {name}", f"its policy {p}") for p in sorted(role.inline - {policy}))
        yield from (leftover(f"role {name}", f"attached {arn}") for arn in sorted(role.attached))


def groups(project: Project, observation: LiveState) -> Iterator[Row]:
    """Yield what differs of target groups: health checks and attributes.

    A group whose service is not balanced any more is left over.
    """
    live = observation.survey.observed
    for service in project.services.values():
        name = render.group_name(project, service)
        if not service.balanced:
            if name in live.target_groups:
                yield leftover(f"target group {name}")
            continue
        if (group := live.target_groups.get(name)) is None:
            continue
        wanted = render.target_group(project, service, observation.survey.surroundings)
        yield from members(f"target group {name}", {key: wanted[key] for key in FIXED}, group, "live")
        attributes = live.attributes.get(name, {})
        untouched = {key: value for key, value in DEFAULTS.items() if key in attributes}
        yield from members(f"target group {name}", untouched, attributes, "live")
    ours = {group["TargetGroupArn"] for group in live.target_groups.values()}
    for group in observation.attached_groups:
        name = group["TargetGroupName"]
        if group["TargetGroupArn"] not in ours and preview_of(name) is None and name != render.wake_group(project):
            yield leftover(f"target group {name}")


def listener(observation: LiveState) -> Iterator[Row]:
    """Compare the answer to requests that no rule takes; `up` sets it only when it makes the listener."""
    if (live := observation.survey.observed.listener) is None:
        return
    wanted = render.listener("", observation.survey.surroundings)
    yield from members("listener", {"DefaultActions": wanted["DefaultActions"]}, live, "live")
