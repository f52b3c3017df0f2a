"""What container agents call: registering, and reporting what became of their tasks.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterContainerInstance.html
"""

from collections.abc import Container, Iterator, Mapping
from typing import Any, Literal

import msgspec

from culm.cluster.services.ecs import reports
from culm.cluster.services.ecs.container_instances import AGENT
from culm.cluster.services.ecs.references import container_instance_arn, find_cluster, full_task_arn
from culm.cluster.store.ecs import container_instances, tags
from culm.cluster.wire.operations import Call, operation
from culm.core.model.agent import ContainerStateChange, RegisterContainerInstance, SubmitTaskStateChange
from culm.core.model.arn import last
from culm.core.model.instances import Attribute
from culm.core.model.record import Stored, record
from culm.core.model.task_definitions import Tag
from culm.core.model.tasks import NetworkBinding
from culm.errors import AwsError

ACKNOWLEDGED = {"acknowledgment": "ok"}


@record
class Resource:
    name: str = ""
    type: str = ""
    integer_value: int = 0
    double_value: float = 0.0
    long_value: int = 0
    string_set_value: tuple[str, ...] = ()


@record
class VersionInfo:
    agent_version: str | None = None
    agent_hash: str | None = None
    docker_version: str | None = None


@record
class RegisterContainerInstanceInput:
    cluster: str | None = None
    instance_identity_document: str | None = None
    instance_identity_document_signature: Stored[str | None] = None
    total_resources: tuple[Resource, ...] = ()
    version_info: Stored[VersionInfo] = VersionInfo()
    container_instance_arn: str | None = None
    attributes: tuple[Attribute, ...] = ()
    tags: Stored[tuple[Tag, ...]] = ()


@operation("ecs", "RegisterContainerInstance", wakes=True)
def register_container_instance(call: Call, req: RegisterContainerInstanceInput) -> dict[str, Any]:
    """Register an instance, or an agent that is back under the ARN that it has.

    Raises InvalidParameterException without CPU and memory, and ClientException for an instance that is gone.
    """
    cluster = find_cluster(call, req.cluster)
    numbers = {r.name: r.integer_value for r in req.total_resources}
    sets = {r.name: r.string_set_value for r in req.total_resources}
    if not numbers.get("CPU") or not numbers.get("MEMORY"):
        raise AwsError("InvalidParameterException", "totalResources must have CPU and MEMORY.")
    known = req.container_instance_arn
    if known is not None:
        there = container_instances.find(call.db, known)
        if there is None or there.status == "INACTIVE":
            raise AwsError("ClientException", "The referenced container instance is INACTIVE.")
    identity = _identity(req.instance_identity_document)
    arn = known or container_instance_arn(call, cluster.name, call.new_id())
    message = RegisterContainerInstance(
        cluster=cluster.name,
        ec2_instance_id=identity.get("instanceId") or f"i-{last(arn)[:17]}",
        address="",
        cpu=numbers["CPU"],
        memory=numbers["MEMORY"],
        ports=tuple(int(port) for port in sets.get("PORTS", ())),
        attributes=(*req.attributes, *_attributes_of(identity, {a.name for a in req.attributes})),
    )
    instance = reports.register(call.db, message, arn, call.now)
    tags.put(call.db, arn, req.tags)
    return {
        "container_instance": {
            "container_instance_arn": arn,
            "ec2_instance_id": instance.ec2_instance_id,
            "status": "ACTIVE",
            "version": 1,
            "version_info": AGENT,
            "agent_connected": False,
            "attributes": instance.attributes,
            "registered_resources": req.total_resources,
            "remaining_resources": req.total_resources,
            "running_tasks_count": 0,
            "pending_tasks_count": 0,
            "registered_at": instance.registered_at,
            "tags": req.tags,
        }
    }


