"""Maintenance windows: there are none here, and whoever asks for one is told so in Systems Manager's own words.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetMaintenanceWindow.html
"""

from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError


@record
class GetMaintenanceWindowInput:
    window_id: str


@operation("ssm", "GetMaintenanceWindow")
def get_maintenance_window(call: Call, req: GetMaintenanceWindowInput) -> None:
    """Raise DoesNotExistException: nothing here makes a maintenance window."""
    raise AwsError("DoesNotExistException", f"Maintenance window {req.window_id} does not exist")
