"""Automatic scaling: how many tasks a deploy wants where the count is not its own, and what has to be called. Pure.

A service with `count: 1-4` and `scale:` has a count that Application Auto Scaling changes between the two bounds. A
deploy leaves it alone there, and brings one that lies outside to the nearer bound:

    live       2       6       0       lent, 3 before
    wanted     2       4       1       3

The calls have an order. Scaling that goes is taken away before the service is updated, so that nobody changes the new
count. Scaling that comes or changes is registered once the service is steady, so that a roll that fails leaves it as it
was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from culm import render
from culm.core.model.record import record
from culm.plan import sleep
from culm.plan.calls import Call
from culm.plan.differences import Difference
from culm.plan.observed import Described, Observed
from culm.plan.waves import Moves
from culm.project.project import Project, Scaling, Service
from culm.project.schema import Provider
from culm.render.scaling import ALARMS, METRICS, resource

CLIENT = "application-autoscaling"
ALARM = 0.10
"""Dollars a month, beyond the free ones. https://aws.amazon.com/cloudwatch/pricing/"""
LENDS_TAG = "culm:lends"
"""On a service that has lent its slot: how many tasks it wanted before."""
NAMES = {metric: name for name, metric in METRICS.items()}


@record
class Change:
    """A call about a service's scaling, and the calls that take it back."""

    call: Call
    back: tuple[Call, ...]


def lent(live: Described | None) -> int | None:
    """Return how many tasks a described service wanted before it lent its slot; None: it does not lend it."""
    tags = {tag["key"]: tag["value"] for tag in (live or {}).get("tags", ())}
    return int(tags[LENDS_TAG]) if LENDS_TAG in tags else None


def with_count(service: Service, live: Described | None) -> Service:
    """Return the service with the `count` that a deploy wants of it, now that it is described so.

    One that sleeps is marked: the deploy leaves it without tasks, and `count` is what it has when it is awake.
    """
    service, live = sleep.as_live(service, live), sleep.awake(service, live)
    if service.scaling is None or live is None:
        return service
    before = lent(live)
    return replace(service, count=service.scaling.clamped(int(live["desiredCount"]) if before is None else before))


def removal(project: Project, service: Service, live: Observed) -> Change | None:
    """Take scaling away that culm.yml has no longer; None: there is none."""
    target = live.scalable_targets.get(service.name)
    if service.scaling is not None or target is None:
        return None
    call = Call(
        what="stop scaling it",
        client=CLIENT,
        operation="deregister_scalable_target",
        input=resource(project.name, service.name),
    )
    policies = live.scaling_policies.get(service.name, ())
    return Change(call=call, back=(registered_again(target), *(put_again(policy) for policy in policies)))


def changes(project: Project, service: Service, live: Observed) -> Sequence[Change]:
    """Bring bounds and policy to what culm.yml says; empty where they agree, or where nothing is to be scaled."""
    if service.scaling is None:
        return ()
    target = live.scalable_targets.get(service.name)
    calls: list[Change] = []
    wanted = render.scalable_target(project, service, service.scaling)
    if target is None or any(target.get(key) != value for key, value in wanted.items()):
        what = f"scale between {service.scaling.bounds.least} and {service.scaling.bounds.most} tasks"
        register = Call(what=what, client=CLIENT, operation="register_scalable_target", input=wanted)
        undone = taken_away(project, service) if target is None else registered_again(target)
        calls.append(Change(call=register, back=(undone,)))
    policy = own_policy(project, service, live)
    wanted = wanted_policy(project, service, service.scaling, live)
    if not same_policy(wanted, policy):
        what = f"scale by {service.scaling.by}"
        put = Call(what=what, client=CLIENT, operation="put_scaling_policy", input=wanted)
        calls.append(Change(call=put, back=(put_again(policy),) if policy is not None else ()))
    return calls


def wanted_policy(project: Project, service: Service, scaling: Scaling, live: Observed) -> render.Input:
    """Return the input of PutScalingPolicy, where load balancer and target group are there."""
    balancer: Described = live.load_balancer or {}
    group: Described = live.target_groups.get(render.group_name(project, service), {})
    arns = str(balancer.get("LoadBalancerArn", "")), str(group.get("TargetGroupArn", ""))
    return render.scaling_policy(project, service, scaling, *arns)


