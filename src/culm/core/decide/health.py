"""Judge tasks as healthy, unhealthy or still starting.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html (minimumHealthyPercent)
"""

from typing import Literal

from culm.core.decide.state import ClusterState, TargetHealth
from culm.core.model.services import Service
from culm.core.model.tasks import Status, Task

SETTLING_SECONDS = 40.0
"""A task that nobody checks counts as healthy when it has been RUNNING this long."""

Verdict = Literal["starting", "healthy", "unhealthy"]


def verdict(task: Task, service: Service, state: ClusterState) -> Verdict:
    """Return `healthy`, `unhealthy` or `starting`; a task that is not RUNNING yet is starting."""
    if task.last_status != Status.RUNNING or task.started_at is None:
        return "starting"
    definition = state.task_definitions.get(task.task_definition_arn)
    checked = definition is not None and any(c.essential and c.health_check for c in definition.container_definitions)
    target = state.target_health.get(task.task_arn, TargetHealth())
    in_grace = state.now < task.started_at + service.health_check_grace_period_seconds
    if (checked and task.health_status == "UNHEALTHY") or target.state == "unhealthy":
        return "starting" if in_grace else "unhealthy"
    if checked and task.health_status != "HEALTHY":
        return "starting"
    if service.balancers:
        return "healthy" if target.state == "healthy" else "starting"
    if checked or state.now >= task.started_at + SETTLING_SECONDS:
        return "healthy"
    return "starting"
