"""What is wrong with a service that is there, from what ECS describes of it and of its tasks that stopped. Pure.

ECS calls a deployment COMPLETED once its tasks ran, and says nothing when they die afterwards: it starts others, for
ever. So deaths are counted here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from culm.core.model.record import record

Described = Mapping[str, Any]

LOOP = 2
"""Deaths of one deployment's tasks: one may be chance, two are a loop."""
EARLY_SECONDS = 30.0
"""A task that lived no longer than this died of its start: a single such death is told while it is recent."""
MEMORY_SECONDS = 600.0
"""Deaths longer ago do not count."""
CALM_SECONDS = 60.0
"""Without a death for so long, and for longer than the dead ones lived, a service is well again."""


@record
class Trouble:
    kind: str
    """`failed`, `unfinished`, `dying`, `died` (once, soon after its start), or `killed` (heedless of SIGTERM)."""
    text: str
    """`keeps dying: 3 tasks in 10 minutes, the last with exit code 1`."""
    task: Described | None = None
    """The stopped task that shows it best."""


def trouble(service: Described, stopped: Iterable[Described], now: float) -> Trouble | None:
    """Return what is wrong with a described service, or None.

    `stopped` are tasks of its cluster that have stopped, of any service; `now` is in epoch seconds.
    """
    primary, stopped = primary_of(service), tuple(stopped)
    if primary is None:
        return None
    dead = deaths(primary, stopped)
    revision = str(primary.get("taskDefinition", "")).rpartition("/")[2]
    state = primary.get("rolloutState", "COMPLETED")
    if state == "FAILED":
        reason = primary.get("rolloutStateReason") or "its tasks failed"
        return Trouble(kind="failed", text=f"its roll-out of {revision} failed: {reason}", task=latest(dead))
    if state == "IN_PROGRESS" and (failures := max(len(dead), int(primary.get("failedTasks", 0)))):
        noun = "task has" if failures == 1 else "tasks have"
        text = f"its roll-out of {revision} is not complete: {failures} {noun} failed{ending(latest(dead))}"
        return Trouble(kind="unfinished", text=text, task=latest(dead))
    recent = [task for task in dead if now - stopped_at(task) <= MEMORY_SECONDS]
    if not recent or now - stopped_at(recent[-1]) > max(CALM_SECONDS, *map(lifetime, recent)):
        return killed_at_its_stop(service, stopped, now)
    if len(recent) < LOOP:
        return early_death(recent[-1]) or killed_at_its_stop(service, stopped, now)
    minutes = max(1, round((now - stopped_at(recent[0])) / 60))
    span = "a minute" if minutes == 1 else f"{minutes} minutes"
    text = f"keeps dying: {len(recent)} tasks in {span}{ending(recent[-1])}"
    return Trouble(kind="dying", text=text, task=recent[-1])


def early_death(task: Described) -> Trouble | None:
    """Return the trouble of a task that died soon after its start; None for one that had lived longer."""
    lived = lifetime(task)
    if lived > EARLY_SECONDS:
        return None
    cause = ending(task).removeprefix(", the last")
    return Trouble(kind="died", text=f"a task died {lived:.0f} s after its start{cause}", task=task)


def killed_at_its_stop(service: Described, stopped: Iterable[Described], now: float) -> Trouble | None:
    """Return the trouble of a service whose tasks wait out their grace when ECS stops them: nothing handles SIGTERM.

    ECS does not say so itself. Exit code 137 is SIGKILL's, which also ends what has no memory left: that has a reason.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
    """
    own = [
        task
        for task in stopped
        if task.get("group") == f"service:{service.get('serviceName')}"
        and task.get("stopCode") in ("ServiceSchedulerInitiated", "UserInitiated")
        and now - stopped_at(task) <= MEMORY_SECONDS
    ]
    for task in sorted(own, key=stopped_at, reverse=True):
        for container in task.get("containers", ()):
            if container.get("exitCode") == 137 and not container.get("reason", "").startswith("OutOfMemory"):
                text = (
                    f"{container['name']} took no notice of SIGTERM and was killed when its time was over: handle "
                    "SIGTERM in the program, and start it with `exec` in an entrypoint script"
                )
                return Trouble(kind="killed", text=text, task=task)
    return None


def primary_of(service: Described) -> Described | None:
    """Return the deployment that the service is to become; None where none is described."""
    return next((d for d in service.get("deployments", ()) if d["status"] == "PRIMARY"), None)


def deaths(deployment: Described, stopped: Iterable[Described]) -> list[Described]:
    """Return the deployment's tasks that failed, the earliest first."""
    own = [task for task in stopped if task.get("startedBy") == deployment.get("id") and failed(task)]
    return sorted(own, key=stopped_at)


def failed(task: Described) -> bool:
    """Return whether a task stopped of itself, or as it was not healthy; not because a newer one took its place."""
    return task.get("stopCode") in ("EssentialContainerExited", "TaskFailedToStart") or (
        task.get("stopCode") == "ServiceSchedulerInitiated" and "health" in task.get("stoppedReason", "").lower()
    )


def stopped_at(task: Described) -> float:
    """Return when a task stopped, in epoch seconds; 0 where that is not described."""
    at = task.get("stoppedAt") or task.get("executionStoppedAt")
    return float(at.timestamp()) if at else 0.0


def lifetime(task: Described) -> float:
    """Return the seconds that a task ran."""
    began = task.get("startedAt") or task.get("createdAt")
    return max(0.0, stopped_at(task) - began.timestamp()) if began else 0.0


def latest(tasks: Sequence[Described]) -> Described | None:
    """Return the task that stopped last, None for no tasks."""
    return max(tasks, key=stopped_at, default=None)


def ending(task: Described | None) -> str:
    """Return how a task ended, `, the last with exit code 3`; empty where nothing is known."""
    if task is None:
        return ""
    codes = [container["exitCode"] for container in task.get("containers", ()) if "exitCode" in container]
    if codes and task.get("stopCode") == "EssentialContainerExited":
        return f", the last with exit code {codes[0]}"
    return f", the last with {task['stoppedReason']}" if task.get("stoppedReason") else ""
