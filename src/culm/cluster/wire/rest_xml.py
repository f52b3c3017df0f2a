"""The `rest-xml` protocol, which S3 speaks: members in the path, the query, headers and an XML or plain body.

https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree

from culm.cluster.wire import scalars
from culm.cluster.wire.chunked import unchunked
from culm.cluster.wire.http import Outgoing, Request, Response
from culm.cluster.wire.models import Operation, Service, Shape, snake
from culm.cluster.wire.rest_routes import Route, Router
from culm.cluster.wire.xml import DECLARATION, compile_element, compile_members, escaped, text_writer
from culm.cluster.wire.xml_input import compile_xml
from culm.errors import AwsError

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketLocation": "LocationConstraint",
    "GetBucketVersioning": "VersioningConfiguration",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}
"""The root elements that the API reference shows; botocore's model has dropped them, and other SDKs may look."""

_router = functools.cache(Router)


def find(service: Service, request: Request) -> tuple[str, Route]:
    """Return the operation that a request's path, query and headers lead to."""
    route = _router(service).route(unchunked(request))
    return route.operation, route


Decode = Callable[[Route], dict[str, Any]]


def decoder(operation: Operation) -> Decode:
    """Return the members of a request, from wherever each one is."""
    shape = operation.input
    assert shape is not None, operation.name  # what has a path has at least that
    parts = [located(name, member) for name, member in shape.members.items() if member.location]
    payload = shape.traits.get("payload")
    body = payload_decoder(payload, shape.members[payload]) if payload else body_decoder(shape)

    def decode(route: Route) -> dict[str, Any]:
        members = {}
        for name, read in parts:
            if (value := read(route)) is not None:
                members[name] = value
        return members | body(route.request)

    return decode


def located(name: str, member: Shape) -> tuple[str, Callable[[Route], Any]]:
    """Return a member that is not in the body, and how it is read from a request; None is "not there"."""
    wire = member.location_name or name
    convert = scalars.of(member)
    match member.location:
        case "uri":
            return name, lambda route: convert(route.labels[wire])
        case "querystring":
            return name, lambda route: convert(route.query[wire]) if wire in route.query else None
        case "header":
            lower = wire.lower()

            def header(route: Route) -> Any:
                value = route.request.headers.get(lower)
                return None if value is None else convert(value)

            return name, header
        case _:
            prefix = wire.lower()

            def headers(route: Route) -> Any:
                given = route.request.headers.items()
                return {key[len(prefix) :]: value for key, value in given if key.startswith(prefix)} or None

            return name, headers


def payload_decoder(name: str, member: Shape) -> Callable[[Request], dict[str, Any]]:
    """Return what reads a body that is one member: a document, or the bytes themselves."""
    if member.type == "blob":
        return lambda request: {name: request.body} if request.body else {}
    if member.type == "string":
        return lambda request: {name: request.body.decode(errors="replace")} if request.body else {}
    read = compile_xml(member)
    return lambda request: {name: read(parse(request.body))} if request.body else {}


def body_decoder(shape: Shape) -> Callable[[Request], dict[str, Any]]:
    """Return what reads a body that is a document of the members that are nowhere else."""
    if all(member.location for member in shape.members.values()):
        return lambda request: {}
    read = compile_xml(shape)
    return lambda request: dict(read(parse(request.body))) if request.body else {}


def parse(body: bytes) -> ElementTree.Element:
    """Parse a document; raise MalformedXML, also for one that defines entities, as S3 does."""
    if b"<!DOCTYPE" in body:
        raise AwsError("MalformedXML", "The XML you provided was not well-formed: it has a document type")
    try:
        return ElementTree.fromstring(body)
    except (ElementTree.ParseError, LookupError, ValueError) as problem:
        raise AwsError("MalformedXML", f"The XML you provided was not well-formed: {problem}") from problem


