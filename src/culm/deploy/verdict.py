"""Is a roll-out done, doomed, or still going? A judgement on what AWS describes; pure.

The service scheduler would go on trying for minutes: a failure that can be seen is reported at once.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from culm.core.model.record import record
from culm.plan.trouble import LOOP, failed, latest

NO_ROOM_SECONDS = 20.0
"""For how long the scheduler may find no place before that is a failure: other tasks may be about to make room."""

Described = Mapping[str, Any]


@record
class Look:
    """What AWS describes of one service at one time."""

    service: Described
    stopped: Sequence[Described] = ()
    """Its tasks that have stopped since the deploy began."""
    targets: Sequence[Described] = ()
    """TargetHealthDescriptions of its target group."""
    revision: str | None = None
    """ARN of the task definition that the deploy has asked for. None: this deploy asks for none."""
    left: bool = False
    """True once ECS has reported `revision` and then a different one at several looks in a row: it has rolled back."""
    stuck_seconds: float = 0.0
    """Seconds in which no task has started or become healthy."""


@record
class Done:
    pass


@record
class Going:
    progress: str


@record
class Doomed:
    why: str
    task: Described | None = None
    """The stopped task that shows it."""
    hint: str = ""


def verdict(look: Look) -> Done | Going | Doomed:
    """Judge a roll by one look: it is done, goes on, or is doomed, each with what to say."""
    deployments = look.service["deployments"]
    primary = next(d for d in deployments if d["status"] == "PRIMARY")
    if look.revision not in (None, primary.get("taskDefinition")):
        return (
            undone(look, primary) if went_back(look) else Going(progress="waiting until AWS shows what was just made")
        )
    state = primary.get("rolloutState", "IN_PROGRESS")
    running, desired = primary["runningCount"], primary["desiredCount"]
    mine = [task for task in look.stopped if task.get("startedBy") == primary["id"] and failed(task)]
    if state == "COMPLETED" and len(deployments) == 1 and running >= desired and healthy(look) >= desired:
        return Done()
    if state == "FAILED":
        reason = primary.get("rolloutStateReason") or "the deployment failed"
        return Doomed(why=reason, task=latest(mine), hint=advice(latest(mine)))
    if unhealthy := [task for task in mine if "health" in task.get("stoppedReason", "").lower()]:
        return Doomed(
            why="it runs, but never gets healthy",
            task=latest(unhealthy),
            hint="does it listen on `port:`, on all addresses, and answer `health:` with 2xx within `grace:` seconds?",
        )
    if len(mine) >= LOOP:
        return Doomed(
            why=f"it starts and stops again ({len(mine)} times)", task=latest(mine), hint=advice(latest(mine))
        )
    waits = running < desired
    if waits and look.stuck_seconds >= NO_ROOM_SECONDS and (event := event_of(look, primary, "unable to place a task")):
        return Doomed(why=event, hint="roll: stop-first, smaller `memory:`, or more `instances:` in culm.yml")
    if waits and not primary["pendingCount"] and (event := event_of(look, primary, "failed to launch a task")):
        return Doomed(why=event, hint="see that the role is there and trusts ecs-tasks.amazonaws.com")
    return Going(progress=progress(look, primary))


def went_back(look: Look) -> bool:
    """Return whether ECS went back, and has not only described it late.

    Its revision was PRIMARY and is not any more, or is listed as one that failed.
    """
    return look.left or any(
        d.get("taskDefinition") == look.revision and d.get("rolloutState") == "FAILED"
        for d in look.service["deployments"]
    )


def undone(look: Look, primary: Described) -> Doomed:
    """Return why ECS went back by itself, told by the deployment that failed as long as it is shown."""
    ended = [d for d in look.service["deployments"] if d.get("taskDefinition") == look.revision]
    mine = [task for task in look.stopped if task.get("taskDefinitionArn") == look.revision and failed(task)]
    reasons = [str(d.get("rolloutStateReason") or "") for d in (*ended, primary)]
    own = [reason for reason in reasons if reason and "rolling back to" not in reason]
    why = own[0] if ended and own else "ECS's circuit breaker ended its deployment"
    return Doomed(why=why, task=latest(mine), hint=advice(latest(mine)))


def healthy(look: Look) -> float:
    """Return the number of tasks that the load balancer sends requests to; infinite where there is none."""
    if not look.service.get("loadBalancers"):
        return math.inf
    return len([target for target in look.targets if target["TargetHealth"]["State"] == "healthy"])


def event_of(look: Look, primary: Described, what: str) -> str | None:
    """Return the scheduler's own words, since this deployment began."""
    for event in look.service.get("events", ()):
        if event["createdAt"] < primary["createdAt"]:
            return None
        if what in event["message"]:
            return str(event["message"])
    return None


def advice(task: Described | None) -> str:
    """Return what to try, from how its container ended."""
    if task is None:
        return ""
    for container in task.get("containers", ()):
        if "OutOfMemory" in container.get("reason", ""):
            return "give it more `memory:` in culm.yml, or find what eats it"
        if container.get("exitCode") == 78:
            return "its entrypoint says above which configuration is missing"
    if task.get("stopCode") == "TaskFailedToStart":
        return "the reason above names what could not be had: the image, a port, or the start itself"
    return "its last lines say why; run it with the same configuration on this machine"


def progress(look: Look, primary: Described) -> str:
    """Return how far a roll is: `1 of 1 running, target initial, 1 old task still there`."""
    words = [f"{primary['runningCount']} of {primary['desiredCount']} running"]
    states = sorted({target["TargetHealth"]["State"] for target in look.targets} - {"draining"})
    if states:
        words.append(f"target {', '.join(states)}")
    old = sum(d["runningCount"] for d in look.service["deployments"] if d is not primary)
    if old:
        words.append(f"{old} old task{'' if old == 1 else 's'} still there")
    return ", ".join(words)
