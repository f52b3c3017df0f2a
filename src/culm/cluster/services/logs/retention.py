"""How long a group keeps its events.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
"""

from dataclasses import replace

from culm.cluster.services.logs.groups import existing
from culm.cluster.store.logs import groups
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError

_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


@record
class PutRetentionPolicyInput:
    log_group_name: str
    retention_in_days: int


@operation("logs", "PutRetentionPolicy", wakes=True)
def put_retention_policy(call: Call, req: PutRetentionPolicyInput) -> None:
    """Say after how many days a group's events go.

    Raises InvalidParameterException for a number of days that CloudWatch does not offer.
    """
    if req.retention_in_days not in _DAYS:
        raise AwsError(
            "InvalidParameterException",
            f"1 validation error detected: Value '{req.retention_in_days}' at 'retentionInDays' failed to satisfy "
            f"constraint: Member must satisfy enum value set: [{', '.join(map(str, _DAYS))}]",
        )
    groups.save(call.db, replace(existing(call.db, req.log_group_name), retention_days=req.retention_in_days))


@record
class DeleteRetentionPolicyInput:
    log_group_name: str


@operation("logs", "DeleteRetentionPolicy")
def delete_retention_policy(call: Call, req: DeleteRetentionPolicyInput) -> None:
    """Let a group keep its events for ever."""
    groups.save(call.db, replace(existing(call.db, req.log_group_name), retention_days=None))
