"""The `query` protocol's responses in JSON, for clients whose Accept header asks for that.

Moments are epoch seconds in it; otherwise it has what the XML has.
https://docs.aws.amazon.com/STS/latest/APIReference/CommonParameters.html
"""

from collections.abc import Callable
from typing import Any

import msgspec

from culm.cluster.wire.http import Response
from culm.cluster.wire.models import Operation
from culm.cluster.wire.output import compile_output
from culm.errors import AwsError

NAME = "query-json"
"""The name that it has among the protocols."""
ACCEPTED = "application/json"
_encode = msgspec.json.Encoder().encode


def encoder(operation: Operation) -> Callable[[Any, str], Response]:
    """Return a response from what the operation returned."""
    write = compile_output(operation.output) if operation.output else None

    def encode(result: Any, request_id: str) -> Response:
        answer: dict[str, Any] = {"ResponseMetadata": {"RequestId": request_id}}
        if write:
            answer[f"{operation.name}Result"] = write({} if result is None else result)
        return _response(200, {f"{operation.name}Response": answer}, request_id)

    return encode


def failure(error: AwsError, request_id: str) -> Response:
    """Return an error in this form."""
    kind = "Sender" if error.status < 500 else "Receiver"
    described = {"Type": kind, "Code": error.code, "Message": error.message}
    return _response(error.status, {"Error": described, "RequestId": request_id}, request_id)


def _response(status: int, body: dict[str, Any], request_id: str) -> Response:
    headers = {"content-type": ACCEPTED, "x-amzn-requestid": request_id}
    return Response(status=status, headers=headers, body=_encode(body))
