"""How ECS's inputs name things, by name or by ARN, and what it says when there is no such thing."""

from culm.cluster.store.ecs import clusters, container_instances, services, task_definitions
from culm.cluster.store.ecs.clusters import Cluster
from culm.cluster.wire.operations import Call
from culm.core.model.arn import arn, last, resource
from culm.core.model.instances import ContainerInstance
from culm.core.model.services import Service
from culm.core.model.task_definitions import TaskDefinition
from culm.errors import AwsError

DEFAULT_CLUSTER = "default"


def cluster_arn(call: Call, name: str) -> str:
    return arn("ecs", call.region, call.account, f"cluster/{name}")


def service_arn(call: Call, cluster: str, name: str) -> str:
    return arn("ecs", call.region, call.account, f"service/{cluster}/{name}")


def task_arn(call: Call, cluster: str, id: str) -> str:
    return arn("ecs", call.region, call.account, f"task/{cluster}/{id}")


def container_instance_arn(call: Call, cluster: str, id: str) -> str:
    return arn("ecs", call.region, call.account, f"container-instance/{cluster}/{id}")


def task_definition_arn(call: Call, family: str, revision: int) -> str:
    """Return the ARN of one revision."""
    return arn("ecs", call.region, call.account, f"task-definition/{family}:{revision}")


def find_cluster(call: Call, reference: str | None) -> Cluster:
    """Return the ACTIVE cluster of that name or ARN; without one, the default cluster."""
    cluster = clusters.find(call.db, last(reference or DEFAULT_CLUSTER))
    if cluster is None or cluster.deleted_at is not None:
        raise AwsError("ClusterNotFoundException", "Cluster not found.")
    return cluster


def find_service(call: Call, cluster: Cluster, reference: str) -> Service | None:
    """Return the service that a name or an ARN means in this cluster; None when there is none."""
    return services.find(call.db, service_arn(call, cluster.name, last(reference)))


def full_task_arn(call: Call, cluster: Cluster, reference: str) -> str:
    """Return a task's ARN from its id, its ARN, or an ARN of the old format without the cluster."""
    return task_arn(call, cluster.name, last(reference))


def find_instance(call: Call, cluster: Cluster, reference: str) -> ContainerInstance | None:
    """Return the instance that an id or an ARN means in this cluster; None when there is none."""
    return container_instances.find(call.db, container_instance_arn(call, cluster.name, last(reference)))


def find_task_definition(call: Call, reference: str) -> TaskDefinition | None:
    """Return a task definition by `family`, `family:revision` or ARN; a family alone is its newest ACTIVE revision."""
    family, _, revision = resource(reference).removeprefix("task-definition/").partition(":")
    if revision and not revision.isdigit():
        raise AwsError("ClientException", f"Invalid revision number. Number: {revision}")
    return task_definitions.find(call.db, family, int(revision) if revision else None)


def usable_task_definition(call: Call, reference: str) -> TaskDefinition:
    """Return one that tasks may still be started from."""
    definition = find_task_definition(call, reference)
    if definition is None:
        raise AwsError("ClientException", "Unable to find task definition.")
    if definition.status != "ACTIVE":
        raise AwsError("ClientException", "TaskDefinition is inactive")
    return definition


def new_deployment_id(call: Call) -> str:
    """Return `ecs-svc/` and 19 digits."""
    return f"ecs-svc/{int(call.new_id()[:16], 16) % 10**19:019d}"
