"""Waits until a service is steady, or tells the cause at once when it will not be."""

import time
from collections.abc import Callable
from dataclasses import replace

from culm.deploy import causes, diagnoses
from culm.deploy.verdict import Done, Doomed, Going, Look, verdict
from culm.errors import CulmError, TimedOut
from culm.project.project import Project, Service
from culm.target.connection import Target
from culm.target.observe import described_instances, tasks
from culm.target.polling import intervals

TIMEOUT_SECONDS = 300.0
UNKNOWN_SECONDS = 15.0
"""How long a service that has just been made may not be found."""
SEVERAL = 3
"""Looks in a row: AWS may describe what was before once more after it has described what is."""
OWN_PORT = (
    "where tasks are host processes they share this machine's ports: listen on $PORT (and $HOST), "
    "or let the command line name the port that the Dockerfile EXPOSEs"
)


class NotSteady(CulmError):
    """It will not become steady; what was found is its text."""


def until_steady(
    target: Target,
    project: Project,
    service: Service,
    progress: Callable[[str], None],
    *,
    fresh: bool,
    revision: str | None = None,
    back: str = "",
    timeout: float = TIMEOUT_SECONDS,
) -> None:
    """Return when the service's newest deployment is all there is; raise `NotSteady` when it cannot be.

    `fresh`: it has just been made, so that every task of it that stopped tells. Otherwise its past is past.
    `revision`: the ARN of what it was told to run; until it says so itself, it is described as it was before, and when
    it says another one after that, ECS went back. `back`: what to try besides, where there is a way back.
    """
    started = moved = time.monotonic()
    before: object = None
    past: frozenset[str] | None = None
    runs_it, looks_away = False, 0
    for pause in intervals(longest=target.longest_pause):
        look = look_at(target, project, service, moved)
        if look is None:
            if time.monotonic() - started > UNKNOWN_SECONDS:
                raise CulmError(f"{service.name} is not there any more", f"culm deploy {service.name}")
            time.sleep(pause)
            continue
        if past is None:
            past = frozenset() if fresh else frozenset(task["taskArn"] for task in look.stopped)
        stopped = [task for task in look.stopped if task["taskArn"] not in past]
        now_it = look.service["taskDefinition"] == revision
        runs_it = runs_it or now_it
        looks_away = looks_away + 1 if runs_it and not now_it else 0
        look = replace(look, stopped=stopped, revision=revision, left=looks_away >= SEVERAL)
        now = time.monotonic()
        if (state := movement(look)) != before:
            before, moved = state, now
        match verdict(look):
            case Done():
                return
            case Doomed() as doomed:
                raise failure(target, project, service, doomed, look, back)
            case Going(progress=said):
                progress(said)
        if now - started > timeout:
            hint = f"it may still get there: culm status; its log: culm logs {service.name}"
            raise TimedOut(f"{service.name} was not steady after {timeout:.0f} s: {said}", hint)
        time.sleep(pause)


def look_at(target: Target, project: Project, service: Service, moved: float) -> Look | None:
    """None: there is no such service, or not yet."""
    ecs = target.client("ecs")
    [described] = ecs.describe_services(cluster=project.name, services=[service.name])["services"] or [None]
    if described is None or described["status"] == "INACTIVE":
        return None
    stopped = tasks(ecs, project.name, serviceName=service.name, desiredStatus="STOPPED")
    health = [
        seen
        for balancer in described.get("loadBalancers", ())
        for seen in target.client("elbv2").describe_target_health(TargetGroupArn=balancer["targetGroupArn"])[
            "TargetHealthDescriptions"
        ]
    ]
    return Look(service=described, stopped=stopped, targets=health, stuck_seconds=time.monotonic() - moved)


def movement(look: Look) -> object:
    """Changes when anything starts, stops or gets healthy."""
    counts = [(d["id"], d["runningCount"], d["pendingCount"]) for d in look.service["deployments"]]
    states = sorted(
        (t["Target"].get("Id", ""), t["Target"].get("Port", 0), t["TargetHealth"]["State"]) for t in look.targets
    )
    return counts, states


def failure(target: Target, project: Project, service: Service, doomed: Doomed, look: Look, back: str) -> NotSteady:
    """The cause, on one screen."""
    what = f"{service.name} did not start: {doomed.why}"
    if doomed.task is not None:
        what += "\n" + causes.told(target, project, service, doomed.task, prefix=service.name, health=look.targets)
    what += "".join(f"\n  {line}" for line in diagnoses.unwell(described_instances(target, project.name)))
    hint = OWN_PORT if "address already in use" in what.lower() else diagnoses.cure(what) or doomed.hint
    return NotSteady(what, "; or ".join(part for part in (hint, back) if part))
