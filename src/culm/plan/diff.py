"""What is there against the rendered project: what would have to be called, and why. Pure; empty when all is there."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from culm import render
from culm.errors import Differs
from culm.plan.calls import Call
from culm.plan.observed import Described, Observed
from culm.project.previews import FIRST_SHARED_PRIORITY, preview_of
from culm.project.project import Project, Service
from culm.render import identity, jobs


def base(project: Project, live: Observed, surroundings: render.Surroundings) -> list[Call]:
    """Return the calls that make what services stand on, as far as they can be made now.

    Ask again when these are done, until there are none.
    """
    changes: list[Call] = []

    def add(what: str, client: str, operation: str, **given: Any) -> None:
        changes.append(Call(what=what, client=client, operation=operation, input=given))

    tags = render.cluster_tags(surroundings)
    if project.preview is not None:
        refuse_alone(project, live)
    elif live.cluster is None:
        add(f"create cluster {project.name}", "ecs", "create_cluster", clusterName=project.name, tags=tags)
    elif new := [tag for tag in tags if tag not in live.cluster.get("tags", ())]:
        arn = live.cluster["clusterArn"]
        fleet = any(tag["key"] == render.INSTANCES_TAG for tag in new)
        others = ", ".join(f"{tag['key']} {tag['value']}" for tag in new)
        what = f"{project.name} has {surroundings.instances}" if fleet else f"tag cluster {project.name}: {others}"
        add(what, "ecs", "tag_resource", resourceArn=arn, tags=new)
    if live.cluster is not None and any(service.connected for service in project.services.values()):
        changes += namespace(project, live.cluster, surroundings)
    if live.vault is None:
        add(
            f"create vault {surroundings.vault}",
            "s3",
            "create_bucket",
            Bucket=surroundings.vault,
            **placed(surroundings.region),
        )
    for name in project.buckets:
        full = render.bucket(project, name, surroundings.account, surroundings.region)
        if full not in live.buckets:
            add(f"create bucket {full}", "s3", "create_bucket", Bucket=full, **placed(surroundings.region))
    for name in render.repositories(project):
        if name not in live.repositories:
            add(f"create repository {name}", "ecr", "create_repository", repositoryName=name)
    changes += roles(project, live, surroundings)
    for service in project.everything.values():
        group = render.log_group(project, service)
        if group not in live.log_groups:
            add(f"create log group {group}", "logs", "create_log_group", logGroupName=group)
    if live.load_balancer is None:
        wanted = render.load_balancer(project, surroundings)
        add(f"create load balancer {project.name}", "elbv2", "create_load_balancer", **wanted)
    elif live.listener is None:
        wanted = render.listener(live.load_balancer["LoadBalancerArn"], surroundings)
        add(f"listen on port {surroundings.port}", "elbv2", "create_listener", **wanted)
    elif live.listener["Port"] != surroundings.port and project.preview is None:
        arn = live.listener["ListenerArn"]
        add(f"listen on port {surroundings.port}", "elbv2", "modify_listener", ListenerArn=arn, Port=surroundings.port)
    for service in project.services.values():
        if service.balanced:
            changes += target_group(project, service, live, surroundings)
    if live.listener is not None:
        changes += renumbered(project, live)
    return changes


def refuse_alone(project: Project, live: Observed) -> None:
    """Raise Differs where a preview has no shared environment that it could stand beside."""
    if live.cluster is None or live.load_balancer is None or live.listener is None or live.vault is None:
        what = f"{project.name} is not up there, and a preview stands beside it"
        raise Differs(f"{what}; nothing was changed", "culm up, then the preview")


def placed(region: str) -> dict[str, Any]:
    """Return the field of CreateBucket that names a region, which us-east-1 refuses.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    """
    return {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}


def namespace(project: Project, cluster: Described, surroundings: render.Surroundings) -> list[Call]:
    """Return the namespace of calls between services, as the cluster's default. On aws the base stack makes it.

    Raises Differs where the stack has not made it yet: ECS would make one that nobody removes.
    """
    if (cluster.get("serviceConnectDefaults") or {}).get("namespace"):
        return []
    if surroundings.provider == "aws":
        what = (
            f"cluster {project.name} has no namespace for the calls between services of culm.yml; nothing was changed"
        )
        raise Differs(what, "culm aws bootstrap: it adds one to the stack, at no price")
    given = {"cluster": project.name, "serviceConnectDefaults": {"namespace": project.name}}
    what = f"open namespace {project.name} for calls between services"
    return [Call(what=what, client="ecs", operation="update_cluster", input=given)]


def roles(project: Project, live: Observed, surroundings: render.Surroundings) -> list[Call]:
    """Return the calls that make the roles of tasks, and say what these may do."""
    changes = role(
        live,
        identity.execution_role(project, surroundings),
        identity.execution_role_policy(project, surroundings),
        "fetch images and write logs",
    )
    for service in project.everything.values():
        policy = identity.role_policy(project, service, surroundings)
        changes += role(live, identity.role(project, service, surroundings), policy, "read its own configuration")
    if project.jobs:
        changes += role(live, jobs.role(project, surroundings), jobs.role_policy(project, surroundings), "start jobs")
    return changes


def role(live: Observed, wanted: Mapping[str, Any], policy: Mapping[str, Any], may: str) -> list[Call]:
    name = wanted["RoleName"]
    if name not in live.roles:
        return [Call(what=f"create role {name}", client="iam", operation="create_role", input=wanted)]
    if live.roles[name] == json.loads(policy["PolicyDocument"]):
        return []
    return [Call(what=f"set policy of role {name}: may {may}", client="iam", operation="put_role_policy", input=policy)]


def target_group(project: Project, service: Service, live: Observed, surroundings: render.Surroundings) -> list[Call]:
    name = render.group_name(project, service)
    group = live.target_groups.get(name)
    if group is None:
        wanted = render.target_group(project, service, surroundings)
        return [Call(what=f"create target group {name}", client="elbv2", operation="create_target_group", input=wanted)]
    changes = []
    check = render.health_check(service)
    if not within(check, group):
        given = {"TargetGroupArn": group["TargetGroupArn"], **check}
        changes.append(
            Call(what=f"change health check of {name}", client="elbv2", operation="modify_target_group", input=given)
        )
    attributes = render.target_group_attributes(service, surroundings)
    if not within(attributes, live.attributes.get(name, {})):
        pairs = [{"Key": key, "Value": value} for key, value in attributes.items()]
        given = {"TargetGroupArn": group["TargetGroupArn"], "Attributes": pairs}
        operation = "modify_target_group_attributes"
        changes.append(Call(what=f"change draining of {name}", client="elbv2", operation=operation, input=given))
    return changes


def of_preview(rule: Described) -> bool:
    """Return whether a rule forwards to a target group of a preview, by that group's name."""
    groups = (action.get("TargetGroupArn", "").rpartition("targetgroup/")[2] for action in rule["Actions"])
    return any(preview_of(group) is not None for group in groups)


