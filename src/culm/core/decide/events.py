"""Write service events, stopped reasons and rollout reasons exactly as ECS does, since clients search for them.

Two events are culm's own, and say so: `not_all_carried` and `not_looked_after`.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile

from culm.core.model.arn import last
from culm.core.model.services import ServiceEvent

STEADY = "has reached a steady state."
NOT_BALANCED = "is not AZ balanced"
REPEAT_SECONDS = 6 * 3600
"""An event that still holds is reported again after this long."""


def started(service: str, task_arns: Sequence[str]) -> str:
    return f"(service {service}) has started {len(task_arns)} tasks: {_tasks(task_arns)}."


def stopped(service: str, task_arns: Sequence[str]) -> str:
    return f"(service {service}) has stopped {len(task_arns)} running tasks: {_tasks(task_arns)}."


def stopped_pending(service: str, count: int) -> str:
    """Return the stopped reason of tasks that had not run yet."""
    return f"(service {service}) stopped {count} pending tasks."


def draining(service: str, task_arns: Sequence[str]) -> str:
    return f"(service {service}) has begun draining connections on {len(task_arns)} tasks."


def registered(service: str, count: int, target_group_arn: str) -> str:
    return f"(service {service}) registered {count} targets in (target-group {target_group_arn})"


def deregistered(service: str, count: int, target_group_arn: str) -> str:
    return f"(service {service}) deregistered {count} targets in (target-group {target_group_arn})"


def not_all_carried(service: str, problem: str) -> str:
    """Return the event of a service that its load balancer cannot carry.

    culm's own: an ALB carries whatever its API took.
    """
    return f"(service {service}) its load balancer is impaired: {problem}"


def not_looked_after(service: str, problem: str) -> str:
    """Return the event of a service that the scheduler fails on. culm's own."""
    return f"(service {service}) was unable to be scheduled: {problem}"


def steady(service: str) -> str:
    return f"(service {service}) {STEADY}"


def deployment_completed(service: str, deployment_id: str) -> str:
    return f"(service {service}) (deployment {deployment_id}) deployment completed."


def deployment_failed(service: str, deployment_id: str) -> str:
    return f"(service {service}) (deployment {deployment_id}) deployment failed: tasks failed to start."


def deployment_stopped(service: str, deployment_id: str) -> str:
    return f"(service {service}) (deployment {deployment_id}) deployment failed: deployment was stopped by the user."


def deployment_alarmed(service: str, deployment_id: str) -> str:
    return f"(service {service}) (deployment {deployment_id}) deployment failed: alarm detected."


def rolling_back(service: str, deployment_id: str) -> str:
    return f"(service {service}) rolling back to deployment {deployment_id}."


def dead_configuration(service: str) -> str:
    return (
        f"(service {service}) was unable to stop or start tasks during a deployment because of the service deployment "
        "configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
    )


def not_balanced(service: str, zones: Mapping[str, int]) -> str:
    return f"(service {service}) {NOT_BALANCED} with {_in_zones(zones)}. AZ Rebalancing in progress."


def balanced(service: str, zones: Mapping[str, int]) -> str:
    return f"(service {service}) is AZ balanced with {_in_zones(zones)}."


def was_unbalanced(history: Sequence[ServiceEvent]) -> bool:
    """Return whether the newest event about zones says that they are uneven. `history` is newest first."""
    return NOT_BALANCED in next((e.message for e in history if "AZ balanced" in e.message), "")


def _in_zones(zones: Mapping[str, int]) -> str:
    *most, last_one = [f"{count} tasks in {zone}" for zone, count in zones.items()]
    return f"{', '.join(most)} and {last_one}" if most else last_one


def cannot_start(service: str) -> str:
    return f"(service {service}) is unable to consistently start tasks successfully."


def unhealthy_target(service: str, task_arn: str, port: int, target_group_arn: str, reason: str) -> str:
    return (
        f"(service {service}) (task {last(task_arn)}) (port {port}) is unhealthy in (target-group {target_group_arn}) "
        f"due to (reason {reason})."
    )


def failed_checks(service: str, task_arn: str) -> str:
    return f"(service {service}) (task {last(task_arn)}) failed container health checks."


def under_protection(service: str, deployment_id: str, count: int) -> str:
    return (
        f"(service {service}) was unable to reach steady state because (taskSet {deployment_id}) was unable to scale "
        f"in due to (reason {count} tasks under protection)"
    )


GUIDE = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
SHORTAGES = {
    "RESOURCE:CPU": "has insufficient CPU units available.",
    "RESOURCE:MEMORY": "has insufficient memory available.",
    "RESOURCE:PORTS": "is already using a port required by your task.",
    "ATTRIBUTE": "is missing an attribute required by your task.",
}
"""What RunTask's failure reasons are called in a service's event."""


def unable_to_place(service: str, closest: str | None, reason: str) -> str:
    """Return the event of a task that fits nowhere.

    `closest` is the ARN of the instance that came nearest, `reason` its objection; None: there is no instance.
    """
    refused = (
        f"(service {service}) was unable to place a task because no container instance met all of its requirements."
    )
    if closest is None:
        return f"{refused} Reason: No Container Instances were found in your cluster. {GUIDE}"
    shortage = SHORTAGES.get(reason, f'encountered error "{reason}".')
    return f"{refused} The closest matching (container-instance {last(closest)}) {shortage} {GUIDE}"


def unknown_revision(service: str, task_definition_arn: str) -> str:
    return f"(service {service}) was unable to place a task. Reason: {last(task_definition_arn)} does not exist."


def cannot_assume(role_arn: str) -> str:
    """Return the message of RunTask and of service events for a role that does not exist or does not trust ECS."""
    return (
        f"ECS was unable to assume the role '{role_arn}' that was provided for this task. Please verify that the role "
        "being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass "
        "this role."
    )


def cannot_launch(service: str, error: str) -> str:
    return f"(service {service}) failed to launch a task with (error {error})."


TASK_FAILED = "Task failed "
"""How the stopped reason of a task begins that did not answer its health checks."""
STOPPED_FOR_FAILED_CHECKS = f"{TASK_FAILED}container health checks"
"""The stopped reason of a task whose container health check fails."""


FAILED_TARGET = f"{TASK_FAILED}ELB health checks"


def failed_target(target_group_arn: str) -> str:
    """Return the stopped reason of a task whose target is unhealthy."""
    return f"{FAILED_TARGET} in (target-group {target_group_arn})"


def scaling(deployment_id: str) -> str:
    """Return the stopped reason of a task that is too many, or of an older deployment."""
    return f"Scaling activity initiated by (deployment {deployment_id})"


def is_news(message: str, history: Sequence[ServiceEvent], now: float) -> bool:
    """Return whether the message is to be reported, given the service's events so far, newest first.

    "Steady" is news when something happened since it was last reported. An obstacle is news when it was not reported
    since the service was last steady, whichever instance came closest. Both are repeated once in a while.
    """
    if _kind(message) == "steady":
        same = history[0] if history and _kind(history[0].message) == "steady" else None
    else:
        since = takewhile(lambda e: _kind(e.message) != "steady", history)
        same = next((e for e in since if _kind(e.message) == _kind(message)), None)
    return same is None or now - same.created_at >= REPEAT_SECONDS


def _kind(message: str) -> str:
    """Return the part that two events with the same meaning have in common."""
    if message.endswith(STEADY):
        return "steady"
    return re.sub(r"\(container-instance [^)]*\)", "", message)


def _tasks(task_arns: Iterable[str]) -> str:
    return " ".join(f"(task {last(arn)})" for arn in task_arns)
