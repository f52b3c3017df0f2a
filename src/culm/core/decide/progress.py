"""Decide whether a deployment is completed, failed or rolled back, and which events the service reports."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from culm.core.decide import backoff, breaker, deployments, events, zones
from culm.core.decide.actions import Action, SaveService, Tell
from culm.core.decide.ledger import Fleet
from culm.core.decide.placement import Unplaceable, closest
from culm.core.decide.roster import Roster
from culm.core.decide.state import ClusterState, is_gone
from culm.core.model.record import record
from culm.core.model.services import Deployment, Service
from culm.core.model.tasks import Task


@record
class Moves:
    """What `rollout.next_actions` could do in this call, and what it could not."""

    started: int = 0
    stopped: int = 0
    protected: int = 0
    """Tasks that would leave but for their scale-in protection."""
    waits: bool = False
    """Whether the next start is not due yet."""
    deaths: int = 0
    """Tasks in a row that served and soon ended by themselves."""
    obstacle: Unplaceable | None = None
    """Why the next task found no place."""
    refusal: str = ""
    """Why no task may be started, whatever the room."""


def tripped(service: Service, primary: Deployment, tasks: Sequence[Task], desired: int, now: float) -> list[Action]:
    """Fail the deployment, and roll it back if the service says so, when its failed tasks reach the threshold."""
    setting = service.deployment_configuration.deployment_circuit_breaker
    if not (setting and setting.enable and service.status == "ACTIVE" and primary.rollout_state == "IN_PROGRESS"):
        return []
    failed = breaker.failures(primary, tasks, reset_on_healthy_task=setting.reset_on_healthy_task)
    limit = breaker.threshold(setting, desired)
    if len(failed) < limit:
        return []
    why = f"{len(failed)} tasks of {primary.id} failed, the limit is {limit}"
    messages = [events.deployment_failed(service.service_name, primary.id)]
    broken = replace(primary, failed_tasks=len(failed))
    target = deployments.roll_back_target(service) if setting.rollback else None
    if target is None:
        after = deployments.failed(service, broken, now)
    else:
        after = deployments.rolled_back(service, broken, target, now)
        messages.append(events.rolling_back(service.service_name, target.id))
    return [SaveService(service=after, why=why), *_tell(service, messages, why)]


def alarmed(service: Service, primary: Deployment, alarms: Mapping[str, float], now: float) -> list[Action]:
    """Fail the deployment when one of the service's alarms goes off after it began. `alarms`: name -> since when.

    An alarm that was on before is ignored, as the deployment may be its cure.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
    """
    setting = service.deployment_configuration.alarms
    if not (setting and setting.enable and service.status == "ACTIVE" and primary.rollout_state == "IN_PROGRESS"):
        return []
    off = [name for name in setting.alarm_names if alarms.get(name, 0.0) > primary.created_at]
    if not off or primary.rolls_back:
        return []
    why = f"{', '.join(off)} went off"
    messages = [events.deployment_alarmed(service.service_name, primary.id)]
    target = deployments.roll_back_target(service) if setting.rollback else None
    if target is None:
        after = deployments.failed(service, primary, now, by=deployments.ALARM)
    else:
        after = deployments.rolled_back(service, primary, target, now, by=deployments.ALARM)
        messages.append(events.rolling_back(service.service_name, target.id))
    return [SaveService(service=after, why=why), *_tell(service, messages, why)]


def called_off(service: Service, primary: Deployment, now: float) -> list[Action]:
    """Roll back to the last completed deployment when the caller has stopped this one."""
    target = deployments.roll_back_target(service)
    if not primary.stop_requested or primary.rollout_state != "IN_PROGRESS" or target is None:
        return []
    why = f"{primary.id} was stopped by its owner"
    after = deployments.rolled_back(service, primary, target, now, by=deployments.STOPPED)
    name = service.service_name
    messages = [events.deployment_stopped(name, primary.id), events.rolling_back(name, target.id)]
    return [SaveService(service=after, why=why), *_tell(service, messages, why)]


@record
class Situation:
    """A service as it was looked at: its tasks, sorted into the roster, and how many of them failed."""

    service: Service
    primary: Deployment
    roster: Roster
    tasks: Sequence[Task]
    failed: int


def progress(
    situation: Situation, state: ClusterState, fleet: Fleet, moves: Moves
) -> tuple[list[Action], list[Action]]:
    """Return how the service is saved, if it changes, and the events that are news."""
    service, primary, roster = situation.service, situation.primary, situation.roster
    name = service.service_name
    if roster.is_steady and service.status == "ACTIVE" and primary.rollout_state == "IN_PROGRESS":
        after = deployments.completed(service, primary, state.now)
        messages = [events.deployment_completed(name, primary.id), events.steady(name)]
        why = "every task is healthy and the old ones are gone"
    else:
        after = _counted(service, primary, situation.tasks, roster.desired, situation.failed)
        messages = _obstacles(situation, fleet, moves)
        why = f"{roster.desired} tasks are wanted, {len(roster.kept)} serve or start, {situation.failed} failed"
    saved: list[Action] = [SaveService(service=after, why=why)] if after != service else []
    news = [m for m in messages if events.is_news(m, service.events, state.now)]
    return saved, _tell(service, news, why)


def _tell(service: Service, messages: Sequence[str], why: str) -> list[Action]:
    return [Tell(service_arn=service.service_arn, message=m, why=why) for m in messages]


def _counted(service: Service, primary: Deployment, tasks: Sequence[Task], desired: int, failed: int) -> Service:
    """Return the service with its PRIMARY deployment's counts up to date, without deployments that are over.

    The last COMPLETED deployment stays until another one is: a roll-back goes there.
    """
    if service.status != "ACTIVE":
        return service
    busy = {t.started_by for t in tasks if not is_gone(t)}
    back = deployments.last_completed(service)
    kept = [d for d in service.deployments if d.status == "PRIMARY" or d.id in busy or d is back]
    if (primary.failed_tasks, primary.desired_count, len(kept)) == (failed, desired, len(service.deployments)):
        return service
    current = replace(primary, failed_tasks=failed, desired_count=desired)
    return replace(service, deployments=tuple(current if d is primary else d for d in kept))


def _obstacles(situation: Situation, fleet: Fleet, moves: Moves) -> list[str]:
    """Return the events that explain why a service does not get what it wants; that it is steady when it has it."""
    service, primary, roster = situation.service, situation.primary, situation.roster
    name = service.service_name
    if service.status != "ACTIVE" or primary.rollout_state == "FAILED":
        return []
    if roster.is_steady:
        if events.was_unbalanced(service.events):
            return [events.balanced(name, zones.counts(roster.kept, fleet)), events.steady(name)]
        return [events.steady(name)]
    messages = []
    if roster.moving is not None and roster.healthy_kept == len(roster.kept):
        messages.append(events.not_balanced(name, zones.counts((*roster.kept, roster.moving), fleet)))
    if max(situation.failed, moves.deaths) >= backoff.IMPAIRED:
        messages.append(events.cannot_start(name))
    if moves.started or moves.stopped or roster.leaving:
        return messages
    if moves.refusal:
        messages.append(events.cannot_launch(name, moves.refusal))
    elif moves.obstacle is not None:
        messages.append(events.unable_to_place(name, *closest(moves.obstacle.reasons, fleet)))
    elif moves.protected:
        messages.append(events.under_protection(name, primary.id, moves.protected))
    elif roster.is_stuck and not moves.waits:
        messages.append(events.dead_configuration(name))
    return messages
