"""An error as a service's model has it: its code on the wire, its status, its members' names."""

from dataclasses import replace

from culm.cluster.wire.http import Response
from culm.cluster.wire.models import Service, snake
from culm.errors import AwsError


def modelled(service: Service, error: AwsError) -> AwsError:
    """Return `error` with what the model knows of it; it may be called by its shape's name or by its wire code."""
    name = service.error_codes.get(error.code, error.code)
    shape = service.shapes.get(name, {})
    declared = shape.get("error", {})
    names = {snake(member): member for member in shape.get("members", {})}
    members = {names.get(own) or pascal(own): value for own, value in error.members.items()}
    if names.get("message") == "Message" and service.protocol == "json":
        members["Message"] = error.message
    status = declared.get("httpStatusCode", error.status) if error.status == 400 else error.status
    return AwsError(declared.get("code", error.code), error.message, status, **members)


def named(service: Service, error: AwsError) -> AwsError:
    """Return `error` under its shape's name, as JSON and CBOR have it where Query has another code."""
    shape = modelled(service, error)
    return AwsError(
        service.error_codes.get(error.code, error.code),
        shape.message,
        shape.status,
        **shape.members,
    )


def query_compatible(response: Response, error: AwsError) -> Response:
    """Return the response with the code that the service's Query clients know.

    https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#awsquerycompatible-trait
    """
    kind = "Sender" if error.status < 500 else "Receiver"
    return replace(response, headers={**response.headers, "x-amzn-query-error": f"{error.code};{kind}"})


def pascal(own: str) -> str:
    """Return a member's name as in S3's errors, for members that no model lists: `bucket_name` is `BucketName`."""
    return "".join(part.capitalize() for part in own.split("_"))
