"""Who the caller is."""

from typing import Any

from culm.model.arn import arn
from culm.model.record import record
from culm.wire.operations import Call, operation


@record
class GetCallerIdentityInput:
    pass


@operation("sts", "GetCallerIdentity")
def get_caller_identity(call: Call, req: GetCallerIdentityInput) -> dict[str, Any]:
    """The local cluster has one caller: its owner, as the account's root."""
    return {"account": call.account, "user_id": call.account, "arn": arn("iam", "", call.account, "root")}
