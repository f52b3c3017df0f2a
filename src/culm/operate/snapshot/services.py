"""Services of a snapshot: their state, traffic and use, and why one is not well; pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from culm.core.model.arn import last
from culm.deploy.causes import without_arns
from culm.deploy.revisions import last_good
from culm.operate.snapshot.observed import About, Graph, Observed
from culm.operate.snapshot.records import (
    Action,
    Cause,
    Deployment,
    Series,
    ServiceState,
    ServiceTarget,
    State,
    Task,
    Traffic,
    Usage,
)
from culm.operate.snapshot.words import plural
from culm.plan import scaling, sleep
from culm.plan.observed import Described

GRAPH_SECONDS = 30 * 60
ERRORS_SECONDS = 300
RECENT_SECONDS = 15 * 60
"""How long a failure of an earlier deploy is still shown at a service that runs well."""


def compose(about: About, observed: Observed, tasks: Sequence[Task]) -> tuple[ServiceState, ...]:
    """Return the services in culm.yml's order, then others by name."""
    order = {name: number for number, name in enumerate(about.project.services)}
    ordered = sorted(
        observed.services, key=lambda each: (order.get(each["serviceName"], len(order)), each["serviceName"])
    )
    return tuple(_service(about, observed, each, tasks) for each in ordered)


def _service(about: About, observed: Observed, described: Described, tasks: Sequence[Task]) -> ServiceState:
    name = described["serviceName"]
    mine = [task for task in tasks if task.service == name and task.kind == "service"]
    definition: Mapping[str, Any] = observed.task_definitions.get(described["taskDefinition"], {})
    containers: Sequence[Mapping[str, Any]] = definition.get("containerDefinitions", ())
    deployments = tuple(_deployment(each) for each in described.get("deployments", ()))
    group_arns = [each["targetGroupArn"] for each in described.get("loadBalancers", ()) if "targetGroupArn" in each]
    targets = tuple(_target(each) for arn in group_arns for each in observed.targets.get(arn, ()))
    why = cause(described, deployments, mine, targets, observed)
    state = state_of(described, deployments, targets, why, has_balancer=bool(group_arns))
    paths = _paths(observed, group_arns)
    primary = next((each for each in deployments if each.status == "PRIMARY"), None)
    memory = definition.get("memory") or sum(each.get("memory") or 0 for each in containers)
    limits = scaling_of(about, observed, name)
    return ServiceState(
        name=name,
        url=observed.url + paths[0].removesuffix("*") if paths and observed.url else "",
        paths=paths,
        state=state,
        summary=summary(described, deployments, limits),
        scaling=limits,
        desired=described["desiredCount"],
        running=described["runningCount"],
        pending=described["pendingCount"],
        revision=last(described["taskDefinition"]),
        image=str(containers[0]["image"]).rpartition("@")[2].removeprefix("sha256:") if containers else "",
        memory=int(memory) or None,
        deployed_at=primary.created_at if primary else None,
        deployed_by=person(definition.get("registeredBy", "")),
        deployments=deployments,
        targets=targets,
        health_check=_health_check(observed.target_groups.get(group_arns[0])) if group_arns else "",
        log_group=_log_group(containers),
        traffic=traffic(observed.metrics, name, observed.at),
        usage=usage(observed.metrics, name, observed.at),
        failures=sum(task.failed for task in mine),
        cause=why,
        known=name in about.project.services,
        asleep=sleep.asleep(described),
    )


def _deployment(described: Described) -> Deployment:
    return Deployment(
        id=last(described["id"]),
        status=described["status"],
        rollout=described.get("rolloutState", ""),
        reason=without_arns(described.get("rolloutStateReason", "")),
        revision=last(described["taskDefinition"]),
        created_at=described["createdAt"].timestamp(),
        updated_at=(described.get("updatedAt") or described["createdAt"]).timestamp(),
        desired=described["desiredCount"],
        running=described["runningCount"],
        pending=described["pendingCount"],
        failed=described.get("failedTasks", 0),
    )


