"""The words of ECS: service events, stopped reasons and rollout reasons, exactly as its clients look for them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
"""

from collections.abc import Iterable, Sequence

from culm.model.arn import last
from culm.model.services import ServiceEvent

REPEAT_SECONDS = 6 * 3600
"""An event that still holds is told again after this long."""


def started(service: str, task_arns: Sequence[str]) -> str:
    return f"(service {service}) has started {len(task_arns)} tasks: {_tasks(task_arns)}."


def stopped(service: str, task_arns: Sequence[str]) -> str:
    return f"(service {service}) has stopped {len(task_arns)} running tasks: {_tasks(task_arns)}."


def draining(service: str, task_arns: Sequence[str]) -> str:
    return f"(service {service}) has begun draining connections on {len(task_arns)} tasks."


def registered(service: str, count: int, target_group_arn: str) -> str:
    return f"(service {service}) registered {count} targets in (target-group {target_group_arn})"


def deregistered(service: str, count: int, target_group_arn: str) -> str:
    return f"(service {service}) deregistered {count} targets in (target-group {target_group_arn})"


def steady(service: str) -> str:
    return f"(service {service}) has reached a steady state."


def deployment_completed(service: str, deployment_id: str) -> str:
    return f"(service {service}) (deployment {deployment_id}) deployment completed."


def deployment_failed(service: str, deployment_id: str) -> str:
    return f"(service {service}) (deployment {deployment_id}) deployment failed: tasks failed to start."


def rolling_back(service: str, deployment_id: str) -> str:
    return f"(service {service}) rolling back to deployment {deployment_id}."


def dead_configuration(service: str) -> str:
    return (
        f"(service {service}) was unable to stop or start tasks during a deployment because of the service deployment "
        "configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
    )


def cannot_start(service: str) -> str:
    return f"(service {service}) is unable to consistently start tasks successfully."


def _tasks(task_arns: Iterable[str]) -> str:
    return " ".join(f"(task {last(arn)})" for arn in task_arns)


SHORTAGES = {
    "RESOURCE:CPU": "has insufficient CPU units available",
    "RESOURCE:MEMORY": "has insufficient memory available",
    "RESOURCE:PORTS": "is already using a port required by your task",
    "ATTRIBUTE": "is missing an attribute required by your task",
    "AGENT": "has the agent disconnected",
}
"""What RunTask's failure reasons are called in a service's event."""


def unable_to_place(service: str, closest: str | None, reason: str) -> str:
    """`closest` is the ARN of the instance that came nearest; None: the cluster has none that takes tasks."""
    message = (
        f"(service {service}) was unable to place a task because no container instance met all of its requirements."
    )
    if closest is None:
        return f"{message} Reason: No Container Instances were found in your cluster."
    shortage = SHORTAGES.get(reason)
    if shortage is None:
        return f"{message} Reason: {reason}"
    return f"{message} The closest matching (container-instance {last(closest)}) {shortage}."


def is_news(message: str, told: Sequence[ServiceEvent], now: float) -> bool:
    """Whether the service's newest events (newest first) leave something to tell.

    The same words are not said again while nothing else happened, but for once in a while.
    """
    newest = told[0] if told else None
    return newest is None or newest.message != message or now - newest.created_at >= REPEAT_SECONDS
