"""Services as ECS describes them."""

from dataclasses import fields, replace
from typing import Any

from culm.cluster.services.ecs import awsvpc
from culm.cluster.store.ecs import events, tags, tasks
from culm.cluster.wire.operations import Call
from culm.core.model.services import Deployment, Service

NOT_SHOWN = ("endpoints", "service_connect_configuration")
"""Of the service: its deployments show how it takes part in Service Connect."""
OF_SERVICE = tuple(field.name for field in fields(Service) if field.name not in NOT_SHOWN)
OF_DEPLOYMENT = tuple(field.name for field in fields(Deployment))


def view(call: Call, service: Service, *, with_tags: bool = False) -> dict[str, Any]:
    """Return a service as ECS shows it, with its tasks counted, and its last events, newest first."""
    counts = tasks.counts(call.db, service.service_arn)
    primary = service.primary
    if service.scheduling_strategy == "DAEMON" and primary is not None:
        service = replace(service, desired_count=primary.desired_count)
    return {name: getattr(service, name) for name in OF_SERVICE} | {
        "running_count": sum(running for running, _ in counts.values()),
        "pending_count": sum(pending for _, pending in counts.values()),
        "deployments": [_deployment(service, d, *counts.get(d.id, (0, 0))) for d in service.deployments],
        "deployment_controller": {"type": "ECS"},
        **awsvpc.shown(service),
        "launch_type": None if service.capacity_provider_strategy else service.launch_type,
        "capacity_provider_strategy": service.capacity_provider_strategy or None,
        "events": events.of_service(call.db, service.service_arn),
        "service_registries": [],
        "task_sets": None,
        "tags": tags.of(call.db, service.service_arn) if with_tags else [],
        "current_service_deployment": primary and service_deployment_arn(service, primary),
        "current_service_revisions": [
            {
                "arn": service_revision_arn(service, d),
                "requested_task_count": service.desired_count if d.status == "PRIMARY" else 0,
                "running_task_count": counts.get(d.id, (0, 0))[0],
                "pending_task_count": counts.get(d.id, (0, 0))[1],
            }
            for d in service.deployments
        ],
    }


def service_deployment_arn(service: Service, deployment: Deployment) -> str:
    return _of_service(service, "service-deployment", deployment)


def service_revision_arn(service: Service, deployment: Deployment) -> str:
    return _of_service(service, "service-revision", deployment)


def deployment_id(arn: str) -> str:
    """Return the deployment behind the ARN of a service deployment or of a service revision."""
    return f"ecs-svc/{arn.rpartition('/')[2]}"


def _of_service(service: Service, kind: str, deployment: Deployment) -> str:
    return f"{service.service_arn.replace(':service/', f':{kind}/', 1)}/{deployment.id.removeprefix('ecs-svc/')}"


def _deployment(service: Service, deployment: Deployment, running: int, pending: int) -> dict[str, Any]:
    return {name: getattr(deployment, name) for name in OF_DEPLOYMENT} | {
        "desired_count": service.desired_count if deployment.status == "PRIMARY" else deployment.desired_count,
        "running_count": running,
        "pending_count": pending,
        **awsvpc.shown(service),
        "launch_type": None if service.capacity_provider_strategy else service.launch_type,
        "capacity_provider_strategy": service.capacity_provider_strategy or None,
        "service_connect_configuration": service.service_connect_configuration,
    }