def _target(described: Described) -> ServiceTarget:
    health = described["TargetHealth"]
    return ServiceTarget(
        id=described["Target"]["Id"],
        port=int(described["Target"]["Port"]),
        state=health["State"],
        reason=health.get("Reason", ""),
        description=health.get("Description", ""),
    )


def _paths(observed: Observed, groups: Sequence[str]) -> tuple[str, ...]:
    """Return the paths of the rules that forward to one of these groups."""
    return tuple(
        value
        for rule in observed.rules
        if any(action.get("TargetGroupArn") in groups for action in rule["Actions"])
        for condition in rule.get("Conditions", ())
        if condition["Field"] == "path-pattern"
        for value in condition.get("PathPatternConfig", condition).get("Values", ())
    )


def person(arn: str) -> str:
    """Return who registered the revision: the last word of an ARN, and a session's own name where it has one."""
    return arn.rpartition("/")[2] if "/" in arn else arn.rpartition(":")[2]


def _health_check(group: Described | None) -> str:
    if group is None:
        return ""
    return (
        f"GET {group.get('HealthCheckPath', '/')} every {group.get('HealthCheckIntervalSeconds')} s, "
        f"{(group.get('Matcher') or {}).get('HttpCode', '200')} is healthy; "
        f"healthy after {group.get('HealthyThresholdCount')}, unhealthy after {group.get('UnhealthyThresholdCount')}"
    )


def _log_group(containers: Sequence[Mapping[str, Any]]) -> str:
    options = [(each.get("logConfiguration") or {}).get("options") or {} for each in containers]
    return next((str(each["awslogs-group"]) for each in options if "awslogs-group" in each), "")


def scaling_of(about: About, observed: Observed, name: str) -> str:
    """Return how the target scales a service, `1-4, cpu 60`; empty where it does not."""
    target = observed.scalable_targets.get(name)
    if target is None:
        return ""
    policies = observed.scaling_policies.get(name, ())
    return scaling.described(target, scaling.policy_named(f"{about.project.name}-{name}", policies))


def summary(described: Described, deployments: Sequence[Deployment], limits: str = "") -> str:
    """Return a service's tasks in words.

    `1 of 2 running, 1 starting`, `2 of 2 running (1-4, cpu 60)` if it is scaled, or `asleep, 2 tasks when awake`.
    """
    count = sleep.asleep(described)
    if count is not None and not described["runningCount"]:
        return f"asleep, {plural(count, 'task')} when awake"
    between = f" ({limits})" if limits else ""
    parts = [f"{described['runningCount']} of {described['desiredCount']} running{between}"]
    if described["pendingCount"]:
        parts.append(f"{described['pendingCount']} starting")
    if len(deployments) > 1:
        parts.append(f"{deployments[-1].running} of an earlier revision")
    return ", ".join(parts)


def state_of(
    described: Described,
    deployments: Sequence[Deployment],
    targets: Sequence[ServiceTarget],
    why: Cause | None,
    *,
    has_balancer: bool,
) -> State:
    """Return a service's state; wrong beats moving: a deploy whose tasks fail is not on its way.

    A cause alone is not "wrong": the last deploy may have failed while the earlier revision goes on serving.
    """
    desired, running = described["desiredCount"], described["runningCount"]
    if not desired and not running:
        return "off" if sleep.asleep(described) is None else "asleep"
    primary = next((each for each in deployments if each.status == "PRIMARY"), None)
    serving = [target for target in targets if target.state == "healthy"] if has_balancer else [None] * running
    if primary is not None and primary.rollout == "FAILED":
        return "wrong"
    if running >= desired and len(serving) >= desired and len(deployments) == 1:
        return "well" if primary is None or primary.rollout != "IN_PROGRESS" else "moving"
    return "wrong" if why is not None else "moving"


