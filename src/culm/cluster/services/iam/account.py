"""The account itself."""

from typing import Any

from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record


@record
class ListAccountAliasesInput:
    pass


@operation("iam", "ListAccountAliases")
def list_account_aliases(call: Call, req: ListAccountAliasesInput) -> dict[str, Any]:
    """Return none: the account has no aliases."""
    return {"account_aliases": []}
