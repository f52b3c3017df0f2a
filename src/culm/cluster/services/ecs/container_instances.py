"""Container instances: the machines of a cluster, as their owners see and drain them.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerInstance.html
"""

from dataclasses import replace
from typing import Any, Literal

from culm.cluster.services.ecs import placement_rules, reports
from culm.cluster.services.ecs.fleet import fleet_of
from culm.cluster.services.ecs.references import container_instance_arn, find_cluster, find_instance
from culm.cluster.store.ecs import attributes, container_instances, tags, tasks
from culm.cluster.store.ecs.clusters import Cluster
from culm.cluster.wire.operations import Call, operation
from culm.core.decide import query
from culm.core.decide.ledger import Node
from culm.core.model.arn import last
from culm.core.model.instances import ContainerInstance
from culm.core.model.record import record
from culm.errors import AwsError

AGENT = {"agent_version": "1.105.1", "agent_hash": "culm"}
"""The version of the agent whose protocol this cluster's own agents keep."""
MOST_DESCRIBED = 100


@record
class DescribeContainerInstancesInput:
    container_instances: tuple[str, ...]
    cluster: str | None = None
    include: tuple[str, ...] = ()


@operation("ecs", "DescribeContainerInstances")
def describe_container_instances(call: Call, req: DescribeContainerInstancesInput) -> dict[str, Any]:
    """Return instances with what is free on them; unknown ones are in `failures`.

    Raises InvalidParameterException for none and for too many.
    """
    cluster = find_cluster(call, req.cluster)
    if not req.container_instances:
        raise AwsError("InvalidParameterException", "Container Instances cannot be empty.")
    if len(req.container_instances) > MOST_DESCRIBED:
        raise AwsError("InvalidParameterException", f"At most {MOST_DESCRIBED} container instances can be described.")
    fleet = fleet_of(call.db, cluster.name)
    matching, failures = [], []
    for reference in req.container_instances:
        arn = container_instance_arn(call, cluster.name, last(reference))
        if arn in fleet.nodes:
            matching.append(_view(call, fleet[arn], with_tags="TAGS" in req.include))
        elif (gone := container_instances.find(call.db, arn)) is not None:
            matching.append(_view(call, Node(gone, 0)))
        else:
            failures.append({"arn": arn, "reason": "MISSING"})
    return {"container_instances": matching, "failures": failures}


@record
class ListContainerInstancesInput:
    cluster: str | None = None
    filter: str | None = None
    status: Literal["ACTIVE", "DRAINING", "REGISTERING", "DEREGISTERING", "REGISTRATION_FAILED"] | None = None


@operation("ecs", "ListContainerInstances")
def list_container_instances(call: Call, req: ListContainerInstancesInput) -> dict[str, Any]:
    """Return ACTIVE and DRAINING instances unless a status is given; `filter` is in the cluster query language."""
    cluster = find_cluster(call, req.cluster)
    nodes = [n for n in fleet_of(call.db, cluster.name) if req.status in (None, n.instance.status)]
    if req.filter is not None:
        placement_rules.check_expression(req.filter)
        nodes = [node for node in nodes if query.matches(req.filter, node)]
    return {"container_instance_arns": [node.arn for node in nodes]}


@record
class UpdateContainerInstancesStateInput:
    container_instances: tuple[str, ...]
    status: Literal["ACTIVE", "DRAINING", "REGISTERING", "DEREGISTERING", "REGISTRATION_FAILED"]
    cluster: str | None = None