def cause(
    described: Described,
    deployments: Sequence[Deployment],
    tasks: Sequence[Task],
    targets: Sequence[ServiceTarget],
    observed: Observed,
) -> Cause | None:
    """Return the nearest known reason: a failed task, a failing health check, no room, or ECS's own words."""
    primary = next((each for each in deployments if each.status == "PRIMARY"), None)
    failed = [
        task
        for task in tasks
        if task.failed and observed.at - (task.stopped_at or 0.0) < RECENT_SECONDS and not _overcome(task, primary)
    ]
    sick = [target for target in targets if target.state == "unhealthy"]
    back = _go_back(described, tasks, deployments, observed.outcomes.get(described["serviceName"], {}))
    if failed:
        return _failed_task(described, failed, sick, deployments, back)
    if sick:
        got = sick[0].description or sick[0].reason
        return Cause(
            text=f"{plural(len(sick), 'task')} running, but the health check fails: {got}",
            health=got,
            action=back,
        )
    if described["runningCount"] < described["desiredCount"] and (event := _newest(described, primary, "unable to")):
        return Cause(text=without_arns(event["message"]), at=event["createdAt"].timestamp(), action=None)
    if primary is not None and primary.rollout == "FAILED":
        return Cause(text=primary.reason or "the deployment failed", at=primary.updated_at, action=back)
    return None


def _overcome(task: Task, primary: Deployment | None) -> bool:
    """Return whether it failed before the live deployment began, whose revision is newer or the same."""
    if primary is None or (task.stopped_at or 0.0) >= primary.created_at:
        return False
    return _revision_number(task.revision) <= _revision_number(primary.revision)


def _revision_number(revision: str) -> int:
    number = revision.rpartition(":")[2]
    return int(number) if number.isdigit() else 0


def _failed_task(
    described: Described,
    failed: Sequence[Task],
    sick: Sequence[ServiceTarget],
    deployments: Sequence[Deployment],
    back: Action | None,
) -> Cause:
    newest = max(failed, key=lambda task: task.stopped_at or 0.0)
    alike = [task for task in failed if task.ending == newest.ending and task.revision == newest.revision]
    times = f", {len(alike)} times in 15 min" if len(alike) > 1 else ""
    primary = next((each for each in deployments if each.status == "PRIMARY"), None)
    live = primary.revision if primary else ""
    serving = [_number(each.revision) for each in deployments if each.running]
    still = f"{' and '.join(serving)} still serves" if serving else "nothing serves"
    recovered = described["runningCount"] >= described["desiredCount"]
    if primary is not None and primary.rollout == "FAILED" and newest.revision == live:
        text = f"the deploy of {_number(live)} failed: its task {newest.ending}{times}; {still}"
    elif newest.revision != live and recovered:
        text = f"the deploy of {_number(newest.revision)} failed: its task {newest.ending}{times}; {still}"
        back = None
    elif recovered:
        text = f"a task {newest.ending}{times}; it runs again"
        back = None if len(alike) < 2 else back
    else:
        text = f"{newest.ending}{times}"
    return Cause(
        text=text,
        at=newest.stopped_at,
        task=newest.id,
        lines=newest.last_lines or next((task.last_lines for task in alike if task.last_lines), ()),
        health=(sick[0].description or sick[0].reason) if sick else "",
        action=back,
    )


def _number(revision: str) -> str:
    """Return `#7` for `bamboo-orders:7`."""
    return f"#{revision.rpartition(':')[2]}"


def _newest(described: Described, primary: Deployment | None, words: str) -> Described | None:
    """ECS's newest message with these words since the deployment began."""
    for event in described.get("events", ()):
        if primary is not None and event["createdAt"].timestamp() < primary.created_at:
            return None
        if words in event["message"]:
            newest: Described = event
            return newest
    return None


def _go_back(
    described: Described, tasks: Sequence[Task], deployments: Sequence[Deployment], outcomes: Mapping[str, str]
) -> Action | None:
    """To the last revision before the live one that served well; None where there is none, or each has failed."""
    live = last(described["taskDefinition"])
    number = live.rpartition(":")[2]
    if not number.isdigit() or int(number) < 2:
        return None
    ran = {task.revision for task in tasks if not task.failed} | {each.revision for each in deployments}
    prefix = described["taskDefinition"].removesuffix(live)
    before = {f"{prefix}{each}" for each in ran if _revision_number(each) in range(1, int(number))}
    arns = outcomes.keys() | before | {f"{prefix}{live.rpartition(':')[0]}:{int(number) - 1}"}
    earlier = last_good(sorted(arns), int(number), outcomes)
    if earlier is None:
        return None
    name, target = described["serviceName"], _revision_number(earlier.arn)
    return Action(label=f"Roll back to #{target}", command=("rollback", name, str(target)), why=earlier.why)


