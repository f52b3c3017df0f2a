"""ARNs of schedules and their groups, and groups by name."""

from culm.cluster.store import schedules
from culm.cluster.wire.operations import Call
from culm.core.model.arn import arn
from culm.errors import AwsError


def schedule_arn(call: Call, group: str, name: str) -> str:
    return arn("scheduler", call.region, call.account, f"schedule/{group}/{name}")


def group_arn(call: Call, name: str) -> str:
    return arn("scheduler", call.region, call.account, f"schedule-group/{name}")


def find_group(call: Call, name: str) -> tuple[str, float, float]:
    """Return a group's name, and when it was created and changed. Raises ResourceNotFoundException."""
    group = next((each for each in schedules.groups(call.db) if each[0] == name), None)
    if group is None:
        raise AwsError("ResourceNotFoundException", f"Schedule group {name} does not exist.", 404)
    return group