def priorities(project: Project, live: Observed) -> dict[str, int]:
    """Return the priority that each service's rule has or gets.

    Where previews are, their rules come first: see `entry_priorities`.
    """
    if project.preview is not None:
        return {name: number for (name, entry), number in entry_priorities(project, live).items() if entry == 0}
    chosen = {
        name: each.routing.priority
        for name, each in project.services.items()
        if each.balanced and each.routing.priority is not None
    }
    numbered = {name: int(rule["Priority"]) for name, rule in live.rules.items() if name not in chosen}
    taken = frozenset(int(rule["Priority"]) for rule in live.other_rules) | frozenset(chosen.values())
    wanted = [name for name in render.by_specificity(project.services) if name not in chosen]
    first = FIRST_SHARED_PRIORITY if any(map(of_preview, live.other_rules)) else 0
    kept = {name: number for name, number in numbered.items() if number not in taken and number >= first}
    return chosen | render.priorities(wanted, kept, taken, first)


def entry_priorities(project: Project, live: Observed) -> dict[tuple[str, int], int]:
    """Return the priority of each rule of a preview, by service and number of the rule: 0 is the one of `routing`.

    They are below FIRST_SHARED_PRIORITY and free; those that are there stay where they are if they are in order. By
    host before by header before by cookie, and of each kind the more specific path first. Raises Differs where too few
    are free.
    """
    names = render.by_specificity(project.services)
    kinds = max((len(project.services[name].entries) for name in names), default=0) + 1
    wanted = [(name, kind) for kind in range(kinds) for name in names if kind <= len(project.services[name].entries)]
    there = {(name, 0): int(rule["Priority"]) for name, rule in live.rules.items()}
    there |= {(name, kind): int(rule["Priority"]) for name, by in live.entries.items() for kind, rule in by.items()}
    order = [there.get(each, 0) for each in wanted]
    if min(order, default=1) > 0 and order == sorted(set(order)) and max(order, default=0) < FIRST_SHARED_PRIORITY:
        return dict(zip(wanted, order, strict=True))
    moving = {rule["RuleArn"] for rule in shared_in_the_way(project, live)}
    taken = {int(rule["Priority"]) for rule in live.other_rules if rule["RuleArn"] not in moving}
    free = [number for number in range(1, FIRST_SHARED_PRIORITY) if number not in taken]
    if len(free) < len(wanted):
        raise Differs("the listener has no numbers left for a preview's rules", "culm env ls, then culm env down NAME")
    return dict(zip(wanted, free, strict=False))


