"""The `smithy-rpc-v2-cbor` protocol: JSON's data model in CBOR, the operation in the path.

https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from collections.abc import Callable
from typing import Any

from culm.cluster.wire.http import Request, Response
from culm.cluster.wire.models import Operation, Service
from culm.cluster.wire.output import compile_output
from culm.errors import AwsError

HEADERS = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
EPOCH_SECONDS = 1
"""The tag of timestamps."""


def find(service: Service, request: Request) -> tuple[str, Request]:
    """Return the operation that a path names: `/service/GraniteServiceVersion20100801/operation/GetMetricData`."""
    return request.path.rpartition("/operation/")[2], request


def decoder(operation: Operation) -> Callable[[Request], Any]:
    """Return the members of a request's body; an operation without input has none."""
    import cbor2  # few clients speak it: who does not ask does not pay

    def decode(request: Request) -> Any:
        if not request.body:
            return {}
        try:
            members = cbor2.loads(request.body)
        except (cbor2.CBORDecodeError, ValueError, TypeError, OverflowError, RecursionError) as problem:
            raise AwsError("SerializationException", f"The body is not CBOR: {problem}") from problem
        if type(members) is not dict or not all(type(name) is str for name in members):
            raise AwsError("SerializationException", "The body is not a CBOR map")
        return members

    return decode


def encoder(operation: Operation) -> Callable[[Any, str], Response]:
    """Return a response from what the operation returned."""
    import cbor2

    write = None
    if operation.output is not None:
        write = compile_output(operation.output, {"timestamp": lambda at: cbor2.CBORTag(EPOCH_SECONDS, at)})

    def encode(result: Any, request_id: str) -> Response:
        body = cbor2.dumps(write({} if result is None else result)) if write else cbor2.dumps({})
        return Response(status=200, headers=_headers(request_id), body=body)

    return encode


def failure(error: AwsError, request_id: str) -> Response:
    """Return an error in this protocol's form."""
    import cbor2

    body = cbor2.dumps({"__type": error.code, "message": error.message} | error.members)
    return Response(status=error.status, headers=_headers(request_id), body=body)


def _headers(request_id: str) -> dict[str, str]:
    return {**HEADERS, "x-amzn-requestid": request_id}
