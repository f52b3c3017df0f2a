"""Several secrets' values at once.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
"""

from typing import Any

from culm.cluster.services.secretsmanager.filters import Filter, chosen
from culm.cluster.services.secretsmanager.versions import GetSecretValueInput, get_secret_value
from culm.cluster.store import secrets
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError


@record
class BatchGetSecretValueInput:
    secret_id_list: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


@operation("secretsmanager", "BatchGetSecretValue")
def batch_get_secret_value(call: Call, req: BatchGetSecretValueInput) -> dict[str, Any]:
    """Return values of several secrets, by id or by filter; those that cannot be read are in `errors`.

    Raises InvalidRequestException for both or neither.
    """
    if bool(req.secret_id_list) == bool(req.filters):
        raise AwsError("InvalidRequestException", "Either 'SecretIdList' or 'Filters' must be provided, but not both.")
    by_filter = (each.name for each in chosen(secrets.list_all(call.db), req.filters) if each.deleted_at is None)
    values: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    for id in req.secret_id_list or by_filter:
        try:
            values.append(get_secret_value(call, GetSecretValueInput(secret_id=id)))
        except AwsError as problem:
            errors.append({"secret_id": id, "error_code": problem.code, "message": problem.message})
    return {"secret_values": values, "errors": errors}
