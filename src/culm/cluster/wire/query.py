"""The `query` and `ec2` protocols' responses.

https://smithy.io/2.0/aws/protocols/aws-query-protocol.html and .../aws-ec2-query-protocol.html
"""

from collections.abc import Callable
from typing import Any

from culm.cluster.wire.http import Response
from culm.cluster.wire.models import Operation
from culm.cluster.wire.xml import DECLARATION, compile_members, escaped
from culm.errors import AwsError


def encoder(operation: Operation) -> Callable[[Any, str], Response]:
    """Return a response from what the operation returned."""
    metadata = operation.service.metadata
    ec2 = operation.service.protocol == "ec2"
    namespace = (
        metadata.get("xmlNamespace")
        or f"http://{metadata['endpointPrefix']}.amazonaws.com/doc/{metadata['apiVersion']}/"
    )
    wrapper = operation.output.traits.get("resultWrapper") if operation.output else None
    write = compile_members(operation.output) if operation.output else None
    start = f'{DECLARATION}<{operation.name}Response xmlns="{namespace}">'
    end = f"</{operation.name}Response>"

    def encode(result: Any, request_id: str) -> Response:
        out = [start]
        if ec2:
            out.append(f"<requestId>{request_id}</requestId>")
        if wrapper:
            out.append(f"<{wrapper}>")
        if write:
            write({} if result is None else result, out)
        if wrapper:
            out.append(f"</{wrapper}>")
        if not ec2:
            out.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>")
        out.append(end)
        return Response(status=200, headers=headers(request_id), body="".join(out).encode())

    return encode


def headers(request_id: str) -> dict[str, str]:
    return {"content-type": "text/xml", "x-amzn-requestid": request_id}


def failure(error: AwsError, request_id: str) -> Response:
    """Return an error in the query protocol's form."""
    kind = "Sender" if error.status < 500 else "Receiver"
    body = (
        f"{DECLARATION}<ErrorResponse><Error><Type>{kind}</Type><Code>{escaped(error.code)}</Code>"
        f"<Message>{escaped(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return Response(status=error.status, headers=headers(request_id), body=body.encode())


def ec2_failure(error: AwsError, request_id: str) -> Response:
    """Return an error in EC2's form."""
    body = (
        f"{DECLARATION}<Response><Errors><Error><Code>{escaped(error.code)}</Code>"
        f"<Message>{escaped(error.message)}</Message></Error></Errors><RequestID>{request_id}</RequestID></Response>"
    )
    return Response(status=error.status, headers=headers(request_id), body=body.encode())
