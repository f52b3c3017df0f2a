"""The account itself."""

from typing import Any

from culm.model.record import record
from culm.wire.operations import Call, operation


@record
class ListAccountAliasesInput:
    pass


@operation("iam", "ListAccountAliases")
def list_account_aliases(call: Call, req: ListAccountAliasesInput) -> dict[str, Any]:
    """It has none."""
    return {"account_aliases": []}
