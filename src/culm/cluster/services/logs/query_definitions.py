"""Definitions of Insights' queries, kept by name in folders (`shop/errors`).

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutQueryDefinition.html
"""

from dataclasses import asdict
from typing import Any, Literal

from culm.cluster.store.logs import queries
from culm.cluster.wire.operations import Call, operation
from culm.core.model.logs import QueryDefinition
from culm.core.model.record import Stored, record
from culm.errors import AwsError

_MOST_DEFINITIONS = 1000


@record
class PutQueryDefinitionInput:
    name: str
    query_string: str
    query_definition_id: str | None = None
    log_group_names: tuple[str, ...] = ()
    query_language: Literal["CWLI"] = "CWLI"
    client_token: Stored[str | None] = None


@operation("logs", "PutQueryDefinition")
def put_query_definition(call: Call, req: PutQueryDefinitionInput) -> dict[str, Any]:
    """Save a query under a name, in place of the one of this id.

    Raises ResourceNotFoundException for an id that there is not, and LimitExceededException.
    """
    known = {each.query_definition_id for each in queries.definitions(call.db)}
    if req.query_definition_id is not None and req.query_definition_id not in known:
        raise _missing()
    if req.query_definition_id is None and len(known) >= _MOST_DEFINITIONS:
        raise AwsError("LimitExceededException", "Resource limit exceeded.")
    definition = QueryDefinition(
        query_definition_id=req.query_definition_id or uuid(call),
        name=req.name,
        query_string=req.query_string,
        last_modified=int(call.now * 1000),
        log_group_names=req.log_group_names,
        query_language=req.query_language,
    )
    queries.define(call.db, definition)
    return {"query_definition_id": definition.query_definition_id}


def uuid(call: Call) -> str:
    """Return a fresh id in five groups of digits."""
    digits = call.new_id()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _missing() -> AwsError:
    return AwsError("ResourceNotFoundException", "The specified query definition does not exist.")


@record
class DescribeQueryDefinitionsInput:
    query_definition_name_prefix: str = ""
    query_language: Literal["CWLI"] | None = None


@operation("logs", "DescribeQueryDefinitions")
def describe_query_definitions(call: Call, req: DescribeQueryDefinitionsInput) -> dict[str, Any]:
    prefix = req.query_definition_name_prefix
    there = [each for each in queries.definitions(call.db) if each.name.startswith(prefix)]
    return {"query_definitions": [asdict(each) | {"log_group_names": each.log_group_names or None} for each in there]}


@record
class DeleteQueryDefinitionInput:
    query_definition_id: str


@operation("logs", "DeleteQueryDefinition")
def delete_query_definition(call: Call, req: DeleteQueryDefinitionInput) -> dict[str, Any]:
    """Delete a saved query. Raises ResourceNotFoundException."""
    if not queries.undefine(call.db, req.query_definition_id):
        raise _missing()
    return {"success": True}
