"""Task sets: how the owner of a service with the EXTERNAL deployment controller deploys it.

To the scheduler each is a service of its own, which wants its share of the desired count and never rolls.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-external.html
"""

from dataclasses import replace
from typing import Any, Literal

from culm.cluster.services.ecs import awsvpc, service_rules, strategies
from culm.cluster.services.ecs.references import (
    find_cluster,
    find_service,
    new_deployment_id,
    usable_task_definition,
)
from culm.cluster.services.ecs.service_views import task_set
from culm.cluster.services.ecs.tasks import check_launch_type
from culm.cluster.store.ecs import services, tags, tasks
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.deployments import begin
from culm.core.model.arn import last
from culm.core.model.record import Stored, record
from culm.core.model.services import (
    CapacityProviderStrategyItem,
    LoadBalancer,
    NetworkConfiguration,
    Service,
    TaskSet,
)
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError


@record
class Scale:
    value: float = 0.0
    unit: Literal["PERCENT"] = "PERCENT"


@record
class TaskSetInput:
    cluster: str
    service: str


@record
class CreateTaskSetInput(TaskSetInput):
    task_definition: str
    external_id: Stored[str | None] = None
    network_configuration: NetworkConfiguration | None = None
    load_balancers: tuple[LoadBalancer, ...] = ()
    launch_type: Literal["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"] | None = None
    capacity_provider_strategy: Stored[tuple[CapacityProviderStrategyItem, ...]] = ()
    platform_version: str | None = None
    scale: Scale = Scale(value=100.0)
    client_token: Stored[str | None] = None
    tags: Stored[tuple[Tag, ...]] = ()


@operation("ecs", "CreateTaskSet", wakes=True)
def create_task_set(call: Call, req: CreateTaskSetInput) -> dict[str, Any]:
    """Begin another set of tasks beside those that there are.

    Raises InvalidParameterException for a service that ECS rolls itself.
    """
    parent = _external(call, req)
    check_launch_type(req.launch_type)
    definition = usable_task_definition(call, req.task_definition)
    strategy = strategies.effective(find_cluster(call, req.cluster), req.launch_type, req.capacity_provider_strategy)
    id = new_deployment_id(call)
    share = TaskSet(
        service_arn=parent.service_arn,
        scale=_checked(req.scale),
        updated_at=call.now,
        external_id=req.external_id,
    )
    service = replace(
        parent,
        service_arn=_arn(parent, id),
        task_definition=definition.task_definition_arn,
        desired_count=share.desired(parent.desired_count),
        load_balancers=req.load_balancers,
        health_check_grace_period_seconds=parent.health_check_grace_period_seconds if req.load_balancers else 0,
        availability_zone_rebalancing="DISABLED",
        created_at=call.now,
        launch_type=awsvpc.launch_type_of(req.launch_type, strategy),
        capacity_provider_strategy=strategy,
        network_configuration=req.network_configuration,
        platform_version=req.platform_version,
        deployment_controller="ECS",
        task_set=share,
    )
    service_rules.check(call, service, definition)
    services.create(call.db, begin(service, id, definition.task_definition_arn, call.now))
    tags.put(call.db, service.service_arn, req.tags)
    return {"task_set": task_set(call, service, with_tags=True)}


@record
class OneTaskSetInput(TaskSetInput):
    task_set: str


@record
class UpdateTaskSetInput(OneTaskSetInput):
    scale: Scale


@operation("ecs", "UpdateTaskSet", wakes=True)
def update_task_set(call: Call, req: UpdateTaskSetInput) -> dict[str, Any]:
    """Give a task set another share of the service's desired count. Raises TaskSetNotFoundException."""
    parent = _external(call, req)
    service, given = _named(call, parent, req.task_set)
    share = replace(given, scale=_checked(req.scale), updated_at=call.now)
    changed = replace(service, desired_count=share.desired(parent.desired_count), task_set=share)
    services.save_wish(call.db, changed)
    return {"task_set": task_set(call, changed)}


@record
class DeleteTaskSetInput(OneTaskSetInput):
    force: Stored[bool] = False
    """Its tasks are drained either way."""


