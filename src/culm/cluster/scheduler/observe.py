"""The snapshot of a cluster, or of a part of it, read in one transaction; no verdicts."""

from collections.abc import Iterable, Mapping
from sqlite3 import Connection

from culm.cluster.services.ecs.fleet import instances_of
from culm.cluster.services.ecs.task_roles import unassumable
from culm.cluster.store import alarms
from culm.cluster.store.ecs import events, scheduling, services, task_definitions, task_targets
from culm.cluster.store.elbv2 import targets
from culm.core.decide.records import KEPT_SECONDS
from culm.core.decide.state import ClusterState, TargetHealth, TargetState
from culm.core.model.load_balancers import RegisteredTarget
from culm.core.model.record import filled
from culm.core.model.services import Service
from culm.core.model.tasks import Task

WORST = ("unhealthy", "draining", "initial", "healthy")
"""A task in several target groups is as well as the worst of them says."""


def observe(db: Connection, cluster: str, service_arns: Iterable[str], now: float) -> ClusterState:
    """Return what concerns these services of a cluster (its name), and the records of tasks that stopped long ago."""
    wanted = [filled(s, events=events.since_steady(db, s.service_arn)) for s in services.by_arns(db, service_arns)]
    outlines = scheduling.outlines(db, cluster, [s.service_arn for s in wanted], now - KEPT_SECONDS)
    revisions = {task.task_definition_arn for task in outlines if task.last_status != "STOPPED"}
    revisions.update(d.task_definition for s in wanted for d in s.deployments)
    definitions = {arn: task_definitions.find_arn(db, arn) for arn in revisions}
    wished = {d.task_definition for s in wanted for d in s.deployments if d.status == "PRIMARY"}
    roles = {arn: unassumable(db, d) for arn, d in definitions.items() if d is not None and arn in wished}
    return ClusterState(
        now=now,
        instances=tuple(instances_of(db, cluster)),
        tasks=tuple(outlines),
        services=tuple(wanted),
        task_definitions={arn: d for arn, d in definitions.items() if d is not None},
        unassumable={arn: role for arn, role in roles.items() if role is not None},
        alarms=alarms.going_off(db, names) if (names := _alarms_of(wanted)) else {},
        target_health=target_health(db, outlines),
    )


def _alarms_of(wanted: Iterable[Service]) -> list[str]:
    settings = [service.deployment_configuration.alarms for service in wanted]
    return [name for setting in settings if setting and setting.enable for name in setting.alarm_names]


def target_health(db: Connection, of: Iterable[Task]) -> Mapping[str, TargetHealth]:
    """Return the health of those of the tasks that are registered in a target group, by their ARNs."""
    ours = [target for task in of for target in task_targets.of(db, task.task_arn)]
    groups = {target.target_group_arn for target in ours}
    health = {(t.target_group_arn, t.id, t.port): t for arn in groups for t in targets.in_group(db, arn)}
    verdicts: dict[str, TargetHealth] = {}
    for target in ours:
        registered = health.get((target.target_group_arn, target.id, target.port))
        verdict = TargetHealth(
            state=_state(registered),
            target_group_arn=target.target_group_arn,
            port=target.port,
            reason=(registered.description or "") if registered else "",
        )
        before = verdicts.get(target.task_arn)
        if before is None or WORST.index(verdict.state) < WORST.index(before.state):
            verdicts[target.task_arn] = verdict
    return verdicts


def _state(target: RegisteredTarget | None) -> TargetState:
    """Return a target's state: `initial` where it is not registered or not judged yet."""
    match target.state if target else "initial":
        case "healthy":
            return "healthy"
        case "unhealthy":
            return "unhealthy"
        case "draining":
            return "draining"
        case _:
            return "initial"