@operation("ecs", "UpdateContainerInstancesState", wakes=True)
def update_container_instances_state(call: Call, req: UpdateContainerInstancesStateInput) -> dict[str, Any]:
    """Set instances' status; of a DRAINING one services' tasks move elsewhere, and nothing new is placed on it."""
    cluster = find_cluster(call, req.cluster)
    if req.status not in ("ACTIVE", "DRAINING"):
        raise AwsError("InvalidParameterException", "Container instance status should be one of [ACTIVE, DRAINING].")
    if not 1 <= len(req.container_instances) <= 10:
        raise AwsError("InvalidParameterException", "Between 1 and 10 container instances can be updated at once.")
    updated, failures = [], []
    for reference in req.container_instances:
        arn = container_instance_arn(call, cluster.name, last(reference))
        instance = container_instances.find(call.db, arn)
        if instance is None or instance.status == "INACTIVE":
            failures.append({"arn": arn, "reason": "MISSING" if instance is None else "INACTIVE"})
            continue
        container_instances.set_status(call.db, arn, req.status)
        updated.append(arn)
    fleet = fleet_of(call.db, cluster.name)
    return {"container_instances": [_view(call, fleet[arn]) for arn in updated], "failures": failures}


@record
class DeregisterContainerInstanceInput:
    container_instance: str
    cluster: str | None = None
    force: bool = False


@operation("ecs", "DeregisterContainerInstance", wakes=True)
def deregister_container_instance(call: Call, req: DeregisterContainerInstanceInput) -> dict[str, Any]:
    """Make an instance INACTIVE for good; with `force`, tasks that run on it are given up."""
    cluster = find_cluster(call, req.cluster)
    instance = existing_instance(call, cluster, req.container_instance)
    arn = instance.container_instance_arn
    left = list(tasks.select(call.db, "container_instance_arn = ? AND last_status != 'STOPPED'", (arn,)))
    if left and not req.force:
        raise AwsError("InvalidParameterException", "Found running tasks on the instance.")
    for task in left:
        reports.lost(call.db, task, "Container instance was deregistered", call.now)
    container_instances.set_status(call.db, arn, "INACTIVE")
    attributes.clear(call.db, cluster.name, arn)
    return {"container_instance": _view(call, Node(replace(instance, status="INACTIVE"), 0))}


def existing_instance(call: Call, cluster: Cluster, reference: str) -> ContainerInstance:
    """Return the instance that a request names. Raises InvalidParameterException."""
    instance = find_instance(call, cluster, reference)
    if instance is None or instance.status == "INACTIVE":
        raise AwsError("InvalidParameterException", "The referenced container instance was not found.")
    return instance


def _view(call: Call, node: Node, *, with_tags: bool = False) -> dict[str, Any]:
    instance = node.instance
    running, pending = tasks.counts_on(call.db, node.arn)
    return {
        "container_instance_arn": node.arn,
        "ec2_instance_id": instance.ec2_instance_id,
        "version": 1,
        "version_info": AGENT,
        "registered_resources": _resources(instance.cpu, instance.memory, instance.ports, instance.ports_udp),
        "remaining_resources": _resources(node.cpu, node.memory, tuple(node.ports), tuple(node.ports_udp)),
        "status": instance.status,
        "agent_connected": instance.agent_connected and instance.status != "INACTIVE",
        "running_tasks_count": running,
        "pending_tasks_count": pending,
        "attributes": instance.attributes,
        "registered_at": instance.registered_at,
        "attachments": [],
        "tags": tags.of(call.db, node.arn) if with_tags else [],
    }


def _resources(cpu: int, memory: int, ports: tuple[int, ...], ports_udp: tuple[int, ...]) -> list[dict[str, Any]]:
    """`remaining` ports are, as on ECS, those that are taken."""
    numbers = [
        {"name": name, "type": "INTEGER", "double_value": 0.0, "long_value": 0, "integer_value": value}
        for name, value in (("CPU", cpu), ("MEMORY", memory))
    ]
    sets = [
        {
            "name": name,
            "type": "STRINGSET",
            "double_value": 0.0,
            "long_value": 0,
            "integer_value": 0,
            "string_set_value": [str(port) for port in sorted(taken)],
        }
        for name, taken in (("PORTS", ports), ("PORTS_UDP", ports_udp))
    ]
    return [numbers[0], numbers[1], *sets]
