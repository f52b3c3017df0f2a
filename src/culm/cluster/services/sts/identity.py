"""Who the caller is."""

from typing import Any

from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record


@record
class GetCallerIdentityInput:
    pass


@operation("sts", "GetCallerIdentity")
def get_caller_identity(call: Call, req: GetCallerIdentityInput) -> dict[str, Any]:
    """Return who asks; this needs no permission: whoever signed may know who that is."""
    return {"account": call.account, "user_id": call.principal.user_id, "arn": call.principal.arn}


@record
class GetAccessKeyInfoInput:
    access_key_id: str


@operation("sts", "GetAccessKeyInfo")
def get_access_key_info(call: Call, req: GetAccessKeyInfoInput) -> dict[str, Any]:
    """Return this cluster's one account: every key that it knows is of that."""
    return {"account": call.account}
