"""Task sets: for services with the EXTERNAL deployment controller, which this cluster does not have.

ECS refuses them for services of the ECS controller; so does this.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-external.html
"""

from typing import Any

from culm.cluster.services.ecs.references import find_cluster, find_service
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError


@record
class CreateTaskSetInput:
    cluster: str
    service: str
    task_definition: str


@operation("ecs", "CreateTaskSet")
def create_task_set(call: Call, req: CreateTaskSetInput) -> dict[str, Any]:
    raise _refused(call, req.cluster, req.service)


@record
class UpdateTaskSetInput:
    cluster: str
    service: str
    task_set: str


@operation("ecs", "UpdateTaskSet")
def update_task_set(call: Call, req: UpdateTaskSetInput) -> dict[str, Any]:
    raise _refused(call, req.cluster, req.service)


@record
class DeleteTaskSetInput:
    cluster: str
    service: str
    task_set: str
    force: bool = False


@operation("ecs", "DeleteTaskSet")
def delete_task_set(call: Call, req: DeleteTaskSetInput) -> dict[str, Any]:
    raise _refused(call, req.cluster, req.service)


@record
class DescribeTaskSetsInput:
    cluster: str
    service: str
    task_sets: tuple[str, ...] = ()


@operation("ecs", "DescribeTaskSets")
def describe_task_sets(call: Call, req: DescribeTaskSetsInput) -> dict[str, Any]:
    raise _refused(call, req.cluster, req.service)


@record
class UpdateServicePrimaryTaskSetInput:
    cluster: str
    service: str
    primary_task_set: str


@operation("ecs", "UpdateServicePrimaryTaskSet")
def update_service_primary_task_set(call: Call, req: UpdateServicePrimaryTaskSetInput) -> dict[str, Any]:
    raise _refused(call, req.cluster, req.service)


def _refused(call: Call, cluster: str, reference: str) -> AwsError:
    service = find_service(call, find_cluster(call, cluster), reference)
    if service is None:
        return AwsError("ServiceNotFoundException", "Service not found.")
    if service.status != "ACTIVE":
        return AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
    return AwsError(
        "InvalidParameterException",
        "Task sets cannot be used with a service whose deployment controller is not EXTERNAL or CODE_DEPLOY.",
    )
