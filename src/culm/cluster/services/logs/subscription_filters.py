"""Subscription filters: events sent on as they are put, to Lambda, Kinesis, Firehose or a destination of Logs.

This cluster has none of these, so each is refused as AWS refuses what does not exist, and there is never a filter.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutSubscriptionFilter.html
"""

from collections.abc import Callable
from typing import Any, Literal

from culm.cluster.services.logs.groups import existing
from culm.cluster.services.logs.metric_filters import compiled
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError


@record
class PutSubscriptionFilterInput:
    log_group_name: str
    filter_name: str
    filter_pattern: str
    destination_arn: str
    role_arn: str | None = None
    distribution: Literal["Random", "ByLogStream"] | None = None
    apply_on_transformed_logs: bool = False


@operation("logs", "PutSubscriptionFilter")
def put_subscription_filter(call: Call, req: PutSubscriptionFilterInput) -> None:
    """Raise what AWS raises for a destination that does not exist: there is none that culm could deliver to."""
    compiled(req.filter_pattern)
    parts = req.destination_arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn" or parts[2] not in _REFUSALS:
        raise AwsError(
            "InvalidParameterException", "PutSubscriptionFilter operation cannot work with this destinationArn."
        )
    refuse, account = _REFUSALS[parts[2]], parts[4]
    raise refuse(call, req, account)


def _function(call: Call, req: PutSubscriptionFilterInput, account: str) -> AwsError:
    if account != call.account:
        return AwsError(
            "AccessDeniedException",
            "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to create cross "
            "account lambda triggers.",
        )
    existing(call.db, req.log_group_name)
    return AwsError(
        "InvalidParameterException",
        "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your "
        "function.",
    )


def _delivering(vendor: str, kind: str) -> Callable[[Call, PutSubscriptionFilterInput, str], AwsError]:
    def refuse(call: Call, req: PutSubscriptionFilterInput, account: str) -> AwsError:
        if req.role_arn is None:
            return AwsError(
                "InvalidParameterException", f"destinationArn for vendor {vendor} cannot be used without roleArn"
            )
        existing(call.db, req.log_group_name)
        return AwsError(
            "InvalidParameterException",
            f"Could not deliver test message to specified {kind} stream. Check if the given {vendor} stream is in "
            "ACTIVE state. ",
        )

    return refuse


def _destination(call: Call, req: PutSubscriptionFilterInput, account: str) -> AwsError:
    existing(call.db, req.log_group_name)
    return AwsError("ResourceNotFoundException", "The specified destination does not exist.")


_REFUSALS: dict[str, Callable[[Call, PutSubscriptionFilterInput, str], AwsError]] = {
    "lambda": _function,
    "kinesis": _delivering("kinesis", "Kinesis"),
    "firehose": _delivering("firehose", "Firehose"),
    "logs": _destination,
}
"""By the service that a destination's ARN names."""


@record
class DescribeSubscriptionFiltersInput:
    log_group_name: str
    filter_name_prefix: str = ""


@operation("logs", "DescribeSubscriptionFilters")
def describe_subscription_filters(call: Call, req: DescribeSubscriptionFiltersInput) -> dict[str, Any]:
    """Return none. Raises ResourceNotFoundException for a group that there is not."""
    existing(call.db, req.log_group_name)
    return {"subscription_filters": ()}


@record
class DeleteSubscriptionFilterInput:
    log_group_name: str
    filter_name: str


@operation("logs", "DeleteSubscriptionFilter")
def delete_subscription_filter(call: Call, req: DeleteSubscriptionFilterInput) -> None:
    """Raise ResourceNotFoundException: there is none."""
    existing(call.db, req.log_group_name)
    raise AwsError("ResourceNotFoundException", "The specified subscription filter does not exist.")
