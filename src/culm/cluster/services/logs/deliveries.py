"""Export tasks, destinations and deliveries: nothing can be sent on from here, so there never is one of them.

What would make one is refused by name. What lists, describes or deletes them answers as AWS does where there is none,
so that programs that look for them first go on.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeDeliveries.html
"""

from typing import Any, NoReturn

from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record
from culm.errors import AwsError


def _missing(what: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Requested {what} does not exist in this account.")


@record
class DeliveryInput:
    id: str


@operation("logs", "GetDelivery")
@operation("logs", "DeleteDelivery")
def find_delivery(call: Call, req: DeliveryInput) -> NoReturn:
    """Raise ResourceNotFoundException: there is none."""
    raise _missing("Delivery")


@record
class DeliverySourceInput:
    name: str


@operation("logs", "GetDeliverySource")
@operation("logs", "DeleteDeliverySource")
def find_delivery_source(call: Call, req: DeliverySourceInput) -> NoReturn:
    """Raise ResourceNotFoundException: there is none."""
    raise _missing("Delivery Source")


@record
class DeliveryDestinationInput:
    name: str


@operation("logs", "GetDeliveryDestination")
@operation("logs", "DeleteDeliveryDestination")
def find_delivery_destination(call: Call, req: DeliveryDestinationInput) -> NoReturn:
    """Raise ResourceNotFoundException: there is none."""
    raise _missing("Delivery Destination")


@record
class DeliveryDestinationPolicyInput:
    delivery_destination_name: str


@operation("logs", "GetDeliveryDestinationPolicy")
@operation("logs", "DeleteDeliveryDestinationPolicy")
def find_delivery_destination_policy(call: Call, req: DeliveryDestinationPolicyInput) -> NoReturn:
    """Raise ResourceNotFoundException: there is none."""
    raise _missing("Delivery Destination")


@record
class DestinationInput:
    destination_name: str


@operation("logs", "DeleteDestination")
def delete_destination(call: Call, req: DestinationInput) -> NoReturn:
    """Raise ResourceNotFoundException: there is none."""
    raise AwsError("ResourceNotFoundException", "The specified destination does not exist.")


@record
class ExportTaskInput:
    task_id: str


@operation("logs", "CancelExportTask")
def cancel_export_task(call: Call, req: ExportTaskInput) -> NoReturn:
    """Raise ResourceNotFoundException: there is none."""
    raise AwsError("ResourceNotFoundException", "The specified export task does not exist.")


@record
class DescribeDeliveriesInput:
    delivery_source_names: Stored[tuple[str, ...]] = ()


@operation("logs", "DescribeDeliveries")
def describe_deliveries(call: Call, req: DescribeDeliveriesInput) -> dict[str, Any]:
    return {"deliveries": ()}


@record
class DescribeDeliverySourcesInput:
    resource_arns: Stored[tuple[str, ...]] = ()


@operation("logs", "DescribeDeliverySources")
def describe_delivery_sources(call: Call, req: DescribeDeliverySourcesInput) -> dict[str, Any]:
    return {"delivery_sources": ()}


@record
class DescribeDeliveryDestinationsInput:
    names: Stored[tuple[str, ...]] = ()


@operation("logs", "DescribeDeliveryDestinations")
def describe_delivery_destinations(call: Call, req: DescribeDeliveryDestinationsInput) -> dict[str, Any]:
    return {"delivery_destinations": ()}


@record
class DescribeDestinationsInput:
    destination_name_prefix: Stored[str | None] = None


@operation("logs", "DescribeDestinations")
def describe_destinations(call: Call, req: DescribeDestinationsInput) -> dict[str, Any]:
    return {"destinations": ()}


@record
class DescribeExportTasksInput:
    task_id: Stored[str | None] = None
    status_code: Stored[str | None] = None


@operation("logs", "DescribeExportTasks")
def describe_export_tasks(call: Call, req: DescribeExportTasksInput) -> dict[str, Any]:
    return {"export_tasks": ()}
