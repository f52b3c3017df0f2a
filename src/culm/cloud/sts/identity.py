"""Who the caller is."""

from typing import Any

from culm.model.record import record
from culm.wire.operations import Call, operation


@record
class GetCallerIdentityInput:
    pass


@operation("sts", "GetCallerIdentity")
def get_caller_identity(call: Call, req: GetCallerIdentityInput) -> dict[str, Any]:
    """Needs no permission: whoever signed may know who that is."""
    return {"account": call.account, "user_id": call.principal.user_id, "arn": call.principal.arn}
