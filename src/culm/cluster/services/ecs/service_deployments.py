"""Service deployments and service revisions: the history of a service's rolls.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
"""

from typing import Any, Literal

from culm.cluster.services.ecs.references import find_cluster, find_service
from culm.cluster.services.ecs.service_views import deployment_id, service_deployment_arn, service_revision_arn
from culm.cluster.store.ecs import deployments, services, task_definitions, tasks
from culm.cluster.store.ecs.deployments import Kept
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.breaker import threshold
from culm.core.decide.deployments import roll_back_target
from culm.core.model.record import record
from culm.core.model.services import Deployment
from culm.errors import AwsError

MOST_DESCRIBED = 20


@record
class CreatedAt:
    before: float | None = None
    after: float | None = None


@record
class ListServiceDeploymentsInput:
    service: str
    cluster: str | None = None
    status: tuple[str, ...] = ()
    created_at: CreatedAt = CreatedAt()


@operation("ecs", "ListServiceDeployments")
def list_service_deployments(call: Call, req: ListServiceDeploymentsInput) -> dict[str, Any]:
    """Return deployments, newest first."""
    service = find_service(call, find_cluster(call, req.cluster), req.service)
    if service is None:
        raise AwsError("ServiceNotFoundException", "Service not found.")
    since, until = req.created_at.after or 0.0, req.created_at.before or float("inf")
    matching = [
        _brief(call, kept)
        for kept in deployments.of_service(call.db, service.service_arn)
        if since <= kept.deployment.created_at <= until and (not req.status or status_of(call, kept) in req.status)
    ]
    return {"service_deployments": matching}


@record
class DescribeServiceDeploymentsInput:
    service_deployment_arns: tuple[str, ...]


@operation("ecs", "DescribeServiceDeployments")
def describe_service_deployments(call: Call, req: DescribeServiceDeploymentsInput) -> dict[str, Any]:
    matching, failures = _each(call, req.service_deployment_arns)
    return {"service_deployments": [_described(call, kept) for kept in matching], "failures": failures}


@record
class DescribeServiceRevisionsInput:
    service_revision_arns: tuple[str, ...]


@operation("ecs", "DescribeServiceRevisions")
def describe_service_revisions(call: Call, req: DescribeServiceRevisionsInput) -> dict[str, Any]:
    matching, failures = _each(call, req.service_revision_arns)
    return {"service_revisions": [_revision(call, kept) for kept in matching], "failures": failures}


@record
class StopServiceDeploymentInput:
    service_deployment_arn: str
    stop_type: Literal["ABORT", "ROLLBACK"] = "ROLLBACK"


@operation("ecs", "StopServiceDeployment", wakes=True)
def stop_service_deployment(call: Call, req: StopServiceDeploymentInput) -> dict[str, Any]:
    """Go back to the revision of the last deployment that was completed."""
    kept = deployments.find(call.db, deployment_id(req.service_deployment_arn))
    if kept is None:
        raise AwsError("ServiceDeploymentNotFoundException", "The service deployment was not found.")
    if req.stop_type == "ABORT":
        raise AwsError("InvalidParameterException", "culm does not support stopType ABORT")
    if kept.deployment.rollout_state != "IN_PROGRESS" or kept.deployment.status != "PRIMARY":
        raise AwsError("ConflictException", "The service deployment is not in progress.")
    service = services.find(call.db, kept.revision.service_arn)
    if service is None or roll_back_target(service) is None:
        raise AwsError("ConflictException", "There is no completed deployment to roll back to.")
    deployments.request_stop(call.db, kept, req.stop_type)
    return {"service_deployment_arn": req.service_deployment_arn}


def status_of(call: Call, kept: Kept) -> str:
    """Return a service deployment's status, from how far its deployment came."""
    match kept.deployment:
        case Deployment(rolled_back_to=str(to)):
            return _status_of_roll_back(kept.deployment, deployments.find(call.db, to))
        case Deployment(rollout_state="COMPLETED"):
            return "SUCCESSFUL"
        case Deployment(rollout_state="IN_PROGRESS", status="PRIMARY", stop_requested=wish):
            return "ROLLBACK_REQUESTED" if wish else "IN_PROGRESS"
        case _:
            return "STOPPED"


def _status_of_roll_back(broken: Deployment, to: Kept | None) -> str:
    """The deployment that undoes another says so until it is completed."""
    if to is None or to.deployment.rolls_back != broken.id:
        return "ROLLBACK_SUCCESSFUL"
    return "ROLLBACK_FAILED" if to.deployment.rollout_state == "FAILED" else "ROLLBACK_IN_PROGRESS"