@operation("ecs", "DeleteTaskSet", wakes=True)
def delete_task_set(call: Call, req: DeleteTaskSetInput) -> dict[str, Any]:
    """Stop a task set's tasks; it is DRAINING until the last is gone. Raises TaskSetNotFoundException."""
    service, _ = _named(call, _external(call, req), req.task_set)
    has_tasks = any(sum(each) for each in tasks.counts(call.db, service.service_arn).values())
    services.delete(call.db, service.service_arn, call.now)
    draining = replace(service, status="DRAINING", desired_count=0)
    if not has_tasks:
        services.save_facts(call.db, replace(draining, status="INACTIVE", deployments=()), call.now)
    return {"task_set": task_set(call, draining)}


@record
class DescribeTaskSetsInput(TaskSetInput):
    task_sets: tuple[str, ...] = ()
    include: tuple[Literal["TAGS"], ...] = ()


@operation("ecs", "DescribeTaskSets")
def describe_task_sets(call: Call, req: DescribeTaskSetsInput) -> dict[str, Any]:
    """Return a service's task sets, or those named; unknown ones are in `failures`."""
    parent = _external(call, req)
    there = {each.service_arn: each for each in services.task_sets(call.db, parent.service_arn)}
    arns = [_arn(parent, each) for each in req.task_sets] or list(there)
    with_tags = "TAGS" in req.include
    return {
        "task_sets": [task_set(call, there[arn], with_tags=with_tags) for arn in arns if arn in there],
        "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in there],
    }


@record
class UpdateServicePrimaryTaskSetInput(TaskSetInput):
    primary_task_set: str


@operation("ecs", "UpdateServicePrimaryTaskSet", wakes=True)
def update_service_primary_task_set(call: Call, req: UpdateServicePrimaryTaskSetInput) -> dict[str, Any]:
    """Make a task set the one that the service is described by. Raises TaskSetNotFoundException."""
    parent = _external(call, req)
    chosen, _ = _named(call, parent, req.primary_task_set)
    for each in services.task_sets(call.db, parent.service_arn):
        given, primary = each.task_set, each.service_arn == chosen.service_arn
        if given is not None and given.primary != primary:
            each = replace(each, task_set=replace(given, primary=primary, updated_at=call.now))
            services.save_wish(call.db, each)
            chosen = each if primary else chosen
    described = replace(
        parent,
        task_definition=chosen.task_definition,
        load_balancers=chosen.load_balancers,
        network_configuration=chosen.network_configuration,
        launch_type=chosen.launch_type,
        capacity_provider_strategy=chosen.capacity_provider_strategy,
        platform_version=chosen.platform_version,
    )
    services.save_wish(call.db, described)
    return {"task_set": task_set(call, chosen)}


def _external(call: Call, req: TaskSetInput) -> Service:
    """Return the service of the EXTERNAL deployment controller that an input names.

    Raises ServiceNotFoundException, ServiceNotActiveException, and InvalidParameterException for another controller.
    """
    service = find_service(call, find_cluster(call, req.cluster), req.service)
    if service is None:
        raise AwsError("ServiceNotFoundException", "Service not found.")
    if service.status != "ACTIVE":
        raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
    if service.deployment_controller != "EXTERNAL":
        raise AwsError(
            "InvalidParameterException",
            "Task sets cannot be used with a service whose deployment controller is not EXTERNAL or CODE_DEPLOY.",
        )
    return service


def _named(call: Call, parent: Service, reference: str) -> tuple[Service, TaskSet]:
    """Return a task set by its id or ARN. Raises TaskSetNotFoundException."""
    service = services.find(call.db, _arn(parent, reference))
    if service is None or service.task_set is None or service.status != "ACTIVE":
        raise AwsError("TaskSetNotFoundException", "The specified task set was not found.")
    return service, service.task_set


def _arn(parent: Service, reference: str) -> str:
    """Return the ARN of a task set that an id, `ecs-svc/...`, or an ARN names."""
    return f"{parent.service_arn.replace(':service/', ':task-set/', 1)}/ecs-svc/{last(reference)}"


def _checked(scale: Scale) -> float:
    if not 0 <= scale.value <= 100:
        raise AwsError("InvalidParameterException", "The scale of a task set is between 0 and 100 per cent.")
    return scale.value