def _identity(document: str | None) -> Mapping[str, str]:
    """Return what the machine says of itself; empty outside EC2.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html
    """
    if not document:
        return {}
    try:
        fields = msgspec.json.decode(document, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise AwsError("ClientException", "The instance identity document is not valid.") from error
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _attributes_of(identity: Mapping[str, str], given: Container[str]) -> Iterator[Attribute]:
    """Return those that ECS adds by itself.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-constraints.html#ecs-automatic-placement-constraints
    """
    known = {
        "ecs.ami-id": identity.get("imageId"),
        "ecs.availability-zone": identity.get("availabilityZone"),
        "ecs.instance-type": identity.get("instanceType"),
    }
    return (Attribute(name=name, value=value) for name, value in known.items() if value and name not in given)


@record
class DiscoverPollEndpointInput:
    container_instance: str | None = None
    cluster: str | None = None


@operation("ecs", "DiscoverPollEndpoint")
def discover_poll_endpoint(call: Call, req: DiscoverPollEndpointInput) -> dict[str, Any]:
    """Refuse: an agent would go on to open a websocket there, which nobody answers, and exit."""
    raise AwsError(
        "ClientException", "culm does not serve other people's container agents: its simulated instances have their own"
    )


@record
class SubmitTaskStateChangeInput:
    task: str
    status: Literal["PENDING", "RUNNING", "STOPPED"]
    cluster: str | None = None
    reason: str = ""
    containers: tuple[ContainerStateChange, ...] = ()
    pull_started_at: float | None = None
    pull_stopped_at: float | None = None
    execution_stopped_at: float | None = None


@operation("ecs", "SubmitTaskStateChange", wakes=True)
def submit_task_state_change(call: Call, req: SubmitTaskStateChangeInput) -> dict[str, Any]:
    """Take a report, and never answer 4xx for one that is merely old: the agent would drop it for good."""
    cluster = find_cluster(call, req.cluster)
    change = SubmitTaskStateChange(
        task=full_task_arn(call, cluster, req.task),
        status=req.status,
        reason=req.reason,
        containers=req.containers,
        pull_started_at=req.pull_started_at,
        pull_stopped_at=req.pull_stopped_at,
        execution_stopped_at=req.execution_stopped_at,
    )
    reports.task_changed(call.db, change, call.now)
    return ACKNOWLEDGED


@record
class SubmitContainerStateChangeInput:
    task: str
    container_name: str
    status: Literal["PENDING", "RUNNING", "STOPPED"]
    cluster: str | None = None
    runtime_id: str | None = None
    exit_code: int | None = None
    reason: str | None = None
    network_bindings: tuple[NetworkBinding, ...] = ()


@operation("ecs", "SubmitContainerStateChange", wakes=True)
def submit_container_state_change(call: Call, req: SubmitContainerStateChangeInput) -> dict[str, Any]:
    """Take an agent's report of one container."""
    cluster = find_cluster(call, req.cluster)
    change = ContainerStateChange(
        container_name=req.container_name,
        status=req.status,
        runtime_id=req.runtime_id,
        exit_code=req.exit_code,
        reason=req.reason,
        network_bindings=req.network_bindings,
    )
    reports.container_changed(call.db, full_task_arn(call, cluster, req.task), change)
    return ACKNOWLEDGED


@record
class AttachmentChange:
    attachment_arn: str
    status: str


@record
class SubmitAttachmentStateChangesInput:
    attachments: Stored[tuple[AttachmentChange, ...]]
    cluster: str | None = None


@operation("ecs", "SubmitAttachmentStateChanges")
def submit_attachment_state_changes(call: Call, req: SubmitAttachmentStateChangesInput) -> dict[str, Any]:
    """Acknowledge: there are no attachments here, as awsvpc tasks have no instance that takes them."""
    find_cluster(call, req.cluster)
    return ACKNOWLEDGED


@record
class UpdateContainerAgentInput:
    container_instance: str
    cluster: str | None = None


@operation("ecs", "UpdateContainerAgent")
def update_container_agent(call: Call, req: UpdateContainerAgentInput) -> dict[str, Any]:
    """Raise NoUpdateAvailableException: the agents are part of the cluster."""
    find_cluster(call, req.cluster)
    raise AwsError("NoUpdateAvailableException", "There is no update available for this container agent.")
