"""Tasks: started, stopped, described.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from culm.cluster.services.ecs import awsvpc, client_tokens, placement_rules, strategies, task_roles
from culm.cluster.services.ecs.fleet import fleet_of
from culm.cluster.services.ecs.launch import Launch, launch
from culm.cluster.services.ecs.references import (
    cluster_arn,
    container_instance_arn,
    find_cluster,
    find_instance,
    find_service,
    full_task_arn,
    usable_task_definition,
)
from culm.cluster.services.ecs.task_definition_rules import check_fargate_size, cpu_units, mebibytes
from culm.cluster.services.ecs.task_views import views
from culm.cluster.store.ecs import tags, tasks
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.ledger import need_of
from culm.core.decide.placement import TASK_DEFAULT, Chooser, PlacementRequest, Unplaceable, refusal
from culm.core.model import fargate
from culm.core.model.arn import last
from culm.core.model.record import Stored, record
from culm.core.model.services import CapacityProviderStrategyItem, NetworkConfiguration
from culm.core.model.task_definitions import PlacementConstraint, PlacementStrategy, Tag, TaskDefinition
from culm.core.model.tasks import StopCode, Task, TaskOverride
from culm.errors import AwsError

MOST_AT_ONCE = 10
"""Tasks of one RunTask, instances of one StartTask."""


@record
class LaunchInput:
    """What both ways to start tasks are told of them."""

    task_definition: str
    cluster: str | None = None
    group: str | None = None
    overrides: TaskOverride = TaskOverride()
    propagate_tags: Literal["TASK_DEFINITION", "SERVICE", "NONE"] = "NONE"
    enable_ecs_managed_tags: Stored[bool] = False
    enable_execute_command: bool = False
    reference_id: Stored[str | None] = None
    started_by: str | None = None
    tags: Stored[tuple[Tag, ...]] = ()
    network_configuration: NetworkConfiguration | None = None


@record
class RunTaskInput(LaunchInput):
    count: int = 1
    launch_type: Literal["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"] | None = None
    placement_constraints: tuple[PlacementConstraint, ...] = ()
    placement_strategy: tuple[PlacementStrategy, ...] = ()
    client_token: str | None = None
    capacity_provider_strategy: tuple[CapacityProviderStrategyItem, ...] = ()
    platform_version: str | None = None


@operation("ecs", "RunTask", wakes=True)
def run_task(call: Call, req: RunTaskInput) -> dict[str, Any]:
    """Place up to ten tasks at once, now; what does not fit is a failure in the answer and starts nothing."""
    cluster = find_cluster(call, req.cluster)
    check_launch_type(req.launch_type)
    req = replace(req, overrides=sized(req.overrides))
    if not 1 <= req.count <= MOST_AT_ONCE:
        raise AwsError("InvalidParameterException", f"Count must be between 1 and {MOST_AT_ONCE}.")
    placement_rules.check(req.placement_constraints, req.placement_strategy)
    strategy = strategies.effective(cluster, req.launch_type, req.capacity_provider_strategy)
    strategies.check(call, req.launch_type, strategy)
    token = client_tokens.Token.of(req.client_token, cluster.name, replace(req, client_token=None))
    if (arns := client_tokens.answered(call, token)) is not None:
        return {"tasks": views(call, tasks.by_arns(call.db, arns)), "failures": []}

    definition = usable_task_definition(call, req.task_definition)
    launch_type = awsvpc.launch_type_of(req.launch_type, strategy)
    awsvpc.check(call, definition, req.network_configuration, launch_type, req.platform_version)
    what = replace(_launch(call, cluster.name, definition, req), launch_type=launch_type)
    if launch_type == fargate.LAUNCH_TYPE:
        started = _on_fargate(call, what, req, strategies.shares(strategy, req.count))
        client_tokens.remember(call, token, [task.task_arn for task in started])
        return {"tasks": views(call, started, with_tags=True), "failures": []}
    fleet = fleet_of(call.db, cluster.name)
    if not fleet.nodes:
        raise AwsError("InvalidParameterException", "No Container Instances were found in your cluster.")
    chooser = Chooser(
        PlacementRequest(
            need=need_of(definition, req.overrides),
            group=what.group,
            constraints=(*definition.placement_constraints, *req.placement_constraints),
            strategies=req.placement_strategy or TASK_DEFAULT,
        ),
        fleet,
    )
    started = []
    failures: list[dict[str, str]] = []
    for provider in strategies.shares(strategy, req.count):
        placed = chooser.place()
        if isinstance(placed, Unplaceable):
            failures += [{"arn": arn, "reason": why} for arn, why in placed.reasons.items()]
            break
        provided = replace(what, capacity_provider_name=provider)
        started.append(launch(call.db, provided, placed.container_instance_arn, call.now, call.new_id))
    client_tokens.remember(call, token, [task.task_arn for task in started])
    return {"tasks": views(call, started, with_tags=True), "failures": failures}


def _on_fargate(call: Call, what: Launch, req: RunTaskInput, providers: Sequence[str | None]) -> list[Task]:
    """Return tasks on the host of Fargate, which has room for them all."""
    placement_rules.check_fargate(req.placement_constraints, req.placement_strategy)
    check_fargate_size(req.overrides.cpu or what.definition.cpu, req.overrides.memory or what.definition.memory)
    host = fargate.host_arn(what.cluster_arn)
    each = [replace(what, capacity_provider_name=provider) for provider in providers]
    return [launch(call.db, provided, host, call.now, call.new_id) for provided in each]


@record
class StartTaskInput(LaunchInput):
    container_instances: tuple[str, ...]


@operation("ecs", "StartTask", wakes=True)
def start_task(call: Call, req: StartTaskInput) -> dict[str, Any]:
    """Return one task on each of the named instances: the caller is the scheduler, only room and capabilities count."""
    cluster = find_cluster(call, req.cluster)
    if not 1 <= len(req.container_instances) <= MOST_AT_ONCE:
        raise AwsError("InvalidParameterException", f"Between 1 and {MOST_AT_ONCE} container instances can be named.")
    req = replace(req, overrides=sized(req.overrides))
    definition = usable_task_definition(call, req.task_definition)
    awsvpc.check(call, definition, req.network_configuration, "EC2")
    what = _launch(call, cluster.name, definition, req)
    need = need_of(definition, req.overrides)
    fleet = fleet_of(call.db, cluster.name)
    started: list[Task] = []
    failures: list[dict[str, str]] = []
    for reference in req.container_instances:
        arn = container_instance_arn(call, cluster.name, last(reference))
        why = refusal(need, fleet[arn]) if arn in fleet.nodes else "MISSING"
        if why:
            failures.append({"arn": arn, "reason": why})
            continue
        fleet.take(fleet[arn], need, what.group)
        started.append(launch(call.db, what, arn, call.now, call.new_id))
    return {"tasks": views(call, started, with_tags=True), "failures": failures}


@record
class StopTaskInput:
    task: str
    cluster: str | None = None
    reason: str | None = None


@operation("ecs", "StopTask", wakes=True)
def stop_task(call: Call, req: StopTaskInput) -> dict[str, Any]:
    """Wish a task stopped, with the caller's reason; its agent stops it.

    Raises InvalidParameterException when there is no such task.
    """
    cluster = find_cluster(call, req.cluster)
    arn = full_task_arn(call, cluster, req.task)
    if tasks.find(call.db, arn) is None:
        raise AwsError("InvalidParameterException", "The referenced task was not found.")
    tasks.stop(call.db, arn, StopCode.USER_INITIATED, req.reason or "Task stopped by user", call.now)
    return {"task": views(call, tasks.by_arns(call.db, [arn]))[0]}


@record
class DescribeTasksInput:
    tasks: tuple[str, ...]
    cluster: str | None = None
    include: tuple[str, ...] = ()


@operation("ecs", "DescribeTasks")
def describe_tasks(call: Call, req: DescribeTasksInput) -> dict[str, Any]:
    """Return up to 100 tasks; one that is not kept any more is in `failures`.

    Raises InvalidParameterException for none and for more.
    """
    cluster = find_cluster(call, req.cluster)
    if not req.tasks:
        raise AwsError("InvalidParameterException", "Tasks cannot be empty.")
    if len(req.tasks) > 100:
        raise AwsError("InvalidParameterException", "Tasks cannot be more than 100.")
    arns = [full_task_arn(call, cluster, reference) for reference in req.tasks]
    described = tasks.by_arns(call.db, arns)
    known = {task.task_arn for task in described}
    return {
        "tasks": views(call, described, with_tags="TAGS" in req.include),
        "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known],
    }


@record
class ListTasksInput:
    cluster: str | None = None
    container_instance: str | None = None
    family: str | None = None
    started_by: str | None = None
    service_name: str | None = None
    desired_status: Literal["RUNNING", "PENDING", "STOPPED"] = "RUNNING"
    launch_type: str | None = None


@operation("ecs", "ListTasks")
def list_tasks(call: Call, req: ListTasksInput) -> dict[str, Any]:
    """Return tasks; a desired status of PENDING is allowed, and nothing ever has it: that is AWS's own."""
    cluster = find_cluster(call, req.cluster)
    where, values = ["cluster = ?", "desired_status = ?"], [cluster.name, req.desired_status]
    if req.started_by is not None and (req.service_name or req.family or req.container_instance):
        raise AwsError("InvalidParameterException", "cannot specify startedBy with other filters.")
    if req.service_name is not None:
        service = find_service(call, cluster, req.service_name)
        if service is None:
            raise AwsError("ServiceNotFoundException", "Service not found.")
        where.append("(service_arn = ? OR service_arn IN (SELECT arn FROM ecs_service WHERE task_set_of = ?))")
        values += [service.service_arn] * 2
    if req.container_instance is not None:
        instance = find_instance(call, cluster, req.container_instance)
        if instance is None:
            raise AwsError("InvalidParameterException", "The referenced container instance was not found.")
        where.append("container_instance_arn = ?")
        values.append(instance.container_instance_arn)
    for column, value in (("family", req.family), ("started_by", req.started_by), ("launch_type", req.launch_type)):
        if value is not None:
            where.append(f"{column} = ?")
            values.append(value)
    return {"task_arns": tasks.arns(call.db, " AND ".join(where), values)}