def traffic(metrics: Mapping[tuple[str, str], Graph], name: str, now: float) -> Traffic:
    """Return what the load balancer carried to a service.

    CloudWatch leaves a minute out in which there was no request: that is a zero for counts, unknown for times.
    """
    counts = series(metrics.get((name, "requests")), now, zero=True)
    bad = series(metrics.get((name, "errors")), now, zero=True)
    refused = series(metrics.get((name, "refused")), now, zero=True)
    if counts is None or bad is None:
        return Traffic()
    step = counts.step
    wrong = _filled(bad)
    if refused is not None:
        wrong = [answered + unanswered for answered, unanswered in zip(wrong, _filled(refused), strict=True)]
    asked = _filled(counts)
    window = max(ERRORS_SECONDS // step, 1)
    total = sum(asked[-window:])
    return Traffic(
        requests=_per_second(metrics.get((name, "requests")), now),
        errors=min(sum(wrong[-window:]) / total, 1.0) if total else None,
        answers=_answers(metrics, name, now),
        mean=_recent(metrics.get((name, "mean")), now),
        p50=_recent(metrics.get((name, "p50")), now),
        p95=_recent(metrics.get((name, "p95")), now),
        p99=_recent(metrics.get((name, "p99")), now),
        requests_series=Series(start=counts.start, step=step, values=tuple(value / step for value in asked)),
        errors_series=Series(
            start=counts.start,
            step=step,
            values=tuple(min(b / a, 1.0) if a else None for a, b in zip(asked, wrong, strict=False)),
        ),
        latency_series=series(metrics.get((name, "p95")), now),
    )


def _answers(metrics: Mapping[tuple[str, str], Graph], name: str, now: float) -> dict[str, float]:
    """Return how many answers a second there are of each status class; nothing where they were not asked for."""
    if (name, "2xx") not in metrics:
        return {}
    graphs = {"2xx": "2xx", "3xx": "3xx", "4xx": "4xx", "5xx": "errors"}
    return {kind: _per_second(metrics.get((name, what)), now) or 0.0 for kind, what in graphs.items()}


def usage(metrics: Mapping[tuple[str, str], Graph], name: str, now: float) -> Usage:
    """Return what a service uses now and used lately; None where nothing was measured."""
    memory = metrics.get((name, "memory"))
    return Usage(
        memory=_recent(memory, now),
        memory_peak=max((metrics[name, "memory_peak"].values or {0.0: 0.0}).values())
        if (name, "memory_peak") in metrics and metrics[name, "memory_peak"].values
        else None,
        cpu=_recent(metrics.get((name, "cpu")), now),
        memory_series=series(memory, now),
        cpu_series=series(metrics.get((name, "cpu")), now),
    )


def series(graph: Graph | None, now: float, *, zero: bool = False) -> Series | None:
    """Return the graph's last GRAPH_SECONDS; None where there is no graph.

    `zero`: a period without a value had none to count.
    """
    if graph is None:
        return None
    step = graph.step
    end = int(now // step) * step
    start = end - GRAPH_SECONDS
    values = tuple(graph.values.get(float(at), 0.0 if zero else None) for at in range(start, end + 1, step))
    return Series(start=float(start), step=step, values=values)


def _filled(series: Series) -> list[float]:
    return [value or 0.0 for value in series.values]


def _recent(graph: Graph | None, now: float) -> float | None:
    """Return the newest value; None where it is old."""
    if graph is None or not graph.values:
        return None
    at = max(graph.values)
    return graph.values[at] if now - at < ERRORS_SECONDS else None


def _per_second(graph: Graph | None, now: float) -> float | None:
    """Over the period that runs and the whole one before it."""
    if graph is None:
        return None
    begin = now // graph.step * graph.step - graph.step
    counted = sum(value for at, value in graph.values.items() if at >= begin)
    return counted / max(now - begin, 1.0)
