"""Change a service's deployments: begin (by the caller), complete, fail or roll back (by the scheduler).

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
"""

from dataclasses import replace

from culm.core.model.services import Deployment, Service


def begin(service: Service, deployment_id: str, task_definition: str, now: float) -> Service:
    """Return the service with a new PRIMARY deployment; the one before becomes ACTIVE and its tasks are replaced."""
    new = Deployment(
        id=deployment_id,
        status="PRIMARY",
        task_definition=task_definition,
        desired_count=service.desired_count,
        created_at=now,
        updated_at=now,
        rollout_state_reason=f"ECS deployment {deployment_id} in progress.",
    )
    older = tuple(
        replace(d, status="ACTIVE", updated_at=now) if d.status == "PRIMARY" else d for d in service.deployments
    )
    return replace(service, task_definition=task_definition, deployments=(new, *older))


def changed(service: Service, deployment: Deployment) -> Service:
    """Return the service with `deployment` in the place of the one with the same id."""
    return replace(service, deployments=tuple(deployment if d.id == deployment.id else d for d in service.deployments))


def completed(service: Service, deployment: Deployment, now: float) -> Service:
    """Return the service with the deployment COMPLETED, and without those before it."""
    done = replace(
        deployment,
        rollout_state="COMPLETED",
        rollout_state_reason=f"ECS deployment {deployment.id} completed.",
        rolls_back=None,
        failed_tasks=0,
        updated_at=now,
    )
    return replace(service, deployments=(done,))


def last_completed(service: Service) -> Deployment | None:
    """Return the newest COMPLETED deployment before the PRIMARY one, or None."""
    return next((d for d in service.deployments if d.status == "ACTIVE" and d.rollout_state == "COMPLETED"), None)


def roll_back_target(service: Service) -> Deployment | None:
    """Return the deployment to roll back to; None while the PRIMARY one is itself a roll-back."""
    primary = service.primary
    return None if primary is None or primary.rolls_back else last_completed(service)


BREAKER = "ECS deployment circuit breaker"
STOPPED = "ECS deployment stopped by the user"
ALARM = "ECS deployment alarm detected"
"""Who ended a deployment before its time; begins the reasons of what follows."""


def failed(service: Service, deployment: Deployment, now: float, *, by: str = BREAKER) -> Service:
    """Return the service with the deployment FAILED: it starts no more tasks."""
    reason = f"{by}: tasks failed to start." if by == BREAKER else f"{by}."
    return changed(service, replace(deployment, rollout_state="FAILED", rollout_state_reason=reason, updated_at=now))


def rolled_back(service: Service, broken: Deployment, to: Deployment, now: float, *, by: str = BREAKER) -> Service:
    """Return the service with `to` PRIMARY again; tasks of it that still run are kept."""
    again = replace(
        to,
        status="PRIMARY",
        rollout_state="IN_PROGRESS",
        rollout_state_reason=f"{by}: rolling back to deploymentId {to.id}.",
        rolls_back=broken.id,
        updated_at=now,
    )
    halted = failed(service, replace(broken, rolled_back_to=to.id), now, by=by)
    older = tuple(replace(d, status="ACTIVE") for d in halted.deployments if d.id != to.id)
    return replace(service, task_definition=to.task_definition, deployments=(again, *older))
