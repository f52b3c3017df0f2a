"""Services as ECS describes them."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from culm.cluster.services.ecs import awsvpc
from culm.cluster.store.ecs import events, services, tags, tasks
from culm.cluster.wire.operations import Call
from culm.core.model.services import Deployment, Service, ServiceEvent

NOT_SHOWN = ("endpoints", "service_connect_configuration", "task_set")
"""Of the service: its deployments show how it takes part in Service Connect."""
OF_SERVICE = tuple(field.name for field in fields(Service) if field.name not in NOT_SHOWN)
OF_DEPLOYMENT = tuple(field.name for field in fields(Deployment))


def view(call: Call, service: Service, *, with_tags: bool = False) -> dict[str, Any]:
    """Return a service as ECS shows it, with its tasks counted, and its last events, newest first."""
    counts = tasks.counts(call.db, service.service_arn)
    task_sets = services.task_sets(call.db, service.service_arn)
    for each in task_sets:
        counts.update(tasks.counts(call.db, each.service_arn))
    primary = service.primary
    if service.scheduling_strategy == "DAEMON" and primary is not None:
        service = replace(service, desired_count=primary.desired_count)
    return {name: getattr(service, name) for name in OF_SERVICE} | {
        "running_count": sum(running for running, _ in counts.values()),
        "pending_count": sum(pending for _, pending in counts.values()),
        "deployments": [_deployment(service, d, *counts.get(d.id, (0, 0))) for d in service.deployments],
        "deployment_controller": {"type": service.deployment_controller},
        **awsvpc.shown(service),
        "launch_type": None if service.capacity_provider_strategy else service.launch_type,
        "capacity_provider_strategy": service.capacity_provider_strategy or None,
        "events": _events(call, service, task_sets),
        "service_registries": [],
        "task_sets": [task_set(call, each) for each in task_sets] or None,
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


def task_set(call: Call, service: Service, *, with_tags: bool = False) -> dict[str, Any]:
    """Return a task set as ECS shows it, with its tasks counted."""
    given = service.task_set
    assert given is not None, service.service_arn
    counts = tasks.counts(call.db, service.service_arn).values()
    running, pending = sum(each for each, _ in counts), sum(each for _, each in counts)
    steady = running == service.desired_count and not pending
    shown = {
        "id": "/".join(service.service_arn.split("/")[-2:]),
        "task_set_arn": service.service_arn,
        "service_arn": given.service_arn,
        "cluster_arn": service.cluster_arn,
        "external_id": given.external_id,
        "status": service.status if service.status != "ACTIVE" else "PRIMARY" if given.primary else "ACTIVE",
        "task_definition": service.task_definition,
        "computed_desired_count": service.desired_count,
        "running_count": running,
        "pending_count": pending,
        "created_at": service.created_at,
        "updated_at": given.updated_at,
        **awsvpc.shown(service),
        "launch_type": None if service.capacity_provider_strategy else service.launch_type,
        "capacity_provider_strategy": service.capacity_provider_strategy or None,
        "load_balancers": service.load_balancers,
        "service_registries": [],
        "scale": {"value": given.scale, "unit": "PERCENT"},
        "stability_status": "STEADY_STATE" if steady else "STABILIZING",
        "stability_status_at": given.updated_at,
    }
    return shown | ({"tags": tags.of(call.db, service.service_arn)} if with_tags else {})


def _events(call: Call, service: Service, task_sets: Sequence[Service]) -> Sequence[ServiceEvent]:
    """Return the last events of a service and of its task sets, newest first."""
    own = events.of_service(call.db, service.service_arn)
    if not task_sets:
        return own
    all_of_them = [*own, *(event for each in task_sets for event in events.of_service(call.db, each.service_arn))]
    return sorted(all_of_them, key=lambda event: event.created_at, reverse=True)[: events.KEPT]


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
