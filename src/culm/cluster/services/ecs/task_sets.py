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
class TaskSetInput:
    cluster: str
    service: str


@record
class CreateTaskSetInput(TaskSetInput):
    task_definition: str


@operation("ecs", "CreateTaskSet")
def create_task_set(call: Call, req: CreateTaskSetInput) -> dict[str, Any]:
    """Raise InvalidParameterException, as ECS does for a service that it rolls itself."""
    raise _refused(call, req)


@record
class UpdateTaskSetInput(TaskSetInput):
    task_set: str


@operation("ecs", "UpdateTaskSet")
def update_task_set(call: Call, req: UpdateTaskSetInput) -> dict[str, Any]:
    """Raise the same as `create_task_set`."""
    raise _refused(call, req)


@record
class DeleteTaskSetInput(UpdateTaskSetInput):
    force: bool = False


@operation("ecs", "DeleteTaskSet")
def delete_task_set(call: Call, req: DeleteTaskSetInput) -> dict[str, Any]:
    """Raise the same as `create_task_set`."""
    raise _refused(call, req)


@record
class DescribeTaskSetsInput(TaskSetInput):
    task_sets: tuple[str, ...] = ()


@operation("ecs", "DescribeTaskSets")
def describe_task_sets(call: Call, req: DescribeTaskSetsInput) -> dict[str, Any]:
    """Raise the same as `create_task_set`."""
    raise _refused(call, req)


@record
class UpdateServicePrimaryTaskSetInput(TaskSetInput):
    primary_task_set: str


@operation("ecs", "UpdateServicePrimaryTaskSet")
def update_service_primary_task_set(call: Call, req: UpdateServicePrimaryTaskSetInput) -> dict[str, Any]:
    """Raise the same as `create_task_set`."""
    raise _refused(call, req)


def _refused(call: Call, req: TaskSetInput) -> AwsError:
    service = find_service(call, find_cluster(call, req.cluster), req.service)
    if service is None:
        return AwsError("ServiceNotFoundException", "Service not found.")
    if service.status != "ACTIVE":
        return AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
    return AwsError(
        "InvalidParameterException",
        "Task sets cannot be used with a service whose deployment controller is not EXTERNAL or CODE_DEPLOY.",
    )
