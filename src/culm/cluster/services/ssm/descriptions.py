"""Parameters as they are described: everything but their values."""

from typing import Any, Literal

from culm.cluster.services.ssm.filters import StringFilter, chosen
from culm.cluster.services.ssm.references import arn_of
from culm.cluster.store import parameters
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError


@record
class Filter:
    """The older way."""

    key: Literal["Name", "Type", "KeyId"]
    values: tuple[str, ...]


@record
class DescribeParametersInput:
    filters: tuple[Filter, ...] = ()
    parameter_filters: tuple[StringFilter, ...] = ()


@operation("ssm", "DescribeParameters")
def describe_parameters(call: Call, req: DescribeParametersInput) -> dict[str, Any]:
    """Return what is known of parameters, without values. Raises ValidationException for filters of both kinds."""
    if req.filters and req.parameter_filters:
        raise AwsError(
            "ValidationException",
            "You can use either Filters or ParameterFilters in a single request.",
        )
    older = [
        StringFilter(key=each.key, option="BeginsWith" if each.key == "Name" else None, values=each.values)
        for each in req.filters
    ]
    shown: list[dict[str, Any]] = []
    for parameter in chosen(call, parameters.below(call.db), (*older, *req.parameter_filters)):
        newest = parameters.version(call.db, parameter.name, open=False)
        assert newest is not None, "a parameter has a version"
        shown.append(
            {
                "name": parameter.name,
                "arn": arn_of(call, parameter.name),
                "type": newest.type,
                "key_id": parameter.key_id,
                "last_modified_date": newest.modified_at,
                "last_modified_user": parameter.modified_by,
                "version": newest.version,
                "description": parameter.description,
                "allowed_pattern": parameter.allowed_pattern,
                "tier": parameter.tier,
                "policies": [],
                "data_type": parameter.data_type,
            }
        )
    return {"parameters": shown}