def own_policy(project: Project, service: Service, live: Observed) -> Described | None:
    """Return the policy that bears culm's name; others were put by hand."""
    return policy_named(render.family(project, service), live.scaling_policies.get(service.name, ()))


def policy_named(name: str, policies: Sequence[Described]) -> Described | None:
    """Return the policy with culm's name; None: others were put by hand, if any."""
    return next((policy for policy in policies if policy["PolicyName"] == name), None)


def same_policy(wanted: Mapping[str, object], live: Described | None) -> bool:
    """Return whether putting `wanted` would only repeat what is there."""
    kind, configuration = "PolicyType", "TargetTrackingScalingPolicyConfiguration"
    if live is None or live.get(kind) != wanted[kind]:
        return False
    return bool(live.get(configuration) == wanted[configuration])


def taken_away(project: Project, service: Service) -> Call:
    given = resource(project.name, service.name)
    return Call(what="stop scaling it", client=CLIENT, operation="deregister_scalable_target", input=given)


def registered_again(target: Described) -> Call:
    keys = ("ServiceNamespace", "ResourceId", "ScalableDimension", "MinCapacity", "MaxCapacity")
    given = {key: target[key] for key in keys}
    return Call(what="scale it as before", client=CLIENT, operation="register_scalable_target", input=given)


def put_again(policy: Described) -> Call:
    keys = ("PolicyName", "ServiceNamespace", "ResourceId", "ScalableDimension", "PolicyType")
    configurations = ("TargetTrackingScalingPolicyConfiguration", "StepScalingPolicyConfiguration")
    given = {key: policy[key] for key in (*keys, *configurations) if key in policy}
    return Call(what="scale it as before", client=CLIENT, operation="put_scaling_policy", input=given)


def live_words(project: Project, service: Service, live: Observed) -> str | None:
    """Return how the target scales a service, `1-4, cpu 60`; None where it does not."""
    target = live.scalable_targets.get(service.name)
    return None if target is None else described(target, own_policy(project, service, live))


def described(target: Described, policy: Described | None) -> str:
    """Return how a target is scaled, `1-4, cpu 60`; a target without a policy is scaled by nothing."""
    bounds = f"{target['MinCapacity']}-{target['MaxCapacity']}"
    configuration = (policy or {}).get("TargetTrackingScalingPolicyConfiguration")
    if configuration is None:
        return f"{bounds}, by nothing"
    kind = (configuration.get("PredefinedMetricSpecification") or {}).get("PredefinedMetricType", "another metric")
    return f"{bounds}, {NAMES.get(kind, kind)} {configuration['TargetValue']:g}"


def notes(project: Project, names: Sequence[str], moves: Moves, provider: Provider) -> list[str]:
    """Return what a plan that fits says of services that are scaled."""
    if moves.obstacles:
        return []
    lines = [
        f"{name} scales between {scaling.bounds.least} and {scaling.bounds.most} tasks by {scaling.by}: there is room "
        f"for all {scaling.bounds.most}, at the same price; a deploy at {scaling.bounds.most} "
        + ("stops the old tasks first" if moves.at_most.get(name) == "stop-first" else "starts the new tasks first")
        for name in names
        if (scaling := project.services[name].scaling) is not None
    ]
    if lines and provider == "aws":
        alarms = ALARMS * sum(service.scaling is not None for service in project.services.values())
        lines.append(
            f"scaling makes {alarms} CloudWatch alarms: ten in an account are free, others ${ALARM:.2f} a month"
        )
    return lines


def difference(project: Project, service: Service, live: Observed) -> tuple[Difference, ...]:
    """Return what a plan says of scaling that changes; empty for a service that is new, whose every setting is."""
    if service.name not in live.services:
        return ()
    if removal(project, service, live) is None and not changes(project, service, live):
        return ()
    new = str(service.scaling) if service.scaling is not None else None
    return (Difference(field="scale", old=live_words(project, service, live), new=new),)
