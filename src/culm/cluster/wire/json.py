"""The `json` protocol (AWS JSON 1.0 and 1.1).

https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
"""

from collections.abc import Callable
from typing import Any

import msgspec

from culm.cluster.wire.event_stream import CONTENT_TYPE, event
from culm.cluster.wire.http import Request, Response
from culm.cluster.wire.models import Operation, Service
from culm.cluster.wire.output import compile_output
from culm.errors import AwsError

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def find(service: Service, request: Request) -> tuple[str, Request]:
    """Return the operation that a request names."""
    return request.headers.get("x-amz-target", "").partition(".")[2], request


def decoder(operation: Operation) -> Callable[[Request], Any]:
    """Return the members of a request's body."""

    def decode(request: Request) -> Any:
        try:
            members = _decode(request.body or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            raise AwsError("SerializationException", f"The body is not JSON: {problem}") from problem
        if type(members) is not dict:
            raise AwsError("SerializationException", "The body is not a JSON object")
        return members

    return decode


def encoder(operation: Operation) -> Callable[[Any, str], Response]:
    """Return a response from what the operation returned."""
    version = operation.service.metadata.get("jsonVersion", "1.1")
    headers = {"content-type": f"application/x-amz-json-{version}"}
    if operation.output is None:
        return lambda _, request_id: Response(
            status=200, headers={**headers, "x-amzn-requestid": request_id}, body=b"{}"
        )
    write = compile_output(operation.output)
    stream = next((name for name, member in operation.output.members.items() if member.traits.get("eventstream")), None)
    if stream is not None:
        return lambda result, request_id: _beginning(write(result), stream, request_id)

    def encode(result: Any, request_id: str) -> Response:
        body = _encode(write({} if result is None else result))
        return Response(status=200, headers={**headers, "x-amzn-requestid": request_id}, body=body)

    return encode


def _beginning(members: dict[str, Any], stream: str, request_id: str) -> Response:
    """Return an event stream's first messages: the members outside the stream, then the events so far."""
    events = members.pop(stream)
    messages = [event("initial-response", _encode(members))]
    messages += [event(name, _encode(payload)) for name, payload in events.items()]
    headers = {"content-type": CONTENT_TYPE, "x-amzn-requestid": request_id}
    return Response(status=200, headers=headers, body=b"".join(messages))


def failure(error: AwsError, request_id: str) -> Response:
    """Return an error in this protocol's form."""
    message = {} if "Message" in error.members else {"message": error.message}
    body = {"__type": error.code} | message | error.members
    return Response(
        status=error.status,
        headers={"content-type": "application/x-amz-json-1.1", "x-amzn-requestid": request_id},
        body=_encode(body),
    )