def check_launch_type(launch_type: str | None) -> None:
    """Raise InvalidParameterException for a launch type other than EC2 and FARGATE."""
    if launch_type not in (None, "EC2", fargate.LAUNCH_TYPE):
        raise AwsError(
            "InvalidParameterException", f"culm does not support launchType {launch_type}: it has EC2 and FARGATE"
        )


def sized(overrides: TaskOverride) -> TaskOverride:
    """Return its sizes as AWS keeps them, in units and MiB. Raises ClientException."""
    return replace(overrides, cpu=cpu_units(overrides.cpu), memory=mebibytes(overrides.memory))


def check_overrides(definition: TaskDefinition, overrides: TaskOverride) -> None:
    """Raise InvalidParameterException for an override of a container that the definition does not have."""
    names = {container.name for container in definition.container_definitions}
    for override in overrides.container_overrides:
        if override.name not in names:
            raise AwsError(
                "InvalidParameterException",
                f"Override for container named {override.name} is not a container in the TaskDefinition.",
            )


def _launch(call: Call, cluster: str, definition: TaskDefinition, req: LaunchInput) -> Launch:
    if req.group is not None and req.group.startswith("service:"):
        raise AwsError("InvalidParameterException", "Group names that begin with 'service:' are reserved.")
    if req.propagate_tags == "SERVICE":
        raise AwsError("InvalidParameterException", "Tags can be propagated from a service only to its own tasks.")
    check_overrides(definition, req.overrides)
    task_roles.check(call.db, definition, req.overrides)
    propagated = tags.of(call.db, definition.task_definition_arn) if req.propagate_tags == "TASK_DEFINITION" else ()
    own = {tag.key for tag in req.tags}
    return Launch(
        cluster_arn=cluster_arn(call, cluster),
        definition=definition,
        group=req.group or f"family:{definition.family}",
        started_by=req.started_by,
        overrides=req.overrides,
        tags=(*req.tags, *(tag for tag in propagated if tag.key not in own)),
        enable_execute_command=req.enable_execute_command,
        network=req.network_configuration,
    )