def shared_in_the_way(project: Project, live: Observed) -> list[Described]:
    """Return rules of the shared services whose numbers are among those of previews; people's own stay."""
    begin = f"targetgroup/{project.name}-"
    return [
        rule
        for rule in live.other_rules
        if int(rule["Priority"]) < FIRST_SHARED_PRIORITY
        and not of_preview(rule)
        and any(begin in action.get("TargetGroupArn", "") for action in rule["Actions"])
    ]


def moved_away(project: Project, live: Observed) -> list[dict[str, Any]]:
    """Return the shared rules that make room for a preview's, each FIRST_SHARED_PRIORITY further on.

    Raises Differs where that would change their order.
    """
    moving = shared_in_the_way(project, live)
    taken = [int(rule["Priority"]) for rule in live.other_rules if int(rule["Priority"]) >= FIRST_SHARED_PRIORITY]
    last = max((int(rule["Priority"]) for rule in moving), default=0) + FIRST_SHARED_PRIORITY
    if moving and any(number <= last for number in taken):
        what = f"rules of {project.name} would have to move past rule {min(taken)} to make room for a preview's"
        raise Differs(f"{what}; nothing was changed", f"a number from {2 * FIRST_SHARED_PRIORITY} on for that rule")
    return [{"RuleArn": rule["RuleArn"], "Priority": int(rule["Priority"]) + FIRST_SHARED_PRIORITY} for rule in moving]


def renumbered(project: Project, live: Observed) -> list[Call]:
    """Return the call that moves observed rules, all at once: priorities may not collide on the way."""
    wanted = priorities(project, live)
    moves = [
        {"RuleArn": rule["RuleArn"], "Priority": wanted[name]}
        for name, rule in live.rules.items()
        if name in wanted and int(rule["Priority"]) != wanted[name]
    ]
    if project.preview is not None:
        entries = entry_priorities(project, live)
        moves += [
            {"RuleArn": rule["RuleArn"], "Priority": entries[name, kind]}
            for name, by in live.entries.items()
            for kind, rule in by.items()
            if int(rule["Priority"]) != entries[name, kind]
        ]
        moves += moved_away(project, live)
    if not moves:
        return []
    given = {"RulePriorities": moves}
    return [Call(what="reorder listener rules", client="elbv2", operation="set_rule_priorities", input=given)]


def rule(project: Project, service: Service, live: Observed) -> Call | None:
    """Return the service's path, on the load balancer; None: it is as it should be."""
    described = live.rules.get(service.name)
    if not service.balanced:
        given = {"RuleArn": described["RuleArn"]} if described else {}
        what = f"stop routing {' '.join(render.paths_of(described))}" if described else ""
        return Call(what=what, client="elbv2", operation="delete_rule", input=given) if described else None
    assert live.listener is not None, "rules come after the base"
    group = live.target_groups[render.group_name(project, service)]
    if described is None:
        priority = priorities(project, live)[service.name]
        given = render.rule(service, live.listener["ListenerArn"], group["TargetGroupArn"], priority)
        what = f"route {' '.join(service.paths)}"
        return Call(what=what, client="elbv2", operation="create_rule", input=given)
    if render.routes(described, service):
        return None
    given = {"RuleArn": described["RuleArn"], "Conditions": render.conditions(service)}
    if moved := render.transforms(service):
        given["Transforms"] = moved
    elif described.get("Transforms"):
        given["ResetTransforms"] = True
    what = f"route {' '.join(service.paths)}"
    if others := [path for path in render.paths_of(described) if path not in service.patterns]:
        what += f" instead of {' '.join(others)}"
    return Call(what=what, client="elbv2", operation="modify_rule", input=given)


def further_rules(project: Project, service: Service, live: Observed) -> list[Call]:
    """Return the rules that are missing besides that of `rule`: of a preview, by header and by cookie."""
    if not service.entries:
        return []
    assert live.listener is not None, "rules come after the base"
    group, numbers = live.target_groups[render.group_name(project, service)], entry_priorities(project, live)
    calls = []
    for kind, entry in enumerate(service.entries, 1):
        if kind in live.entries.get(service.name, {}):
            continue
        other = replace(service, routing=entry)
        number = numbers[service.name, kind]
        given = render.rule(other, live.listener["ListenerArn"], group["TargetGroupArn"], number)
        what = f"route {' '.join(service.paths)} by {', '.join(entry.headers)}"
        calls.append(Call(what=what, client="elbv2", operation="create_rule", input=given))
    return calls