def encoder(operation: Operation) -> Callable[[Any, str], Response]:
    """Return a response from what the operation returned."""
    shape = operation.output
    if shape is None:
        return lambda result, request_id: Response(status=operation.status, headers=identify(request_id))
    write_headers = header_writer(shape)
    payload = shape.traits.get("payload")
    document = not payload or shape.members[payload].type == "structure"
    write_body = payload_writer(payload, shape.members[payload]) if payload else document_writer(operation, shape)

    def encode(result: Any, request_id: str) -> Response:
        members = {} if result is None else result
        status, headers = write_headers(members)
        body = b"" if operation.method == "HEAD" else write_body(members)
        outgoing, body = (None, body) if isinstance(body, bytes) else (body, b"")
        if document and body:
            headers["content-type"] = "application/xml"
        if "content-range" in headers:
            status = 206
        return Response(
            status=status or operation.status, headers=headers | identify(request_id), body=body, outgoing=outgoing
        )

    return encode


def ask(members: Any, own: str) -> Any:
    return members.get(own) if isinstance(members, Mapping) else getattr(members, own, None)


def header_writer(shape: Shape) -> Callable[[Any], tuple[int | None, dict[str, str]]]:
    """Return what makes status and headers of an operation's result."""
    named = [
        ((member.location_name or name).lower(), snake(name), header_text(member))
        for name, member in shape.members.items()
        if member.location == "header"
    ]
    prefixed = [
        ((member.location_name or "").lower(), snake(name))
        for name, member in shape.members.items()
        if member.location == "headers"
    ]
    status = next((snake(name) for name, member in shape.members.items() if member.location == "statusCode"), None)

    def write(members: Any) -> tuple[int | None, dict[str, str]]:
        headers = {wire: text(value) for wire, own, text in named if (value := ask(members, own)) is not None}
        for prefix, own in prefixed:
            headers |= {prefix + key: value for key, value in (ask(members, own) or {}).items()}
        return (ask(members, status) if status else None), headers

    return write


def header_text(member: Shape) -> Callable[[Any], str]:
    """Return how a scalar is written in a header: not escaped, and times as HTTP has them."""
    if member.type == "timestamp":
        return text_writer(member, time="rfc822")
    if member.type == "boolean":
        return text_writer(member)
    return str


def payload_writer(name: str, member: Shape) -> Callable[[Any], bytes | Outgoing]:
    """Return what writes a body that is one member; a blob may be too large to be held."""
    own = snake(name)
    if member.type == "blob":
        return lambda members: ask(members, own) or b""
    if member.type == "string":
        return lambda members: (ask(members, own) or "").encode()
    write = compile_element(member, member.location_name or member.name, NAMESPACE)

    def body(members: Any) -> bytes:
        value = ask(members, own)
        if value is None:
            return b""
        out = [DECLARATION]
        write(value, out)
        return "".join(out).encode()

    return body


def document_writer(operation: Operation, shape: Shape) -> Callable[[Any], bytes]:
    """Return what writes a body that is a document of the members that are not headers, if there are any."""
    inside = {name: member for name, member in shape.members.items() if not member.location}
    if not inside:
        return lambda members: b""
    root = ROOTS.get(operation.name, f"{operation.name}Result")
    start, end = f'{DECLARATION}<{root} xmlns="{NAMESPACE}">', f"</{root}>"
    if operation.name == "GetBucketLocation":  # its root element holds the text itself
        return lambda members: f"{start}{escaped(ask(members, 'location_constraint') or '')}{end}".encode()
    write = compile_members(shape)

    def body(members: Any) -> bytes:
        out = [start]
        write(members, out)
        out.append(end)
        return "".join(out).encode()

    return body


def failure(error: AwsError, request_id: str) -> Response:
    """Return an error in S3's form. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""
    members = "".join(f"<{name}>{escaped(value)}</{name}>" for name, value in error.members.items())
    body = (
        f"{DECLARATION}<Error><Code>{escaped(error.code)}</Code><Message>{escaped(error.message)}</Message>{members}"
        f"<RequestId>{request_id}</RequestId></Error>"
    )
    return Response(
        status=error.status,
        headers={"content-type": "application/xml"} | identify(request_id),
        body=b"" if error.status == 304 else body.encode(),
    )


def identify(request_id: str) -> dict[str, str]:
    return {"x-amz-request-id": request_id, "x-amz-id-2": request_id}
