"""What people are told of by `notify:`, and in which words: the same on both targets. Pure.

On aws EventBridge makes these sentences of ECS's own events (`aws.notifications`), with parts of the event in place of
the fields. The local cluster makes them of what it writes down itself, and sends them to the webhook.
"""

from culm.core.decide import events
from culm.core.model.instances import ContainerInstance
from culm.core.model.tasks import Task

NOTIFY_TAG = "culm:notify"
"""A local cluster's tag that names the secret with the webhook's URL; NOBODY: nobody is told any more."""
NOBODY = "none"
ERRORS_TAG = "culm:notify-errors"
"""A local cluster's tag beside it: the percentage of answers with status 5xx that is told of when it is exceeded."""
SILENT_SECONDS = 30.0
"""For which an agent may be disconnected before its instance counts as lost: it connects again by itself."""

DEPLOY_FAILED = "{project}: a roll of {service} failed: {reason}"
OUT_OF_MEMORY = "{project}: a task of {group} was out of memory: {reason}"
UNHEALTHY = "{project}: a task of {group} was unhealthy, and is replaced: {reason}"
NO_ROOM = "{project}: there is no room for a task of {service}: {reason}"
INSTANCE_LOST = "{project}: instance {instance} does not answer ({status})"
ERRORS = "{project}: alarm of answers with status 5xx is {state}: {reason}"

ERRORS_SECONDS = 300
"""Of which answers are counted together."""
FEWEST_ANSWERS = 20
"""In that time: of fewer a share says little."""

KILLED = "OutOfMemory"
"""How the reason of a container begins that its memory limit ended."""
UNHEALTHY_REASONS = (events.FAILED_TARGET, events.STOPPED_FOR_FAILED_CHECKS)
"""How the reason of a task begins that was stopped because it did not answer its health checks."""


def of_task(project: str, task: Task) -> str | None:
    """Return what is told of a task that has stopped; None: nothing."""
    reason = task.stopped_reason or ""
    if any((container.reason or "").startswith(KILLED) for container in task.containers):
        return OUT_OF_MEMORY.format(project=project, group=task.group, reason=reason)
    if reason.startswith(UNHEALTHY_REASONS):
        return UNHEALTHY.format(project=project, group=task.group, reason=reason)
    return None


def of_event(project: str, service: str, message: str) -> str | None:
    """Return what is told of one of a service's events; None: nothing."""
    words = message.removeprefix(f"(service {service}) ").removeprefix(f"service {service} ")
    if "unable to place a task" in message:
        return NO_ROOM.format(project=project, service=service, reason=words)
    if "deployment failed:" in message:
        return DEPLOY_FAILED.format(project=project, service=service, reason=words)
    return None


def share(requests: float, of_tasks: float, of_balancer: float) -> float:
    """Return the percentage of answers with status 5xx; 0 where there are fewer than `FEWEST_ANSWERS`.

    `requests` are those that the load balancer has handed to a task; `of_tasks` of them ended so, and it answered
    `of_balancer` others so by itself.
    """
    whole = requests + of_balancer
    return 100 * (of_tasks + of_balancer) / whole if whole >= FEWEST_ANSWERS else 0.0


def of_share(project: str, percent: float, threshold: float) -> str:
    """Return what is told when the share of answers with status 5xx exceeds the threshold, or does no longer."""
    state, than = ("ALARM", "more than") if percent > threshold else ("OK", "not more than")
    reason = f"{percent:.3g} percent in the last {ERRORS_SECONDS // 60} minutes, {than} {threshold:g}"
    return ERRORS.format(project=project, state=state, reason=reason)


def of_instance(project: str, instance: ContainerInstance) -> str:
    """Return what is told of an instance whose agent does not answer, or that was taken away under its tasks."""
    return INSTANCE_LOST.format(project=project, instance=instance.ec2_instance_id, status=instance.status)