def service(
    project: Project,
    own: Service,
    live: Observed,
    task_definition_arn: Any,
    *,
    start_first: bool,
    undoes: bool = False,
    inner: render.Aliases = render.NO_ALIASES,
) -> Call | None:
    """Create it, or bring it to this revision and these settings; None: it is so already.

    `task_definition_arn` is an ARN, or the result of a step that registers it. A setting that the target does not
    describe cannot be compared: it is sent when something else differs.
    """
    group = live.target_groups[render.group_name(project, own)]["TargetGroupArn"] if own.balanced else None
    wanted = render.service(project, own, task_definition_arn, group, inner)
    how = render.deployment_configuration(own, start_first=start_first, undoes=undoes)
    current = live.services.get(own.name)
    if current is None:
        given = wanted | {"deploymentConfiguration": how}
        return Call(what=f"create service {own.name}", client="ecs", operation="create_service", input=given)
    settings = {key: wanted[key] for key in wanted if key not in CREATE_ONLY}
    if not own.connected and (current.get("serviceConnectConfiguration") or {}).get("enabled"):
        settings["serviceConnectConfiguration"] = {"enabled": False}
    primary: Described = next((d for d in current.get("deployments", ()) if d["status"] == "PRIMARY"), {})
    failed = primary.get("rolloutState") == "FAILED"
    described = {key: value for key, value in settings.items() if key in current}
    different = {key: value for key, value in described.items() if not same(value, current[key])}
    if not different and not failed:
        return None
    different |= {key: value for key, value in settings.items() if key not in current}
    given = {"cluster": project.name, "service": own.name, **different}
    if ROLLING & set(different) or failed:
        given["deploymentConfiguration"] = how
    if failed and "taskDefinition" not in different:
        given["forceNewDeployment"] = True
    what = "roll out again" if not different else update(different)
    return Call(what=what, client="ecs", operation="update_service", input=given)


def update(different: Mapping[str, Any]) -> str:
    """Say what changing these fields of a service does: `roll out the new revision, scale to 2 tasks`."""
    words = []
    if "taskDefinition" in different:
        words.append("roll out the new revision")
    if (count := different.get("desiredCount")) is not None:
        words.append(f"scale to {count} task{'' if count == 1 else 's'}")
    if "forceNewDeployment" in different:
        words.append("start new tasks of the same revision")
    fields = sorted(different.keys() - {"taskDefinition", "desiredCount", "forceNewDeployment"})
    return ", ".join([*words, *([f"change {', '.join(fields)}"] if fields else [])])


ROLLING = frozenset({"taskDefinition", "loadBalancers", "serviceConnectConfiguration"})
"""Settings whose change begins a new deployment."""
CREATE_ONLY = frozenset({"cluster", "serviceName", "launchType", "schedulingStrategy", "tags"})
"""What ecs.UpdateService does not take."""


def task_definition_is(wanted: Mapping[str, Any], live: Described | None) -> bool:
    """Return whether registering `wanted` would only repeat the live revision."""
    return live is not None and normal(wanted) == normal(live)


GIVEN_BY_AWS = frozenset(
    {"taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt"}
    | {"registeredBy", "deregisteredAt", "enableFaultInjection"}
)
_LOCAL_REGISTRY = re.compile(r"^(localhost|127\.[0-9.]+):[0-9]+/")
UNORDERED = ("environment", "secrets", "portMappings")


def normal(definition: Mapping[str, Any]) -> Any:
    """Return a task definition less what AWS adds: its own facts, empty lists, the order of what has none.

    The local cluster's registry is the same on whichever port it is: its images' names keep theirs from when they were
    registered, and the cluster pulls them from where it listens now.
    """
    kept = {key: value for key, value in definition.items() if key not in GIVEN_BY_AWS}
    cleaned = without_empty(kept)
    for container in cleaned.get("containerDefinitions", ()):
        labels = container.get("dockerLabels", {})
        labels.pop(render.MIGRATION_FILES_LABEL, None)  # it changes only together with the migration's image
        if "image" in container:
            container["image"] = _LOCAL_REGISTRY.sub(r"\1/", container["image"])
        for key in UNORDERED:
            if key in container:
                container[key] = sorted(container[key], key=repr)
    return cleaned


def without_empty(value: Any) -> Any:
    match value:
        case Mapping():
            cleaned = {key: without_empty(inner) for key, inner in sorted(value.items())}
            return {key: inner for key, inner in cleaned.items() if inner not in (None, [], {}, "")}
        case list() | tuple():
            return [without_empty(inner) for inner in value]
        case _:
            return value


def same(wanted: Any, live: Any) -> bool:
    """Return whether what is wanted is there; what the target adds to it does not count."""
    match wanted:
        case Mapping():
            return isinstance(live, Mapping) and within(wanted, live)
        case list():
            pairs = zip(wanted, live or (), strict=False)
            return len(wanted) == len(live or ()) and all(same(own, other) for own, other in pairs)
        case _:
            return bool(wanted == live)


def within(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    return all(same(value, live.get(key)) for key, value in wanted.items())