@record
class ContinueServiceDeploymentInput:
    service_deployment_arn: str
    hook_id: str
    action: str = "CONTINUE"


@operation("ecs", "ContinueServiceDeployment")
def continue_service_deployment(call: Call, req: ContinueServiceDeploymentInput) -> dict[str, Any]:
    """Refuse: a rolling deployment, and there are no others here, never waits for a hook."""
    if deployments.find(call.db, deployment_id(req.service_deployment_arn)) is None:
        raise AwsError("ServiceDeploymentNotFoundException", "The service deployment was not found.")
    raise AwsError(
        "InvalidParameterException", f"The service deployment does not wait for a lifecycle hook {req.hook_id}."
    )


def _each(call: Call, arns: tuple[str, ...]) -> tuple[list[Kept], list[dict[str, str]]]:
    if not 1 <= len(arns) <= MOST_DESCRIBED:
        raise AwsError("InvalidParameterException", f"Between 1 and {MOST_DESCRIBED} ARNs can be named at once.")
    by_arn = {arn: deployments.find(call.db, deployment_id(arn)) for arn in arns}
    missing = [{"arn": arn, "reason": "MISSING"} for arn, kept in by_arn.items() if kept is None]
    return [kept for kept in by_arn.values() if kept is not None], missing


def _brief(call: Call, kept: Kept) -> dict[str, Any]:
    deployment, service = kept.deployment, kept.revision
    return {
        "service_deployment_arn": service_deployment_arn(service, deployment),
        "service_arn": service.service_arn,
        "cluster_arn": service.cluster_arn,
        "created_at": deployment.created_at,
        "started_at": deployment.created_at,
        "finished_at": kept.finished_at,
        "target_service_revision_arn": service_revision_arn(service, deployment),
        "status": status_of(call, kept),
        "status_reason": deployment.rollout_state_reason or None,
    }


def _described(call: Call, kept: Kept) -> dict[str, Any]:
    deployment, service = kept.deployment, kept.revision
    counts = tasks.counts(call.db, service.service_arn)
    before = [
        other
        for other in deployments.of_service(call.db, service.service_arn)
        if other.deployment.created_at < deployment.created_at
    ][:1]
    breaker = service.deployment_configuration.deployment_circuit_breaker
    return _brief(call, kept) | {
        "updated_at": deployment.updated_at,
        "source_service_revisions": [_counted(other, counts, 0) for other in before],
        "target_service_revision": _counted(kept, counts, service.desired_count),
        "deployment_configuration": service.deployment_configuration,
        "deployment_circuit_breaker": {
            "status": _breaker_status(deployment, enabled=breaker is not None and breaker.enable),
            "failure_count": deployment.failed_tasks,
            "threshold": threshold(breaker, service.desired_count) if breaker else None,
        },
        "rollback": _roll_back(call, kept),
    }


def _roll_back(call: Call, kept: Kept) -> dict[str, Any] | None:
    to = kept.deployment.rolled_back_to and deployments.find(call.db, kept.deployment.rolled_back_to)
    if not to:
        return None
    return {
        "reason": kept.deployment.rollout_state_reason,
        "started_at": kept.finished_at,
        "service_revision_arn": service_revision_arn(to.revision, to.deployment),
    }


def _breaker_status(deployment: Deployment, *, enabled: bool) -> str:
    if not enabled:
        return "DISABLED"
    if deployment.rollout_state == "FAILED":
        return "TRIGGERED"
    return "MONITORING" if deployment.rollout_state == "IN_PROGRESS" else "MONITORING_COMPLETE"


def _counted(kept: Kept, counts: dict[str, tuple[int, int]], requested: int) -> dict[str, Any]:
    running, pending = counts.get(kept.deployment.id, (0, 0))
    return {
        "arn": service_revision_arn(kept.revision, kept.deployment),
        "requested_task_count": requested,
        "running_task_count": running,
        "pending_task_count": pending,
    }


def _revision(call: Call, kept: Kept) -> dict[str, Any]:
    service, deployment = kept.revision, kept.deployment
    definition = task_definitions.find_arn(call.db, deployment.task_definition)
    images = [
        {"container_name": c.name, "image": c.image, "image_digest": kept.digests.get(c.name)}
        for c in (definition.container_definitions if definition else ())
    ]
    return {
        "service_revision_arn": service_revision_arn(service, deployment),
        "service_arn": service.service_arn,
        "cluster_arn": service.cluster_arn,
        "task_definition": deployment.task_definition,
        "launch_type": service.launch_type,
        "load_balancers": service.load_balancers,
        "service_connect_configuration": service.service_connect_configuration,
        "container_images": images,
        "guard_duty_enabled": False,
        "created_at": deployment.created_at,
    }
